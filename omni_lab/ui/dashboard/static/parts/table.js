// A table: aligned numbers, sorting, filters, actions, downloads. Rows keep their elements, so focus survives an update.
(() => {
  const {make} = omni;
  const NUMERIC = new Set(["price", "number", "pnl", "money", "int", "qty", "percent", "bps", "time", "clock", "moment", "day"]);
  const ROW = 29, ALL = 150;

  const matches = (column, value, wanted) => {
    const bound = NUMERIC.has(column.kind) && /^\s*([<>]=?|=)\s*(-?[\d.,]+)/.exec(wanted);
    if (!bound) return omni.show(column.kind, value, column.decimals).toLowerCase().includes(wanted.trim().toLowerCase());
    const limit = Number(bound[2].replaceAll(",", ""));
    if (value === null) return false;
    return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit, "=": value === limit}[bound[1]];
  };
  const order = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1 : typeof a === "number" && typeof b === "number" ? a - b
    : String(a).localeCompare(String(b), "en", {numeric: true});

  omni.parts.table = (el, options, say) => {
    const columns = options.columns;
    let rows = [], frame = null, sorted = options.sort ? [columns.findIndex(c => c.key === options.sort[0]), options.sort[1]] : null;
    const wanted = columns.map(() => "");
    const chosen = new Set();
    const elements = new Map();

    const said = make("span", {class: "said"});
    const header = make("header", {}, make("h2", {text: options.title}), said, make("span", {class: "grow"}));
    for (const kind of options.downloads)
      header.append(make("button", {class: "act small", text: kind.toUpperCase(), "aria-label": `Download ${options.title} as ${kind.toUpperCase()}`,
        onclick: () => say({save: kind})}));
    const heads = columns.map((column, i) => {
      const sort = make("button", {type: "button", text: column.label, onclick: () => {
        sorted = sorted && sorted[0] === i ? (sorted[1] === "up" ? [i, "down"] : null) : [i, "up"];
        render();
      }});
      const head = make("th", {scope: "col", class: NUMERIC.has(column.kind) ? "num" : null}, sort);
      if (options.filters && column.filter !== false) {
        const filter = make("input", {class: "field", type: "text", "aria-label": `Filter ${column.label}`, "data-omni-filter": true,
          title: NUMERIC.has(column.kind) ? "Text, or a bound such as >100" : null, oninput: (event) => { wanted[i] = event.target.value; render(); }});
        head.append(make("div", {}, filter));
      }
      return head;
    });
    const many = options.select === "many";
    const body = make("tbody", {});
    const table = make("table", {class: "data" + (options.select ? " rows" : "")},
      make("caption", {class: "hidden", text: options.title}),
      make("thead", {}, make("tr", {}, many ? make("th", {}, make("span", {class: "hidden", text: "Chosen"})) : null, ...heads,
        options.actions.length ? make("th", {}, make("span", {class: "hidden", text: "Actions"})) : null)), body);
    const scroll = make("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": options.title}, table);
    if (options.height) scroll.style.maxHeight = options.height + "px";
    const note = make("div", {});
    el.append(make("section", {class: "box", "aria-label": options.title}, header, scroll, note));
    scroll.addEventListener("scroll", () => { if (rows.length > ALL) window.requestAnimationFrame(paint); });

    const choose = (key) => {
      if (!many) { chosen.clear(); chosen.add(key); }
      else if (!chosen.delete(key)) chosen.add(key);
      say({chosen: [...chosen]});
      paint();
    };
    const build = (key) => {
      const cells = columns.map(column => make("td", {class: [NUMERIC.has(column.kind) ? "num" : "", column.wrap ? "wrap" : ""].join(" ").trim() || null}));
      const row = make("tr", {}, ...(many ? [make("td", {}, make("input", {type: "checkbox", "aria-label": `Choose ${key}`}))] : []), ...cells);
      const buttons = options.actions.map(action => make("button", {class: "act small trades " + (action.danger ? "danger" : ""), text: action.label,
        "aria-label": `${action.label} ${key}`, onclick: (event) => { event.stopPropagation(); say({act: action.name, key}); }}));
      if (buttons.length) row.append(make("td", {class: "num"}, ...buttons.flatMap(b => [b, " "])));
      if (options.select) {
        row.tabIndex = 0;
        row.addEventListener("click", () => choose(key));
        row.addEventListener("keydown", (event) => {
          if (event.target === row && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); choose(key); }
        });
      }
      return {row, cells, buttons, box: many ? row.querySelector("input") : null};
    };
    const fill = (made, entry) => {
      columns.forEach((column, c) => {
        const value = entry.values[c], cell = made.cells[c];
        const text = omni.show(column.kind, value, column.decimals ?? entry.decimals?.[column.key]);
        if (cell.textContent !== text) cell.textContent = text;
        const tone = column.kind === "pnl" ? omni.toneOf(value) : column.kind === "side" ? (value === "BUY" ? "buy" : "sell")
          : column.tones ? (column.tones[value] || "") : "";
        const name = (NUMERIC.has(column.kind) ? "num " : "") + (column.wrap ? "wrap " : "") + tone;
        if (cell.className !== name) cell.className = name;
      });
      made.buttons.forEach((button, b) => {
        const why = entry.off?.[options.actions[b].name] ?? frame.off?.[options.actions[b].name] ?? null;
        button.hidden = why === "hidden";
        button.disabled = why !== null;
        button.title = why || "";
      });
      if (options.select) made.row.setAttribute("aria-selected", chosen.has(entry.key));
      if (made.box) made.box.checked = chosen.has(entry.key);
    };
    const paint = () => {
      let first = 0, last = rows.length;
      if (rows.length > ALL) {
        first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - 20);
        last = Math.min(rows.length, first + Math.ceil(scroll.clientHeight / ROW) + 40);
      }
      const shown = rows.slice(first, last).map(entry => {
        if (!elements.has(entry.key)) elements.set(entry.key, build(entry.key));
        const made = elements.get(entry.key);
        fill(made, entry);
        return made.row;
      });
      const gap = (n) => n > 0 ? [make("tr", {"aria-hidden": true}, make("td", {colspan: 99, style: `height:${n * ROW}px;padding:0;border:0`}))] : [];
      const all = [...gap(first), ...shown, ...gap(rows.length - last)];
      // Only what moved is moved: the element with the focus keeps it.
      if (body.children.length !== all.length || all.some((row, i) => body.children[i] !== row)) {
        const kept = new Set(all);
        for (const child of [...body.children]) if (!kept.has(child)) child.remove();
        all.forEach((row, i) => { if (body.children[i] !== row) body.insertBefore(row, body.children[i] || null); });
      }
      for (const key of elements.keys()) if (elements.size > 3 * ALL && !elements.get(key).row.isConnected) elements.delete(key);
    };
    const render = () => {
      if (!frame) return;
      rows = frame.rows.map((values, i) => ({key: frame.keys[i], values, off: frame.offs?.[i], decimals: frame.decimals?.[i]}));
      const total = rows.length;
      wanted.forEach((text, c) => { if (text.trim()) rows = rows.filter(entry => matches(columns[c], entry.values[c], text)); });
      if (sorted) {
        const [c, way] = sorted;
        rows.sort((a, b) => way === "up" ? order(a.values[c], b.values[c]) : order(b.values[c], a.values[c]));
      }
      heads.forEach((head, i) => {
        const on = sorted && sorted[0] === i;
        head.setAttribute("aria-sort", on ? (sorted[1] === "up" ? "ascending" : "descending") : "none");
        head.querySelector("button").textContent = columns[i].label + (on ? (sorted[1] === "up" ? " ↑" : " ↓") : "");
      });
      paint();
      const of = frame.n > total ? ` of ${omni.number(frame.n, 0)}` : "";
      said.textContent = rows.length < total ? `${omni.number(rows.length, 0)} of ${omni.number(total, 0)} match` : total ? omni.number(total, 0) + of : "";
      if (frame.state === "loading") note.replaceChildren(...[0, 1, 2].map(() => make("div", {class: "skeleton", style: "height:22px;margin:6px 0"})));
      else if (frame.state === "failed") note.replaceChildren(omni.failed(frame.failed));
      else if (!total) note.replaceChildren(make("div", {class: "empty"}, make("b", {text: options.empty[0]}), options.empty[1]));
      else if (!rows.length) note.replaceChildren(make("div", {class: "empty"}, make("b", {text: "Nothing matches the filters."})));
      else note.replaceChildren();
      scroll.hidden = frame.state !== "ok" || !total;
    };
    return {
      draw: (told) => {
        frame = told;
        if (told.chosen) { chosen.clear(); for (const key of told.chosen) chosen.add(key); }
        const known = new Set(told.keys);
        for (const key of elements.keys()) if (!known.has(key)) elements.delete(key);
        for (const key of [...chosen]) if (!known.has(key)) chosen.delete(key);
        render();
      },
      look: render,
    };
  };
})();
