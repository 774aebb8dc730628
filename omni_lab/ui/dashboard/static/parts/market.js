// The market of an instrument: ladder, depth and quotes over time, tape.
(() => {
  const {make} = omni, C = omni.canvas;
  // Cividis (Nuñez, Anderton and Renslow, 2018) at nine places: read alike with and without red.
  const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116],
    [195, 179, 105], [254, 232, 56]];
  const cividis = (share) => {
    const place = Math.min(.9999, Math.max(0, share)) * (CIVIDIS.length - 1), i = Math.floor(place), part = place - i;
    return `rgb(${CIVIDIS[i].map((v, k) => Math.round(v + (CIVIDIS[i + 1][k] - v) * part)).join(",")})`;
  };
  const SHADES = Array.from({length: 64}, (_, i) => cividis(i / 63));

  const ladder = (options, say) => {
    const body = make("tbody", {});
    const table = make("table", {class: "ladder"}, make("caption", {class: "hidden", text: "Order book by price; a click on a side fills the ticket"}),
      make("thead", {}, make("tr", {}, make("th", {scope: "col", text: "Own"}), make("th", {scope: "col", text: "Bid ▲"}),
        make("th", {scope: "col", class: "mid", text: "Price"}), make("th", {scope: "col", class: "left", text: "▼ Ask"}),
        make("th", {scope: "col", class: "left", text: "Own"}))), body);
    const level = (kind) => {
      const cell = (name) => make("td", {class: name}, make("i", {class: "cum"}), make("i", {class: "size"}), make("span", {}));
      const row = make("tr", {class: "level trades " + kind, tabindex: 0}), cells = {
        ownBid: make("td", {class: "own"}), bid: cell("bid"), mid: make("td", {class: "mid"}), ask: cell("ask"), ownAsk: make("td", {class: "own ask"})};
      row.append(...Object.values(cells));
      const fill = (side) => { if (row.dataset.price) say({fill: {side, price: Number(row.dataset.price), qty: Number(row.dataset.qty)}}); };
      row.addEventListener("click", (event) => fill(event.target.closest("td") === cells.bid || event.target.closest("td") === cells.ownBid ? "BUY"
        : event.target.closest("td") === cells.mid ? (kind === "bid" ? "BUY" : "SELL") : "SELL"));
      row.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); fill(kind === "bid" ? "BUY" : "SELL"); }
        if (event.key === "ArrowUp" || event.key === "ArrowDown") {
          event.preventDefault();
          const rows = [...body.querySelectorAll("tr.level")];
          rows[rows.indexOf(row) + (event.key === "ArrowUp" ? -1 : 1)]?.focus();
        }
      });
      return {row, cells, kind};
    };
    const asks = Array.from({length: options.levels}, () => level("offer")).reverse();
    const bids = Array.from({length: options.levels}, () => level("bid"));
    const spread = make("td", {colspan: 5});
    body.append(...[...asks].reverse().map(l => l.row), make("tr", {class: "spread"}, spread), ...bids.map(l => l.row));

    // The columns of prices and of own orders are as wide as what is longest in them; the sizes share the rest.
    const widest = (selector) => Math.max(0, ...[...body.querySelectorAll(selector)].map(each => each.textContent.length));
    const fit = () => {
      table.style.setProperty("--price", widest("td.mid"));
      table.style.setProperty("--own", widest("td.own"));
    };
    const text = (cell, value) => { const span = cell.querySelector("span") || cell; if (span.textContent !== value) span.textContent = value; };
    const side = (levels, found, own, total, last, decimals) => {
      let sum = 0;
      levels.forEach((each, i) => {
        const {row, cells, kind} = each, entry = found[i];
        row.style.visibility = entry ? "" : "hidden";
        row.tabIndex = entry && i === 0 ? 0 : -1;
        const on = kind === "bid" ? cells.bid : cells.ask, off = kind === "bid" ? cells.ask : cells.bid;
        const mine = kind === "bid" ? cells.ownBid : cells.ownAsk;
        for (const bar of off.querySelectorAll("i")) bar.style.width = 0;
        if (!entry) { row.dataset.price = ""; return; }
        const [price, qty] = entry;
        sum += qty;
        const told = omni.number(price, decimals);
        text(cells.mid, told); text(on, omni.quantity(qty));
        on.querySelector(".cum").style.width = 100 * sum / total + "%";
        on.querySelector(".size").style.width = 100 * qty / total + "%";
        const held = own[price.toFixed(decimals)] || 0;
        text(mine, held ? "● " + omni.quantity(held) : "");
        mine.classList.toggle("on", held > 0);
        row.classList.toggle("last", last === price);
        row.dataset.price = price; row.dataset.qty = qty;
        row.setAttribute("aria-label", `${kind === "bid" ? "Bid" : "Ask"} ${told}, ${omni.quantity(qty)}${held ? `, own ${omni.quantity(held)}` : ""}`);
      });
    };
    const draw = (book) => {
      const sum = (levels) => levels.reduce((total, [, qty]) => total + qty, 0);
      const total = Math.max(sum(book.bids.slice(0, options.levels)), sum(book.asks.slice(0, options.levels)), 1);
      side(bids, book.bids, book.own.BUY, total, book.last, book.decimals);
      side(asks, book.asks, book.own.SELL, total, book.last, book.decimals);
      fit();
      const [bid, ask] = [book.bids[0]?.[0], book.asks[0]?.[0]];
      text(spread, bid !== undefined && ask !== undefined
        ? `spread ${omni.number(ask - bid, book.decimals)} · ${omni.number((ask - bid) / ((ask + bid) / 2) * 1e4, 1)} bps` : "one side is empty");
    };
    return {table, draw};
  };

  const chart = (options) => {
    const WINDOWS = {"1m": 6e4, "5m": 3e5, "15m": 9e5};
    let quotes = {t: [], bid: [], ask: []}, trades = [], depth = [], span = "1m", shown = true, at = null, decimals = 2;
    const said = make("span", {class: "said"});
    const view = C.surface(options.height, (ctx, w, h) => paint(ctx, w, h), "Depth, quotes and trades");
    const heat = make("i", {style: `background:linear-gradient(90deg,${[0, .25, .5, .75, 1].map(cividis).join(",")})`});
    const toggle = make("button", {class: "act small", "aria-pressed": "true", text: "Depth", onclick: () => {
      shown = !shown; toggle.setAttribute("aria-pressed", shown); view.later(); }});
    const element = make("section", {class: "box", "aria-label": "Depth, quotes and trades"}, make("header", {},
      make("h2", {text: "Depth, quotes and trades"}), make("span", {class: "grow"}), toggle, C.choices(Object.keys(WINDOWS), span, (name) => { span = name; view.later(); }, "Time shown")),
      view.place, make("div", {class: "legend"}, make("span", {class: "buy", text: "▲ bought"}), make("span", {class: "sell", text: "▼ sold"}),
        make("span", {text: "◯ own"}), make("span", {}, "depth, little ", heat, " much"), said), make("div", {class: "stale"}, make("b", {text: "STALE"})));
    C.pointer(view.canvas, (place) => { at = place; view.later(); });

    const outlined = (ctx, colour, path) => {
      for (const [style, width] of [[omni.colours.surface, 4], [colour, 1.8]]) { ctx.strokeStyle = style; ctx.lineWidth = width; ctx.beginPath(); path(); ctx.stroke(); }
    };
    const paint = (ctx, w, h) => {
      const c = omni.colours, n = quotes.t.length;
      if (!n) return;
      const to = Math.max(quotes.t[n - 1], trades.at(-1)?.[0] || 0);
      const from = Math.max(to - WINDOWS[span], Math.min(quotes.t[0], to - 15000));
      const first = Math.max(0, C.find(quotes.t, from));
      let low = Infinity, high = -Infinity;
      for (let i = first; i < n; i++) {
        if (quotes.bid[i] !== null && quotes.bid[i] < low) low = quotes.bid[i];
        if (quotes.ask[i] !== null && quotes.ask[i] > high) high = quotes.ask[i];
      }
      if (!Number.isFinite(low) || !Number.isFinite(high)) return;
      const tick = 10 ** -decimals, pad = Math.max(4 * tick, (high - low) * .25);
      low -= pad; high += pad;
      const f = C.frame(ctx, w, h, {from, to, low, high, label: (v) => omni.number(v, decimals), rows: 7});
      ctx.save(); ctx.beginPath(); ctx.rect(f.left, f.top, f.width, f.height); ctx.clip();
      if (shown) {
        let most = 1, least = Infinity;
        const inside = depth.filter(column => column.t >= from - 1000);
        for (const column of inside) for (const [price, qty] of column.levels) {
          if (price < low || price > high) continue;
          most = Math.max(most, qty); least = Math.min(least, qty);
        }
        const floor = Math.log(Math.max(least, 1)), scale = Math.log(most) - floor || 1, cell = Math.max(1, f.Y(0) - f.Y(tick));
        inside.forEach((column, i) => {
          const x = f.X(column.t), wide = Math.min(f.X((inside[i + 1]?.t ?? to) + 0) - x, f.X(column.t + 1500) - x) + .6;
          for (const [price, qty] of column.levels) {
            if (price < low || price > high) continue;
            ctx.fillStyle = SHADES[Math.max(0, Math.min(63, Math.round((Math.log(qty) - floor) / scale * 63)))];
            ctx.fillRect(x, f.Y(price) - cell / 2, wide, cell + .4);
          }
        });
      }
      for (const [values, colour] of [[quotes.bid, c["buy-ink"]], [quotes.ask, c["sell-ink"]]]) outlined(ctx, colour, () => {
        let before = null;
        for (let i = first; i < n; i++) {
          if (values[i] === null) { before = null; continue; }
          const x = f.X(quotes.t[i]), y = f.Y(values[i]);
          if (before === null) ctx.moveTo(x, y); else { ctx.lineTo(x, before); ctx.lineTo(x, y); }
          before = y;
        }
        if (before !== null) ctx.lineTo(f.X(to), before);
      });
      for (const [t, price, qty, side, own] of trades) {
        if (t < from) continue;
        const x = f.X(t), y = f.Y(price), r = Math.min(12, 4.5 + Math.sqrt(qty) / 6), up = side === 1 ? -1 : 1;
        ctx.beginPath();
        if (side) { ctx.moveTo(x, y + up * r); ctx.lineTo(x + r * .9, y - up * r * .7); ctx.lineTo(x - r * .9, y - up * r * .7); ctx.closePath(); }
        else ctx.rect(x - r / 2, y - r / 2, r, r);
        ctx.fillStyle = side === 1 ? c.buy : side === 2 ? c.sell : c.soft; ctx.fill();
        ctx.lineWidth = 1; ctx.strokeStyle = c.ink; ctx.stroke();
        if (own) { ctx.beginPath(); ctx.arc(x, y, r + 4, 0, 7); ctx.lineWidth = 2; ctx.strokeStyle = c.ink; ctx.stroke(); }
      }
      ctx.restore();
      const i = at ? Math.max(first, C.find(quotes.t, from + (at.x - f.left) / f.width * (to - from))) : n - 1;
      if (at) {
        ctx.strokeStyle = c.ink; ctx.lineWidth = 1; ctx.beginPath(); ctx.moveTo(f.X(quotes.t[i]), f.top); ctx.lineTo(f.X(quotes.t[i]), f.base); ctx.stroke();
      }
      const text = `${omni.clock(quotes.t[i])}  ${omni.number(quotes.bid[i], decimals)} × ${omni.number(quotes.ask[i], decimals)}`;
      if (said.textContent !== text) said.textContent = text;
    };
    const trim = (from) => {
      const drop = C.find(quotes.t, from);
      if (drop > 200) for (const values of Object.values(quotes)) values.splice(0, drop);
      while (trades.length && trades[0][0] < from) trades.shift();
      while (depth.length && depth[0].t < from) depth.shift();
    };
    return {element, later: view.later, end: view.end, draw: (told) => {
      if (told.reset) { quotes = {t: [], bid: [], ask: []}; trades = []; depth = []; }
      decimals = told.book.decimals;
      for (const name of ["t", "bid", "ask"]) quotes[name].push(...told.quotes[name]);
      trades.push(...told.trades); depth.push(...told.depth);
      if (quotes.t.length) trim(quotes.t.at(-1) - WINDOWS["15m"]);
      view.later();
    }};
  };

  const tape = (options) => {
    const body = make("tbody", {}), empty = make("div", {class: "empty"}, make("b", {text: "No trade yet."}), "The tape fills as the market trades.");
    const element = make("section", {class: "box", "aria-label": "Tape"}, make("header", {}, make("h2", {text: "Tape"})),
      make("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": "Tape", style: `max-height:${options.tape_height}px`},
        make("table", {class: "tape"}, make("thead", {}, make("tr", {}, ...["Time", "Side", "Price", "Qty", ""].map(text => make("th", {scope: "col", text})))), body), empty));
    let trades = [];
    const row = ([t, price, qty, side, own], decimals) => make("tr", {class: own ? "own" : null}, make("td", {text: omni.millis(t)}),
      make("td", {class: side === 1 ? "buy" : side === 2 ? "sell" : null, text: side ? omni.side(side) : "◆ auction"}),
      make("td", {text: omni.number(price, decimals)}), make("td", {text: omni.quantity(qty)}), make("td", {text: own ? "● own" : ""}));
    let decimals = 2;
    return {element, look: () => body.replaceChildren(...trades.map(each => row(each, decimals)).reverse()), draw: (told) => {
      decimals = told.book.decimals;
      if (told.reset) { trades = []; body.replaceChildren(); }
      for (const trade of told.trades.slice(-options.tape_rows)) { trades.push(trade); body.prepend(row(trade, decimals)); }
      while (trades.length > options.tape_rows) { trades.shift(); body.lastChild.remove(); }
      empty.hidden = trades.length > 0;
    }};
  };

  omni.parts.market = (el, options, say) => {
    const name = make("span", {class: "name"}), last = make("span", {class: "last"}), phase = make("span", {class: "badge"});
    const list = make("datalist", {id: "omni-symbols"}, ...options.symbols.map(each => make("option", {value: each})));
    const search = make("input", {class: "field", type: "search", list: "omni-symbols", placeholder: "Symbol  /", "aria-label": "Symbol", "data-omni-filter": true,
      autocomplete: "off", spellcheck: "false"});
    const pick = () => {
      const wanted = search.value.trim().toUpperCase();
      const found = options.symbols.filter(each => each.toUpperCase().startsWith(wanted));
      const exact = found.find(each => each.toUpperCase() === wanted) || (found.length === 1 ? found[0] : null);
      if (!wanted) return;
      search.setAttribute("aria-invalid", exact === null);
      if (exact) { say({symbol: exact}); search.value = ""; search.blur(); }
      else say({unknown: search.value});
    };
    search.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(); });
    search.addEventListener("input", () => { if (options.symbols.includes(search.value)) pick(); });
    const chips = options.symbols.length <= 8 ? C.choices(options.symbols, options.symbol, (symbol) => say({symbol}), "Instruments") : null;
    const head = make("section", {class: "box", "aria-label": "Instrument"}, make("div", {class: "head"}, name, last, phase,
      make("span", {class: "grow"}), chips, search, list));
    const book = ladder(options, say), graph = chart(options), prints = tape(options);
    el.append(make("div", {class: "market"}, head, make("section", {class: "box", "aria-label": "Ladder"}, make("header", {}, make("h2", {text: "Ladder"}),
      make("span", {class: "said", text: "click a side to fill the ticket"})), book.table, make("div", {class: "stale"}, make("b", {text: "STALE"}))),
      make("div", {class: "right"}, graph.element, prints.element)));
    let before = null;
    return {draw: (told) => {
      if (told.reset) before = null;
      name.textContent = told.symbol;
      const price = told.book.last, way = before === null || price === before ? "" : price > before ? "▲" : "▼";
      if (way) { last.textContent = `${way} ${omni.number(price, told.book.decimals)}`; last.className = "last " + (way === "▲" ? "good" : "bad"); }
      else if (before === null) { last.textContent = omni.number(price, told.book.decimals); last.className = "last"; }
      before = price;
      phase.textContent = (told.book.phase || "").toLowerCase(); phase.className = "badge " + (told.book.phase === "CONTINUOUS" ? "good" : "warn");
      for (const each of chips?.children || []) each.setAttribute("aria-pressed", each.dataset.name === told.symbol);
      book.draw(told.book); graph.draw(told); prints.draw(told);
    }, look: () => { graph.later(); prints.look(); }, end: graph.end};
  };
})();
