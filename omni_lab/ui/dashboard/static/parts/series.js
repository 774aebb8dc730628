// A long line: wheel and + − zoom, drag and arrows walk, 0 shows all. The server sends what the stretch in sight needs.
omni.parts.series = (el, options, say) => {
  const {make} = omni, C = omni.canvas;
  let data = null, from = 0, to = 1, at = null, grip = null, asked = null;
  const said = make("span", {class: "said"}), note = make("div", {});
  const view = C.surface(options.height, (ctx, w, h) => paint(ctx, w, h), options.title);
  const all = make("button", {class: "act small", text: "All", onclick: () => ask(null)});
  view.place.tabIndex = 0;
  view.place.setAttribute("role", "group");
  view.place.setAttribute("aria-label", `${options.title}: arrows walk, plus and minus zoom, 0 shows all`);
  el.append(make("section", {class: "box", "aria-label": options.title}, make("header", {}, make("h2", {text: options.title}), said,
    make("span", {class: "grow"}), all), view.place, note));
  let box = {left: 10, width: 1};

  const ask = (range) => {
    if (range) {
      const [low, high] = data.whole, span = Math.min(high - low, Math.max(range[1] - range[0], 10));
      const begin = Math.min(Math.max(range[0], low), high - span);
      [from, to] = [begin, begin + span];
      range = [from, to];
    }
    view.later();
    clearTimeout(asked);
    asked = setTimeout(() => say({range}), 60);
  };
  const zoom = (factor, centre) => ask([centre - (centre - from) * factor, centre + (to - centre) * factor]);
  const timeAt = (x) => from + (x - box.left) / box.width * (to - from);
  view.place.addEventListener("wheel", (event) => { if (data) { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : .8, timeAt(event.offsetX)); } }, {passive: false});
  view.canvas.addEventListener("pointerdown", (event) => { grip = {x: event.offsetX, from, to}; view.canvas.setPointerCapture(event.pointerId); });
  view.canvas.addEventListener("pointerup", () => { grip = null; });
  C.pointer(view.canvas, (place) => {
    at = place;
    if (grip && place) { const by = (grip.x - place.x) / box.width * (grip.to - grip.from); ask([grip.from + by, grip.to + by]); }
    else view.later();
  });
  view.place.addEventListener("keydown", (event) => {
    const span = to - from, keys = {ArrowLeft: () => ask([from - span / 5, to - span / 5]), ArrowRight: () => ask([from + span / 5, to + span / 5]),
      "+": () => zoom(.5, (from + to) / 2), "-": () => zoom(2, (from + to) / 2), "0": () => ask(null)};
    if (data && keys[event.key]) { event.preventDefault(); event.stopPropagation(); keys[event.key](); }
  });

  const paint = (ctx, w, h) => {
    if (!data || !data.x.length) return;
    const c = omni.colours, {x, y} = data;
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < x.length; i++) if (y[i] !== null && x[i] >= from && x[i] <= to) { low = Math.min(low, y[i]); high = Math.max(high, y[i]); }
    if (!Number.isFinite(low)) [low, high] = [0, 1];
    const pad = (high - low) * .06 || Math.abs(high) * 1e-4 || 1;
    const f = box = C.frame(ctx, w, h, {from, to, low: low - pad, high: high + pad, right: 78,
      label: (v, step) => step < 1 ? omni.number(v, Math.ceil(-Math.log10(step))) : omni.number(v, 0)});
    ctx.save(); ctx.beginPath(); ctx.rect(f.left, f.top, f.width, f.height); ctx.clip();
    ctx.beginPath(); ctx.strokeStyle = c.accent; ctx.lineWidth = 1.2;
    let open = false;
    for (let i = 0; i < x.length; i++) {
      if (y[i] === null) { open = false; continue; }
      if (open) ctx.lineTo(f.X(x[i]), f.Y(y[i])); else ctx.moveTo(f.X(x[i]), f.Y(y[i]));
      open = true;
    }
    ctx.stroke();
    let text = `${omni.number(data.n, 0)} points`;
    if (data.n > x.length) text += `, ${omni.number(x.length, 0)} drawn`;
    if (at) {
      const i = Math.max(0, C.find(x, timeAt(at.x)));
      ctx.strokeStyle = c.soft; ctx.beginPath(); ctx.moveTo(f.X(x[i]), f.top); ctx.lineTo(f.X(x[i]), f.base); ctx.stroke();
      text = `${omni.moment(x[i])}  ${omni.show(options.kind, y[i], options.decimals)}  ·  ` + text;
    }
    ctx.restore();
    if (said.textContent !== text) said.textContent = text;
  };
  return {draw: (told) => {
    data = told;
    [from, to] = [told.from, Math.max(told.to, told.from + 1)];
    note.replaceChildren(...(told.x.length ? [] : [make("div", {class: "empty"}, make("b", {text: options.empty[0]}), options.empty[1])]));
    view.later();
  }, look: view.later, end: view.end};
};
