// What charts over time share: a sharp canvas, ticks, axes, a readout under the pointer.
omni.canvas = (() => {
  const {make} = omni;
  const FONT = "11px system-ui, sans-serif";
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000, 7776000, 15552000,
    31536000, 63072000, 157680000, 315360000];

  const niceStep = (span, n) => {
    const raw = span / Math.max(n, 1), power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 2.5, 5, 10].map(each => each * power).find(each => each >= raw) || raw;
  };

  // A place to paint on, which paints itself again when its size or the theme changes.
  const surface = (height, paint, label) => {
    const canvas = make("canvas", {role: "img", "aria-label": label});
    const place = make("div", {class: "canvas", style: `height:${height}px`}, canvas);
    let due = false, ended = false;
    const draw = () => {
      due = false;
      const ratio = window.devicePixelRatio || 1, {clientWidth: w, clientHeight: h} = place;
      if (ended || !w || !h) return;
      if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
        canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio);
      }
      const ctx = canvas.getContext("2d");
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, w, h);
      ctx.font = FONT;
      paint(ctx, w, h);
    };
    const later = () => { if (!due) { due = true; requestAnimationFrame(draw); } };
    const sizes = new ResizeObserver(later);
    sizes.observe(place);
    return {place, canvas, later, end: () => { ended = true; sizes.disconnect(); }};
  };

  // Axes: values up, times across, or values where `across` says how they are written.
  const frame = (ctx, w, h, {from, to, low, high, left = 10, right = 64, top = 8, bottom = 22, label, across = null, rows = 5}) => {
    const c = omni.colours, span = across ? to - from : Math.max(to - from, 1), height = h - top - bottom, width = w - left - right;
    const X = (t) => left + (t - from) / span * width, Y = (v) => top + (high - v) / (high - low || 1) * height;
    ctx.lineWidth = 1; ctx.textBaseline = "middle"; ctx.fillStyle = c.soft; ctx.strokeStyle = c.rule;
    const step = niceStep(high - low, Math.min(rows, height / 34));
    ctx.textAlign = "left";
    for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) {
      const y = Math.round(Y(v)) + .5;
      ctx.beginPath(); ctx.moveTo(left, y); ctx.lineTo(w - right, y); ctx.stroke();
      ctx.fillText(label(v, step), w - right + 6, y);
    }
    ctx.textAlign = "center";
    if (across) {
      const by = niceStep(span, Math.max(2, width / 110));
      for (let v = Math.ceil(from / by) * by; v <= to + by * 1e-6; v += by)
        if (X(v) > left + 14 && X(v) < w - right - 14) ctx.fillText(across(v, by), X(v), h - bottom / 2);
      return {X, Y, left, right, top, bottom, width, height, base: h - bottom};
    }
    const wide = STEPS.find(each => span / 1000 / each <= Math.max(2, width / 90)) || STEPS.at(-1), by = wide * 1000;
    for (let t = Math.ceil(from / by) * by; t <= to; t += by) {
      const text = wide >= 86400 ? omni.day(t) : wide >= 60 ? omni.clock(t).slice(0, 5) : omni.clock(t), x = X(t);
      if (x > left + 20 && x < w - right - 10) ctx.fillText(text, x, h - bottom / 2);
    }
    return {X, Y, left, right, top, bottom, width, height, base: h - bottom};
  };

  // Where the pointer is, as a time; null when it is elsewhere.
  const pointer = (canvas, moved) => {
    canvas.addEventListener("pointermove", (event) => moved({x: event.offsetX, y: event.offsetY}));
    canvas.addEventListener("pointerleave", () => moved(null));
  };

  // The last place whose time is not after t.
  const find = (times, t) => {
    let low = 0, high = times.length;
    while (low < high) { const middle = (low + high) >> 1; if (times[middle] <= t) low = middle + 1; else high = middle; }
    return low - 1;
  };

  const choices = (names, chosen, act, label) => {
    const group = make("div", {class: "choices", role: "group", "aria-label": label});
    const mark = (name) => { for (const each of group.children) each.setAttribute("aria-pressed", each.dataset.name === name); };
    for (const name of names) group.append(make("button", {type: "button", "data-name": name, text: name,
      onclick: () => { mark(name); act(name); }}));
    mark(chosen);
    return group;
  };
  return {surface, frame, pointer, find, choices, niceStep};
})();

