// Alerts, jobs and health: lists that say with a shape and a word what their colour says.
(() => {
  const {make} = omni;
  const SHAPES = {critical: ["■", "bad"], error: ["■", "bad"], warning: ["▲", "warn"], info: ["●", "info"]};

  const list = (title, empty) => {
    const said = make("span", {class: "said"}), body = make("ul", {class: "list"});
    const nothing = make("div", {class: "empty"}, make("b", {text: empty[0]}), empty[1]);
    const element = make("section", {class: "box", "aria-label": title}, make("header", {}, make("h2", {text: title}), said),
      make("div", {class: "skeleton", style: "height:60px"}), body, nothing);
    nothing.hidden = true;
    const known = new Map();
    // Rows that stay are filled again, not made anew: a button keeps the focus.
    const fill = (rows, build, text) => {
      element.querySelector(".skeleton")?.remove();
      const all = rows.map(row => {
        if (!known.has(row.key)) known.set(row.key, build(row));
        known.get(row.key).fill(row);
        return known.get(row.key).element;
      });
      if (body.children.length !== all.length || all.some((each, i) => body.children[i] !== each)) body.replaceChildren(...all);
      for (const key of [...known.keys()]) if (!rows.some(row => row.key === key)) known.delete(key);
      nothing.hidden = rows.length > 0;
      said.textContent = text;
    };
    return {element, fill};
  };
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  omni.parts.alerts = (el, options, say) => {
    const shown = list(options.title, options.empty);
    el.append(shown.element);
    let last = null;
    const build = (row) => {
      const badge = make("span", {}), text = make("span", {class: "what"}), note = make("span", {class: "soft"});
      const button = make("button", {class: "act small trades", text: "Acknowledge", onclick: () => say({acknowledge: row.key})});
      return {element: make("li", {}, badge, text, note, button), fill: (now) => {
        const [shape, tone] = SHAPES[now.severity] || SHAPES.info;
        badge.className = "badge " + tone; put(badge, `${shape} ${now.severity}`);
        put(text, now.text);
        put(note, omni.clock(now.ms) + (now.by ? ` · seen by ${now.by}` : ""));
        button.hidden = Boolean(now.by);
        button.disabled = Boolean(now.why_not); button.title = now.why_not || "";
        button.setAttribute("aria-label", `Acknowledge: ${now.text}`);
      }};
    };
    const draw = (told) => {
      last = told;
      const unseen = told.alerts.filter(each => !each.by).length;
      shown.fill(told.alerts, build, told.alerts.length ? `${unseen} to acknowledge, ${told.alerts.length} open` : "");
    };
    return {draw, look: () => last && draw(last)};
  };

  omni.parts.jobs = (el, options, say) => {
    const shown = list(options.title, options.empty);
    el.append(shown.element);
    const build = () => {
      const name = make("span", {class: "what"}), state = make("span", {class: "badge info"}), fill = make("i", {}), note = make("span", {class: "soft"});
      const bar = make("div", {class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100}, fill);
      return {element: make("li", {}, state, name, bar, note), fill: (now) => {
        put(name, now.name); put(state, now.state.toLowerCase());
        bar.setAttribute("aria-label", `${now.name}, ${now.state.toLowerCase()}`);
        if (now.progress === null) bar.removeAttribute("aria-valuenow"); else bar.setAttribute("aria-valuenow", Math.round(now.progress * 100));
        fill.style.width = 100 * (now.progress ?? 0) + "%";
        put(note, (now.progress === null ? "" : Math.round(now.progress * 100) + "% ") + now.text);
      }};
    };
    return {draw: (told) => shown.fill(told.jobs, build, told.jobs.length ? omni.number(told.jobs.length, 0) : "")};
  };

  omni.parts.facts = (el, options) => {
    const shown = list(options.title, options.empty);
    el.append(shown.element);
    const build = () => {
      const label = make("span", {class: "soft label"}), badge = make("span", {}), text = make("span", {class: "what"});
      return {element: make("li", {}, label, badge, text), fill: (now) => {
        put(label, now.label);
        put(badge, `${now.tone === "bad" ? "■" : now.tone === "warn" ? "▲" : "●"} ${now.word}`); badge.className = "badge " + now.tone;
        put(text, now.text);
      }};
    };
    return {draw: (told) => shown.fill(told.facts, build, "")};
  };
})();
