// The order ticket: fields, what the gate would say while they are typed, and what came of it.
(() => {
  const { make } = omni;
  const NEEDS = { limit: ["price"], market: [], stop: ["stop_price"], "stop limit": ["stop_price", "price"] };
  const VERDICTS = {
    empty: ["", ""],
    invalid: ["bad", "✕ Cannot be sent"],
    pass: ["good", "✓ The gate would let this pass"],
    warn: ["warn", "▲ The gate would let this pass, and warn"],
    refuse: ["bad", "✕ The gate would refuse this"],
  };
  const HEADS = ["", "Check", "Value", "Limit", "Left"];

  const labelled = (label, field, note = null) => make("label", {}, make("span", { text: label }), field, note);
  const chooser = (name, label, pairs) =>
    labelled(label, make("select", { class: "field", name }, ...pairs.map(([value, text]) => make("option", { value, text }))));
  const written = (name, label) => {
    const note = make("span", { class: "note" });
    return labelled(label, make("input", { class: "field num", name, type: "text", autocomplete: "off", inputmode: "decimal", "aria-label": label }), note);
  };
  const sided = (side, word, mark) => {
    const input = make("input", { type: "radio", name: "side", value: side, "aria-label": word, checked: side === "BUY" });
    return make("label", { class: `side ${side}` }, input, make("span", { "aria-hidden": "true", text: `${mark} ${word}` }));
  };

  omni.parts.ticket = (el, options, say) => {
    const symbols = make("select", { class: "field", name: "symbol" });
    const send = make("button", { class: "act main", type: "submit", text: "Send" });
    const clear = make("button", { class: "act", type: "button", text: "Clear" });
    const blocked = make("p", { class: "blocked", role: "status" });
    const verdict = make("div", { class: "verdict", role: "status" });
    const [sentences, checks] = [make("div", { class: "sentences" }), make("div", {})];
    const outcome = make("div", { "aria-live": "polite" });
    const worth = make("span", { class: "said" });
    const stop = make("div", { class: "row", hidden: true }, written("stop_price", "Stop price"));
    const form = make("form", { "aria-label": "Order ticket", novalidate: true, autocomplete: "off" },
      make("div", { class: "row" }, labelled("Symbol", symbols), chooser("type", "Type", options.types)),
      make("fieldset", {}, make("legend", { class: "hidden", text: "Side" }), sided("BUY", "Buy", "▲"), sided("SELL", "Sell", "▼")),
      make("div", { class: "row three" }, written("qty", "Quantity"), written("price", "Price"),
        chooser("time_in_force", "Time in force", options.times)),
      stop,
      make("details", {}, make("summary", { text: "More terms" }),
        make("div", {}, written("display_qty", "Shown quantity"), written("min_qty", "Least quantity"),
          ...options.more.map(([name, label, pairs]) => chooser(name, label, pairs)))),
      make("div", { class: "send" }, send, clear), blocked);
    el.append(make("section", { class: "box ticket trades", "aria-label": "Ticket" },
      make("header", {}, make("h2", { text: "Ticket" }), make("span", { class: "grow" }), worth),
      form, make("div", { class: "told" }, outcome, verdict, sentences, checks)));

    const fields = () => Object.fromEntries(new FormData(form).entries());
    let frame = { symbols: [], tick: 0.01, blocked: "", ticket: "", draft: {}, preview: {}, outcome: {} };
    let [sending, lost, asked, drafted, heard, waiting] = ["", false, 0, 0, null, null];
    const why = () => lost ? "The connection is lost: nothing can be sent." : frame.blocked;
    const dress = () => {
      const type = form.elements.type.value;
      const sells = form.elements.side.value === "SELL";
      form.elements.price.disabled = !NEEDS[type].includes("price");
      stop.hidden = !NEEDS[type].includes("stop_price");
      send.textContent = sending ? "Sending …" : sells ? "Send ▼ sell order" : "Send ▲ buy order";
      send.className = `act main ${sells ? "SELL" : "BUY"}`;
      send.disabled = sending !== "" || why() !== "";
      blocked.textContent = why();
    };
    const look = (pause = 120) => {
      dress();
      clearTimeout(waiting);
      waiting = setTimeout(() => say({ look: { number: ++asked, fields: fields() } }), pause);
    };
    const lose = (event) => { lost = event.detail; dress(); };
    addEventListener("omni-lost", lose);
    form.addEventListener("input", () => look());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (send.disabled) return;
      // The name goes with the draft: however often it is sent, it is one order.
      sending = frame.ticket;
      dress();
      say({ send: { ticket: frame.ticket, fields: fields() } });
    });
    clear.addEventListener("click", () => {
      form.reset();
      say({ clear: true });
      form.elements.qty.focus();
      look(0);
    });
    // Arrows step a price by its tick and a quantity by its lot, ten times as much with Shift.
    form.addEventListener("keydown", (event) => {
      const step = { price: frame.tick, stop_price: frame.tick, qty: options.qty_step }[event.target.name];
      if (!step || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      event.preventDefault();
      const now = parseFloat(event.target.value.replaceAll(",", "")) || 0;
      const next = now + step * (event.shiftKey ? 10 : 1) * (event.key === "ArrowUp" ? 1 : -1);
      event.target.value = Math.max(next, 0).toFixed((String(step).split(".")[1] || "").length);
      look();
    });

    const showSymbols = () => {
      if (symbols.options.length === frame.symbols.length) return;
      const chosen = symbols.value;
      symbols.replaceChildren(...frame.symbols.map((each) => make("option", { value: each, text: each })));
      if (frame.symbols.includes(chosen)) symbols.value = chosen;
    };
    const showDraft = () => {
      if (frame.draft.number === undefined || frame.draft.number === drafted) return;
      drafted = frame.draft.number;
      for (const [name, value] of Object.entries(frame.draft.fields)) if (form.elements[name]) form.elements[name].value = value;
      look(0);
    };
    const checkRow = (each) => {
      const tone = each.passes ? (each.used >= 0.8 ? "warn" : "good") : each.hard ? "bad" : "warn";
      const width = Math.min(100, Math.round((each.used ?? 0) * 100));
      const bar = make("span", { class: `bar ${tone}`, title: `${width} % used` }, make("i", {}));
      bar.firstChild.style.width = `${width}%`;
      return make("tr", {},
        make("td", { class: tone }, make("span", { "aria-hidden": "true", text: each.passes ? "✓" : each.hard ? "✕" : "▲" }),
          make("span", { class: "hidden", text: each.passes ? "passes" : each.hard ? "refused" : "warned" })),
        make("td", { title: each.level }, each.name + (each.hard ? "" : " (warns)"), each.used === null ? null : bar),
        ...["value", "limit", "headroom"].map((name) => make("td", { class: "num", text: each[name] })));
    };
    const showPreview = () => {
      const told = frame.preview;
      if (told.number !== undefined && told.number < asked) return;
      const [tone, text] = VERDICTS[told.verdict] || VERDICTS.empty;
      verdict.className = `verdict ${tone}`;
      if (verdict.textContent !== text) verdict.textContent = text;
      sentences.replaceChildren(...(told.sentences || []).map((text) => make("div", { text })));
      worth.textContent = told.notional ? `Notional ${told.notional}` : "";
      for (const input of form.querySelectorAll("input.field")) {
        const problem = input.value !== "" ? (told.problems || {})[input.name] || "" : "";
        input.setAttribute("aria-invalid", problem ? "true" : "false");
        input.parentElement.querySelector(".note").textContent = problem;
      }
      const rows = (told.checks || []).map(checkRow);
      const heads = HEADS.map((text, at) => make("th", { scope: "col", class: at > 1 ? "num" : null },
        text || make("span", { class: "hidden", text: "Passes" })));
      checks.replaceChildren(...(rows.length
        ? [make("table", { class: "checks" }, make("caption", { class: "hidden", text: "Checks of the gate" }),
          make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows))] : []));
    };
    const showOutcome = () => {
      const told = frame.outcome;
      if (sending && told.ticket === sending) sending = "";
      const now = JSON.stringify(told);
      if (now === heard) return;
      heard = now;
      outcome.replaceChildren(...(told.text
        ? [make("div", { class: `outcome ${told.tone}` }, make("b", { text: told.text }),
          told.order_id ? make("span", { class: "soft", text: ` Order ${told.order_id}.` }) : null,
          told.why ? make("p", { text: told.why }) : null)] : []));
    };
    dress();
    return {
      draw(told) {
        frame = told;
        showSymbols();
        showDraft();
        showOutcome();
        showPreview();
        dress();
      },
      end: () => removeEventListener("omni-lost", lose),
    };
  };
})();
