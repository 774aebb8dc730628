// How long the stages of a command take, on a logarithmic scale: half of them, 99 %, 99.9 %, the slowest.
omni.parts.latency = (el, options) => {
  const {make} = omni;
  const body = make("tbody", {}), empty = make("div", {class: "empty"}, make("b", {text: options.empty[0]}), options.empty[1]);
  const heads = ["Stage", "Commands", "50 %", "99 %", "99.9 %", "Slowest"];
  const table = make("table", {class: "data"}, make("caption", {class: "hidden", text: options.title}),
    make("thead", {}, make("tr", {}, ...heads.map((text, i) => make("th", {scope: "col", class: i ? "num" : null, text})),
      make("th", {scope: "col", class: "wrap", text: "100 ns to 100 ms, logarithmic"}))), body);
  el.append(make("section", {class: "box", "aria-label": options.title}, make("header", {}, make("h2", {text: options.title})),
    make("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": options.title}, table), empty));
  const time = (ns) => ns >= 1e9 ? omni.number(ns / 1e9, 2) + " s" : ns >= 1e6 ? omni.number(ns / 1e6, 2) + " ms" : ns >= 1e3
    ? omni.number(ns / 1e3, 1) + " µs" : omni.number(ns, 0) + " ns";
  const place = (ns) => Math.max(0, Math.min(100, (Math.log10(Math.max(ns, 1)) - 2) / 6 * 100)) + "%";
  return {draw: (told) => {
    empty.hidden = told.stages.length > 0;
    table.hidden = !told.stages.length;
    body.replaceChildren(...told.stages.map(stage => {
      const from = make("i", {class: "span"}), most = make("i", {class: "mark soft"}), high = make("i", {class: "mark"});
      from.style.left = place(stage.p50); from.style.right = `calc(100% - ${place(stage.p99)})`;
      high.style.left = place(stage.p999); most.style.left = place(stage.most);
      return make("tr", {}, make("th", {scope: "row", text: stage.name}), make("td", {class: "num", text: omni.number(stage.count, 0)}),
        ...[stage.p50, stage.p99, stage.p999, stage.most].map(ns => make("td", {class: "num", text: time(ns)})),
        make("td", {}, make("div", {class: "spans", "aria-hidden": true}, from, high, most)));
    }));
  }};
};
