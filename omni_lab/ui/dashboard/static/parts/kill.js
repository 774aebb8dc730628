// The kill switch: two steps to throw it, a reason to take it back. Opening fires nothing.
(() => {
  const { make } = omni;
  const labelled = (label, field) => make("label", {}, make("span", { text: label }), field);
  const written = (name, more = {}) => make("input", { class: "field", type: "text", name, autocomplete: "off", maxlength: 200, ...more });

  const dialogOf = (name, title, danger, form) => {
    const made = make("dialog", { class: danger ? "danger kill" : "kill", "aria-label": title },
      make("header", {}, make("h2", { text: title }),
        make("button", { class: "act small", type: "button", "aria-label": "Close", text: "Esc ×", onclick: () => made.close() })), form);
    // Keys of the page mean nothing while a switch is thrown.
    made.addEventListener("keydown", (event) => event.stopPropagation());
    made.dataset.name = name;
    return made;
  };

  omni.parts.kill = (el, options, say) => {
    let frame = { open: "", scopes: [], facts: [], halted: {}, may: { kill: "", reset: "" }, said: "" };
    const asks = {
      kill: {
        scope: make("select", { class: "field", name: "scope" }), reason: written("reason"),
        word: written("word", { class: "field word", spellcheck: "false" }),
        list: make("ul", {}), why: make("p", { class: "blocked", role: "status" }),
        fire: make("button", { class: "act danger", type: "submit", disabled: true, text: "Halt trading" }),
      },
      reset: {
        scope: make("select", { class: "field", name: "scope" }), reason: written("reason"), word: null,
        list: make("ul", {}), why: make("p", { class: "blocked", role: "status" }),
        fire: make("button", { class: "act main", type: "submit", disabled: true, text: "Reset the switch" }),
      },
    };
    const leave = (name, text) => make("button", { class: "act", type: "button", text, onclick: () => dialogs[name].close() });
    const forms = {
      kill: make("form", { method: "dialog", "aria-label": "Halt trading" },
        make("p", { text: "Open orders are canceled at once, new ones are refused, the strategy stops. Positions stay as they are." }),
        labelled("What is halted", asks.kill.scope), asks.kill.list,
        labelled("Reason, for the journal and the audit log", asks.kill.reason),
        labelled("Type HALT to confirm", asks.kill.word), asks.kill.why,
        make("div", { class: "end" }, leave("kill", "Keep trading"), asks.kill.fire)),
      reset: make("form", { method: "dialog", "aria-label": "Re-arm" },
        make("p", { text: "New orders pass again. The strategy stays stopped until somebody starts it." }),
        asks.reset.list, labelled("Which switch", asks.reset.scope),
        labelled("Reason, for the journal and the audit log", asks.reset.reason), asks.reset.why,
        make("div", { class: "end" }, leave("reset", "Stay halted"), asks.reset.fire)),
    };
    const dialogs = {
      kill: dialogOf("kill", "Kill switch", true, forms.kill),
      reset: dialogOf("reset", "Re-arm trading", false, forms.reset),
    };
    el.append(dialogs.kill, dialogs.reset);

    const check = (name) => {
      const { scope, reason, word, why, fire } = asks[name];
      fire.disabled = frame.may[name] !== "" || reason.value.trim().length < 3 || !scope.value || (word !== null && word.value !== "HALT");
      const text = frame.may[name] || frame.said;
      if (why.textContent !== text) why.textContent = text;
    };
    const choose = (select, pairs) => {
      const now = JSON.stringify(pairs);
      if (select.dataset.pairs === now) return;
      const chosen = select.value;
      select.dataset.pairs = now;
      select.replaceChildren(...pairs.map(([value, text]) => make("option", { value, text })));
      if (pairs.some(([value]) => value === chosen)) select.value = chosen;
    };
    for (const name of ["kill", "reset"]) {
      const { scope, reason, word, fire } = asks[name];
      forms[name].addEventListener("input", () => check(name));
      forms[name].addEventListener("submit", (event) => {
        event.preventDefault();
        if (fire.disabled) return;
        fire.disabled = true;
        say({ [name]: { scope: scope.value, reason: reason.value.trim(), word: word ? word.value : "" } });
      });
      dialogs[name].addEventListener("close", () => {
        forms[name].reset();
        if (frame.open === name) say({ closed: name });
      });
    }
    return {
      draw(told) {
        frame = told;
        choose(asks.kill.scope, told.scopes);
        choose(asks.reset.scope, Object.keys(told.halted).map((each) => [each, each]));
        asks.kill.list.replaceChildren(...told.facts.map((text) => make("li", { text })));
        asks.reset.list.replaceChildren(...Object.entries(told.halted).map(([name, text]) => make("li", { text: `${name}: ${text}` })));
        for (const name of ["kill", "reset"]) {
          check(name);
          if (told.open === name && !dialogs[name].open) dialogs[name].showModal();
          if (told.open !== name && dialogs[name].open) dialogs[name].close();
        }
      },
      end: () => Object.values(dialogs).forEach((each) => each.close()),
    };
  };
})();
