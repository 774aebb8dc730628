// The frame around the pages: navigation, status bar, banners, messages, keys.
omni.parts.shell = (el, options, say) => {
  const $ = (id) => document.getElementById(id);
  const exchange = options.exchange_zone;
  const local = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  // The server speaks twice a second; after so much silence it is not there.
  const SILENT_MS = 5000;
  const zones = {UTC: "UTC", exchange, local};
  let slug = options.page, status = null, heardAt = 0, lost = false;

  const address = (to, query) => {
    const url = new URL(location.href);
    if (options.paths) url.pathname = options.paths[to];
    for (const name of [...url.searchParams.keys()]) if (!["theme", "zone"].includes(name)) url.searchParams.delete(name);
    if (!options.paths) url.searchParams.set("page", to);
    for (const [name, value] of Object.entries(query || {})) if (value !== null && value !== "") url.searchParams.set(name, value);
    return url;
  };
  const mark = () => {
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.slug === slug) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  const go = (to, query, push = true) => {
    if (!document.querySelector(`nav a[data-slug="${to}"]`)) return;
    slug = to;
    if (push) history.pushState({slug: to}, "", address(to, query));
    document.body.classList.add("waiting");
    mark();
    say({go: to, query: query || {}});
  };
  const queryHere = () => Object.fromEntries(new URL(location.href).searchParams);
  const back = () => {
    const here = new URL(location.href);
    const found = options.paths ? Object.keys(options.paths).find(each => options.paths[each] === here.pathname)
      : here.searchParams.get("page");
    go(found || options.page, queryHere(), false);
  };
  addEventListener("popstate", back);
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
  document.querySelector("nav").addEventListener("click", (event) => {
    const link = event.target.closest("a[data-slug]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    go(link.dataset.slug);
  });

  const remember = (name, value) => {
    try { localStorage.setItem("omni-" + name, value); } catch (error) { /* a browser that keeps nothing */ }
    const url = new URL(location.href);
    if (url.searchParams.has(name)) { url.searchParams.set(name, value); history.replaceState(history.state, "", url); }
  };
  const chooseZone = (name) => {
    if (!(name in zones)) name = "UTC";
    $("omni-zone").value = name;
    omni.setZone(zones[name]);
    remember("zone", name);
    say({zone: zones[name], zone_name: name});
    tick();
  };
  const chooseTheme = (name) => {
    omni.setTheme(name);
    $("omni-theme").textContent = name === "dark" ? "Light" : "Dark";
    $("omni-theme").setAttribute("aria-label", name === "dark" ? "Light theme" : "Dark theme");
    remember("theme", name);
    say({theme: name});
  };
  $("omni-zone").addEventListener("change", (event) => chooseZone(event.target.value));
  $("omni-theme").addEventListener("click", () => chooseTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));

  const fact = (id, text, bad = false) => {
    const place = $(id);
    const b = place.querySelector("b");
    if (b.textContent !== text) b.textContent = text;
    place.classList.toggle("bad", bad);
  };
  const banner = (id, text, kind = "", button = null) => {
    let place = $("omni-banner-" + id);
    if (!text) { place?.remove(); return; }
    const says = text.join("\u0000");
    if (place && place.dataset.says === says) return;
    place?.remove();
    place = omni.make("div", {id: "omni-banner-" + id, class: "banner " + kind, role: "alert", "data-says": says},
      omni.make("strong", {text: text[0]}), omni.make("span", {class: "grow", text: text[1]}), button);
    $("omni-banners").append(place);
  };
  const badge = (mode) => {
    const place = $("omni-mode");
    if (place.textContent !== mode) { place.textContent = mode; place.className = "mode " + mode; }
  };
  const tick = () => {
    const now = Date.now();
    // A replay has the day and the hours of its market.
    const replayed = status?.mode === "replay" && status.ts ? status.ts / 1e6 : null;
    $("omni-clock").querySelector("b").textContent = replayed ? omni.moment(replayed) : omni.clock(now);
    $("omni-clock").querySelector("span").textContent = omni.zoneName(replayed ?? now);
    if (!status) return;
    if (document.hidden) heardAt = now;
    if (!lost && now - heardAt > SILENT_MS) setLost(true);
    const age = status.feed_age_s === null ? null : status.feed_age_s + (now - heardAt) / 1000;
    const stale = age === null ? false : age > options.stale_s && status.state !== "FINISHED";
    omni.setState("stale", stale);
    fact("omni-feed", age === null ? "no events yet" : age < 1 ? "live" : omni.number(age, 1) + " s", stale);
  };
  const showStatus = (told) => {
    status = told; heardAt = Date.now();
    if (lost) setLost(false);
    badge(told.label);
    fact("omni-latency", told.p99_us === null ? "–" : omni.number(told.p99_us, told.p99_us < 10 ? 1 : 0) + " µs");
    const halted = Object.entries(told.halted || {});
    banner("halted", halted.length ? ["Halted: " + halted.map(each => each[0]).join(", "), halted.map(each => each[1]).join("; ")] : null,
      "", halted.length ? omni.make("button", {text: "Kill switch…", onclick: () => say({kill: true})}) : null);
    banner("failed", told.state === "FAILED" ? ["The system failed", told.error || "see the log"] : null);
    document.body.classList.toggle("halted", halted.length > 0);
    tick();
  };
  const deep = (root, selector) => [...root.querySelectorAll("*")].flatMap(each =>
    [...(each.matches(selector) ? [each] : []), ...(each.shadowRoot ? deep(each.shadowRoot, selector) : [])]);
  const setLost = (is) => {
    lost = is;
    if (is) heardAt = Date.now();
    omni.setState("lost", is);
    for (const each of deep(document, ".trades")) { each.inert = is; each.style.opacity = is ? .45 : ""; }
    banner("lost", is ? ["Connection lost", "What you see is not current, and nothing can be sent. Reload when the server is back."] : null,
      "", is ? omni.make("button", {text: "Reload", onclick: () => location.reload()}) : null);
    if (is) badge("DISCONNECTED");
  };
  const watchConnection = () => {
    const documents = window.Bokeh?.documents || [];
    for (const each of documents) each.on_event("connection_lost", () => setLost(true));
    return documents.length > 0;
  };

  const toast = ({text, kind}) => {
    const made = omni.make("div", {class: "toast " + kind}, omni.make("span", {text}));
    made.append(omni.make("button", {"aria-label": "Dismiss", text: "×", onclick: () => made.remove()}));
    $("omni-toasts").append(made);
    while ($("omni-toasts").children.length > 4) $("omni-toasts").firstChild.remove();
    setTimeout(() => made.remove(), kind === "bad" ? 15000 : 6000);
  };

  const confirm = ({number, title, text, yes, danger}) => {
    let answer = false;
    const no = omni.make("button", {class: "act", text: "Cancel", onclick: () => asked.close()});
    const agree = omni.make("button", {class: "act " + (danger ? "danger" : "main"), text: yes,
      onclick: () => { answer = true; asked.close(); }});
    const asked = omni.make("dialog", {class: danger ? "danger" : "", "aria-label": title, role: "alertdialog"},
      omni.make("header", {}, omni.make("h2", {text: title})), omni.make("p", {text}),
      omni.make("div", {class: "answers"}, no, agree));
    asked.addEventListener("close", () => { asked.remove(); say({confirmed: number, yes: answer && !lost}); });
    document.body.append(asked);
    asked.showModal();
    no.focus();
  };

  const focused = () => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    return e;
  };
  let leader = 0;
  const key = (event) => {
    const at = focused();
    const writes = at && (at.matches("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select") || at.isContentEditable);
    if (event.key === "Escape" && writes) { at.blur(); return; }
    if (writes || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "K" && event.shiftKey) { event.preventDefault(); say({kill: true}); return; }
    if (event.key === "?") { event.preventDefault(); $("omni-keys").showModal(); return; }
    if (event.key === "/") {
      const filter = deep(document, "[data-omni-filter]")[0];
      if (filter) { event.preventDefault(); filter.focus(); filter.select?.(); }
      return;
    }
    if (event.key === "g") { leader = Date.now(); return; }
    if (leader && Date.now() - leader < 1500) {
      leader = 0;
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); go(link.dataset.slug); }
    }
  };
  addEventListener("keydown", key);

  const ready = () => {
    const stored = (name) => { try { return localStorage.getItem("omni-" + name); } catch (error) { return null; } };
    const query = new URL(location.href).searchParams;
    chooseTheme(document.documentElement.dataset.theme);
    chooseZone(query.get("zone") || stored("zone") || "UTC");
    mark();
  };
  setTimeout(ready, 0);
  const timer = setInterval(tick, 500);
  const waiter = setInterval(() => { if (watchConnection()) clearInterval(waiter); }, 200);

  return {
    draw: showStatus,
    tell: (message) => {
      if (message.toast) toast(message.toast);
      if (message.confirm) confirm(message.confirm);
      if (message.go) go(message.go, message.query);
      if (message.query_here) history.replaceState(history.state, "", address(slug, message.query_here));
      if (message.here && message.here === slug) {
        $("omni-title").textContent = message.title;
        document.title = message.title + " · OmniLab";
        document.body.classList.remove("waiting");
        if (message.focus) { $("omni-title").focus({preventScroll: true}); scrollTo(0, 0); }
      }
      if (message.save) {
        const bytes = Uint8Array.from(atob(message.save.data), c => c.charCodeAt(0));
        const url = URL.createObjectURL(new Blob([bytes], {type: message.save.type}));
        omni.make("a", {href: url, download: message.save.name}).click();
        setTimeout(() => URL.revokeObjectURL(url), 10000);
      }
    },
    end: () => { clearInterval(timer); clearInterval(waiter); removeEventListener("keydown", key); removeEventListener("popstate", back); },
  };
};