// Lines over time that grow at their end; the area between a line and its peak is shaded where it is asked for.
omni.parts.chart = (el, options, say) => {
  const {make} = omni, C = omni.canvas;
  const WINDOWS = {"1m": 6e4, "5m": 3e5, "15m": 9e5, "1h": 36e5, "1d": 864e5, all: Infinity};
  let times = [], series = options.series.map(() => []), chosen = options.windows.at(-1), at = null, empty = null;
  const said = make("span", {class: "said"});
  const view = C.surface(options.height, (ctx, w, h) => paint(ctx, w, h), options.title);
  const note = make("div", {});
  const legend = make("span", {class: "legend"}, ...(options.series.length > 1 ? options.series.map(each =>
    make("span", {text: each.label})) : []));
  const header = make("header", {}, make("h2", {text: options.title}), said, make("span", {class: "grow"}), legend);
  if (options.windows.length > 1) header.append(C.choices(options.windows, chosen, (name) => { chosen = name; view.later(); }, "Time shown"));
  el.append(make("section", {class: "box", "aria-label": options.title}, header, view.place, note));
  C.pointer(view.canvas, (place) => { at = place; view.later(); });

  const paint = (ctx, w, h) => {
    const c = omni.colours;
    note.replaceChildren(...(times.length ? [] : empty ? [make("div", {class: "empty"}, make("b", {text: empty[0]}), empty[1])] : []));
    if (times.length < 1) return;
    const to = times.at(-1), from = Math.max(times[0], to - WINDOWS[chosen]);
    const first = Math.max(0, C.find(times, from - 1)), last = times.length;
    let low = Infinity, high = -Infinity;
    for (const values of series) for (let i = first; i < last; i++) {
      const v = values[i];
      if (v === null) continue;
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (!Number.isFinite(low)) return;
    const pad = (high - low) * .08 || Math.abs(high) * 1e-4 || 1;
    const f = C.frame(ctx, w, h, {from, to: Math.max(to, from + 1000), low: low - pad, high: high + pad, right: 78,
      label: (v, step) => options.kind === "percent" ? omni.number(v * 100, 1) + "%"
        : step < 1 ? omni.number(v, Math.ceil(-Math.log10(step))) : omni.number(v, 0)});
    ctx.save(); ctx.beginPath(); ctx.rect(f.left, f.top, f.width, f.height); ctx.clip();
    series.forEach((values, s) => {
      const look = options.series[s], colour = c[look.colour] || look.colour;
      if (look.drawdown) {
        ctx.beginPath();
        let peak = -Infinity;
        const tops = [];
        for (let i = first; i < last; i++) { if (values[i] !== null && values[i] > peak) peak = values[i]; tops.push(peak); }
        for (let i = first; i < last; i++) ctx.lineTo(f.X(times[i]), f.Y(tops[i - first]));
        for (let i = last - 1; i >= first; i--) ctx.lineTo(f.X(times[i]), f.Y(values[i] ?? tops[i - first]));
        ctx.closePath(); ctx.fillStyle = "#D55E00"; ctx.globalAlpha = .25; ctx.fill(); ctx.globalAlpha = 1;
      }
      ctx.beginPath(); ctx.strokeStyle = colour; ctx.lineWidth = 1.6; ctx.setLineDash(look.dash || []);
      let open = false;
      for (let i = first; i < last; i++) {
        if (values[i] === null) { open = false; continue; }
        if (open) ctx.lineTo(f.X(times[i]), f.Y(values[i])); else ctx.moveTo(f.X(times[i]), f.Y(values[i]));
        open = true;
      }
      ctx.stroke(); ctx.setLineDash([]);
    });
    const i = at ? Math.max(first, C.find(times, from + (at.x - f.left) / f.width * (to - from))) : last - 1;
    if (at) {
      ctx.strokeStyle = c.soft; ctx.lineWidth = 1; ctx.beginPath(); ctx.moveTo(f.X(times[i]), f.top); ctx.lineTo(f.X(times[i]), f.base); ctx.stroke();
    }
    series.forEach((values, s) => {
      if (values[i] === null) return;
      ctx.beginPath(); ctx.arc(f.X(times[i]), f.Y(values[i]), 3, 0, 7); ctx.fillStyle = c[options.series[s].colour] || options.series[s].colour; ctx.fill();
    });
    ctx.restore();
    const text = omni.clock(times[i]) + "  " + options.series.map((look, s) =>
      (options.series.length > 1 ? look.label + " " : "") + omni.show(options.kind, series[s][i], options.decimals)).join("  ");
    if (said.textContent !== text) said.textContent = text;
    view.canvas.setAttribute("aria-label", `${options.title}, ${text}`);
  };
  return {
    draw: (told) => {
      empty = told.empty || options.empty;
      if (told.reset) { times = []; series = options.series.map(() => []); }
      times.push(...told.x);
      told.y.forEach((values, s) => series[s].push(...values));
      if (times.length > options.most) {
        const drop = times.length - options.most;
        times.splice(0, drop); series.forEach(values => values.splice(0, drop));
      }
      view.later();
    },
    look: view.later,
    end: view.end,
  };
};
