// A cloud of points that the server counts by pixel: a box that is drawn, wheel and + − zoom, arrows walk, 0 shows all.
omni.parts.cloud = (el, options, say) => {
  const {make} = omni, C = omni.canvas, LEFT = 10, RIGHT = 78, TOP = 8, BOTTOM = 22;
  let data = null, image = null, view = null, box = null, at = null, grip = null, asked = null, size = "";
  const said = make("span", {class: "said"}), note = make("div", {});
  const bar = make("i", {}), most = make("span", {}), legend = make("div", {class: "legend"}, make("span", {}, "points on a pixel, few ", bar, " many"), most);
  const surface = C.surface(options.height, (ctx, w, h) => paint(ctx, w, h), options.title);
  const all = make("button", {class: "act small", text: "All", onclick: () => ask(null)});
  surface.place.setAttribute("role", "group");
  surface.place.setAttribute("aria-label", `${options.title}: plus and minus zoom, arrows walk, 0 shows all`);
  surface.canvas.style.cursor = "crosshair";
  surface.canvas.style.touchAction = "none";
  el.append(make("section", {class: "box", "aria-label": options.title}, make("header", {}, make("h2", {text: options.title}), said,
    make("span", {class: "grow"}), all), surface.place, legend, note));

  const ask = (wanted) => {
    if (!data) return;
    view = wanted || data.whole;
    surface.later();
    clearTimeout(asked);
    asked = setTimeout(() => { asked = null; say({view: wanted}); }, 60);
  };
  const near = (factor, x, y) => {
    const wide = data.whole, next = [x - (x - view[0]) * factor, x + (view[1] - x) * factor, y - (y - view[2]) * factor, y + (view[3] - y) * factor];
    if (next[1] - next[0] < (wide[1] - wide[0]) * 1e-9 || next[3] - next[2] < (wide[3] - wide[2]) * 1e-9) return;
    ask(next[1] - next[0] >= wide[1] - wide[0] && next[3] - next[2] >= wide[3] - wide[2] ? null : next);
  };
  const walk = (across, up) => { const dx = (view[1] - view[0]) * across, dy = (view[3] - view[2]) * up; ask([view[0] + dx, view[1] + dx, view[2] + dy, view[3] + dy]); };
  const place = (p) => [view[0] + (p.x - box.left) / box.width * (view[1] - view[0]), view[3] - (p.y - box.top) / box.height * (view[3] - view[2])];

  surface.place.addEventListener("wheel", (event) => { if (data && box) { event.preventDefault(); near(event.deltaY > 0 ? 1.25 : .8, ...place({x: event.offsetX, y: event.offsetY})); } }, {passive: false});
  surface.canvas.addEventListener("pointerdown", (event) => { if (data && box) { grip = {x: event.offsetX, y: event.offsetY}; surface.canvas.setPointerCapture(event.pointerId); } });
  surface.canvas.addEventListener("pointerup", (event) => {
    const from = grip, to = {x: event.offsetX, y: event.offsetY};
    grip = null;
    surface.later();
    if (!data || !from || Math.abs(from.x - to.x) < 6 || Math.abs(from.y - to.y) < 6) return;
    const a = place(from), b = place(to);
    ask([Math.min(a[0], b[0]), Math.max(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[1], b[1])]);
  });
  surface.canvas.addEventListener("pointercancel", () => { grip = null; surface.later(); });
  surface.canvas.addEventListener("dblclick", () => ask(null));
  C.pointer(surface.canvas, (where) => { at = where; surface.later(); });
  surface.place.addEventListener("keydown", (event) => {
    const keys = {ArrowLeft: () => walk(-.2, 0), ArrowRight: () => walk(.2, 0), ArrowUp: () => walk(0, .2), ArrowDown: () => walk(0, -.2),
      "+": () => near(.5, (view[0] + view[1]) / 2, (view[2] + view[3]) / 2), "-": () => near(2, (view[0] + view[1]) / 2, (view[2] + view[3]) / 2), "0": () => ask(null)};
    if (data && keys[event.key]) { event.preventDefault(); event.stopPropagation(); keys[event.key](); }
  });

  const decimals = (step) => { for (let d = 0; d < 8; d++) if (Math.abs(step * 10 ** d - Math.round(step * 10 ** d)) < 1e-6 && step * 10 ** d >= .5) return d; return 8; };
  const written = (v, step) => Math.abs(v) < step * 1e-6 ? "0" : Math.abs(v) >= 1e5 ? omni.compact(v) : omni.number(v, decimals(step));
  const value = (v, span) => written(v, 10 ** Math.floor(Math.log10(span / 1000)));
  const paint = (ctx, w, h) => {
    if (!data) return;
    const [x0, x1, y0, y1] = view, c = omni.colours;
    const f = box = C.frame(ctx, w, h, {from: x0, to: x1, low: y0, high: y1, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM, label: written, across: data.times ? null : written});
    ctx.save(); ctx.beginPath(); ctx.rect(f.left, f.top, f.width, f.height); ctx.clip();
    if (image) {
      const [a, b, low, high] = data.view;
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(image, f.X(a), f.Y(high), f.X(b) - f.X(a), f.Y(low) - f.Y(high));
    }
    if (grip && at) {
      ctx.strokeStyle = c.ink; ctx.setLineDash([4, 3]); ctx.strokeRect(grip.x + .5, grip.y + .5, at.x - grip.x, at.y - grip.y); ctx.setLineDash([]);
    }
    ctx.restore();
    let text = data.n === data.of ? `${omni.number(data.n, 0)} points` : `${omni.number(data.n, 0)} of ${omni.number(data.of, 0)} points`;
    if (at) {
      const [x, y] = place(at);
      if (x >= x0 && x <= x1 && y >= y0 && y <= y1)
        text = `${data.times ? omni.moment(x) : value(x, x1 - x0)}  ${value(y, y1 - y0)}  ·  ` + text;
    }
    if (said.textContent !== text) said.textContent = text;
  };

  const describe = () => {
    const [x0, x1, y0, y1] = data.view, told = (v, span) => data.times ? omni.moment(v) : value(v, span);
    surface.canvas.setAttribute("aria-label", `${options.title}: ${omni.number(data.n, 0)} points, ${data.names[1]} from ${value(y0, y1 - y0)} to ${value(y1, y1 - y0)}`
      + ` against ${data.names[0]} from ${told(x0, x1 - x0)} to ${told(x1, x1 - x0)}; up to ${omni.number(data.most, 0)} on a pixel`);
  };
  const skeleton = () => note.replaceChildren(make("div", {class: "skeleton", style: `height:${options.height}px`}));
  const reveal = (shown) => {
    surface.place.style.height = shown ? options.height + "px" : 0;
    surface.place.tabIndex = shown ? 0 : -1;
    for (const each of [legend, all]) each.style.display = shown ? "" : "none";
  };
  // The picture has a pixel for each of the screen's.
  const sizes = new ResizeObserver(() => {
    const ratio = window.devicePixelRatio || 1, wide = surface.place.clientWidth;
    const wanted = [wide - LEFT - RIGHT, options.height - TOP - BOTTOM].map(each => Math.max(1, Math.round(each * ratio)));
    if (wide && String(wanted) !== size) { size = String(wanted); say({size: wanted}); }
  });
  sizes.observe(surface.place);
  reveal(false);
  skeleton();
  return {draw: (told) => {
    const shown = Boolean(told.png);
    reveal(shown);
    if (!shown) {
      data = image = null;
      said.textContent = "";
      surface.later();
      if (told.empty) note.replaceChildren(make("div", {class: "empty"}, make("b", {text: told.empty[0]}), told.empty[1] || "")); else skeleton();
      return;
    }
    note.replaceChildren();
    const next = new Image();
    next.onload = () => {
      data = told; image = next;
      if (!asked) view = told.view;
      bar.style.background = `linear-gradient(90deg,${told.ramp.join(",")})`;
      most.textContent = `${told.names[1]} ↑  ${told.names[0]} →  ·  most ${omni.number(told.most, 0)}`;
      describe();
      surface.later();
    };
    next.src = "data:image/png;base64," + told.png;
  }, look: () => { if (data) describe(); surface.later(); }, end: () => { sizes.disconnect(); surface.end(); }};
};
