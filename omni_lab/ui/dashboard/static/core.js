// What every part of a page is drawn with: formats, themes, and how a part talks with the server.
window.omni = (() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(document.getElementById("omni-parts-css").textContent);
  const attach = Element.prototype.attachShadow;
  // Bokeh keeps every model in a shadow tree of its own: one sheet for all of them.
  Element.prototype.attachShadow = function (init) {
    const root = attach.call(this, init);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    return root;
  };

  const NONE = "–";
  const grouped = new Map();
  const formatter = (decimals, signed) => {
    const name = decimals + (signed ? "+" : "");
    if (!grouped.has(name)) grouped.set(name, new Intl.NumberFormat("en-US", {
      minimumFractionDigits: decimals, maximumFractionDigits: decimals,
      signDisplay: signed ? "exceptZero" : "negative",
    }));
    return grouped.get(name);
  };
  const number = (value, decimals = 2, signed = false) =>
    value === null || value === undefined || !Number.isFinite(value)
      ? NONE : formatter(decimals, signed).format(value).replace("-", "−");
  const compact = (value, signed = false) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const size = Math.abs(value);
    const [by, letter] = size >= 1e9 ? [1e9, "B"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
    return number(value / by, by === 1 ? (size >= 100 ? 0 : 2) : size / by >= 100 ? 0 : size / by >= 10 ? 1 : 2, signed) + letter;
  };
  const quantity = (value) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    for (let d = 0; d < 8; d++) if (Math.abs(value - Number(value.toFixed(d))) < 1e-9) return number(value, d);
    return number(value, 8);
  };

  let zone = "UTC";
  const clocks = new Map();
  const clockOf = (options) => {
    const name = zone + JSON.stringify(options);
    if (!clocks.has(name)) clocks.set(name, new Intl.DateTimeFormat("en-GB", {timeZone: zone, hourCycle: "h23", ...options}));
    return clocks.get(name);
  };
  const CLOCK = {hour: "2-digit", minute: "2-digit", second: "2-digit"};
  const DAY = {year: "numeric", month: "2-digit", day: "2-digit"};
  // Times travel as milliseconds since 1970.
  const clock = (ms) => ms ? clockOf(CLOCK).format(ms) : NONE;
  const millis = (ms) => ms ? clock(ms) + "." + String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, "0") : NONE;
  const day = (ms) => ms ? clockOf(DAY).format(ms).split("/").reverse().join("-") : NONE;
  const moment = (ms) => ms ? day(ms) + " " + clock(ms) : NONE;
  const zoneName = (ms = Date.now()) => zone === "UTC" ? "UTC" : (clockOf({timeZoneName: "short"}).formatToParts(ms)
    .find(p => p.type === "timeZoneName") || {value: zone}).value;

  const side = (value) => value === "BUY" || value === 1 ? "▲ buy" : value === "SELL" || value === 2 ? "▼ sell" : NONE;
  const toneOf = (value) => value > 0 ? "good" : value < 0 ? "bad" : "";
  const show = (kind, value, decimals) => {
    switch (kind) {
      case "price": case "number": return number(value, decimals ?? 2);
      case "pnl": return number(value, decimals ?? 2, true);
      case "money": return number(value, decimals ?? 0);
      case "int": return number(value, 0);
      case "qty": return quantity(value);
      case "percent": return value === null || value === undefined || !Number.isFinite(value) ? NONE
        : number(value * 100, decimals ?? 1) + "%";
      case "bps": return number(value, decimals ?? 1, true);
      case "time": return millis(value);
      case "clock": return clock(value);
      case "moment": return moment(value);
      case "day": return day(value);
      case "side": return side(value);
      default: return value === null || value === undefined || value === "" ? NONE : String(value);
    }
  };

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "text") element.textContent = value;
      else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : value);
    }
    element.append(...children.filter(child => child !== null && child !== undefined));
    return element;
  };

  // Colours of the theme for what is painted on a canvas.
  let colours = {};
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["page", "surface", "raised", "ink", "soft", "rule", "edge", "buy", "sell", "good", "warn", "buy-ink",
                        "sell-ink", "accent"])
      colours[name] = style.getPropertyValue("--" + name).trim();
  };
  const setTheme = (name) => {
    document.documentElement.dataset.theme = name;
    readColours();
    window.dispatchEvent(new Event("omni-look"));
  };
  const setZone = (name) => {
    zone = name;
    window.dispatchEvent(new Event("omni-look"));
  };

  // How the market and the connection are; parts wear it as classes.
  const state = {stale: false, lost: false};
  const setState = (name, value) => {
    if (state[name] === value) return;
    state[name] = value;
    document.body.classList.toggle("omni-" + name, value);
    window.dispatchEvent(new Event("omni-state"));
  };

  // Bokeh takes a model that the server has just sent for one that the server has yet to hear of, and sends it back
  // whole with its first event. What comes in a patch is not new.
  const settled = new WeakSet();
  const settle = (document) => {
    if (settled.has(document) || !document._new_models) return;
    settled.add(document);
    const apply = document.apply_json_patch;
    document.apply_json_patch = function (...patch) {
      const before = new Set(this._new_models);
      apply.apply(this, patch);
      for (const each of [...this._new_models]) if (!before.has(each)) this._new_models.delete(each);
    };
  };

  const parts = {};
  // A part draws what it is given, and the server gives it more only after it was seen on the screen.
  const mount = (model, el, view) => {
    // Bokeh would send a model that has left the page as a whole, and the server would take it for a new one.
    const own = view.model;
    own.document && settle(own.document);
    const send = (message) => { if (own.document?.get_model_by_id(own.id) === own) model.send_msg(message); };
    const say = (message) => send({say: message});
    const part = parts[model.part](el, JSON.parse(model.options), say, model);
    const heard = (event) => {
      const message = JSON.parse(event.data ?? event);
      if ("tell" in message) part.tell?.(message.tell);
      if (!("frame" in message)) return;
      part.draw(message.frame);
      requestAnimationFrame(() => send({shown: message.n}));
    };
    const look = () => part.look?.();
    const changed = () => {
      el.classList.toggle("is-stale", state.stale);
      el.classList.toggle("is-lost", state.lost);
    };
    changed();
    window.addEventListener("omni-look", look);
    window.addEventListener("omni-state", changed);
    model.on("msg:custom", heard);
    model.on("remove", () => {
      window.removeEventListener("omni-look", look);
      window.removeEventListener("omni-state", changed);
      part.end?.();
    });
    // After Panel has hung the element into the page, so that a part can measure itself.
    setTimeout(() => send({ready: true}), 0);
  };

  return {number, compact, quantity, clock, millis, day, moment, side, show, toneOf, make, mount, parts, state, setState, setTheme, setZone,
          zoneName, readColours, NONE, get zone() { return zone; }, get colours() { return colours; }};
})();
