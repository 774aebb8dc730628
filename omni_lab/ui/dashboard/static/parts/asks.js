// A question in a dialog: a sentence, some fields, what is wrong with them, and two ways out.
(() => {
  const { make } = omni;

  omni.parts.asks = (el, options, say) => {
    let frame = { number: 0 };
    const title = make("h2", { text: "" });
    const [text, why] = [make("p", {}), make("p", { class: "blocked", role: "status" })];
    const fields = make("div", { style: "display:flex;flex-direction:column;gap:10px" });
    const leave = make("button", { class: "act", type: "button", onclick: () => dialog.close() });
    const go = make("button", { class: "act main", type: "submit" });
    const form = make("form", { method: "dialog", autocomplete: "off", novalidate: true }, text, fields, why,
      make("div", { class: "end" }, leave, go));
    const dialog = make("dialog", { class: "asks" }, make("header", {}, title,
      make("button", { class: "act small", type: "button", "aria-label": "Close", text: "Esc ×", onclick: () => dialog.close() })), form);
    el.append(dialog);
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => { if (frame.open) say({ closed: frame.number }); });
    const values = () => Object.fromEntries(new FormData(form).entries());
    form.addEventListener("input", () => { if (frame.looks) say({ look: { number: frame.number, fields: values() } }); });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      say({ answer: { number: frame.number, fields: values() } });
    });
    const fieldOf = (each) => {
      const field = each.options
        ? make("select", { class: "field", name: each.name }, ...each.options.map((text) => make("option", { value: text, text })))
        : make("input", { class: each.number ? "field num" : "field", name: each.name, type: "text", inputmode: each.number ? "decimal" : null });
      field.value = each.value ?? "";
      return make("label", {}, make("span", { text: each.label }), field, each.note ? make("span", { class: "soft", text: each.note }) : null);
    };
    return {
      draw(told) {
        const isNew = told.number !== frame.number;
        frame = told;
        if (!told.open) { if (dialog.open) dialog.close(); return; }
        dialog.className = told.danger ? "asks danger" : "asks";
        go.className = told.danger ? "act danger" : "act main";
        title.textContent = told.title;
        dialog.setAttribute("aria-label", told.title);
        text.textContent = told.text;
        why.textContent = told.why || "";
        go.textContent = told.go;
        go.disabled = Boolean(told.off);
        leave.textContent = told.leave;
        if (isNew) fields.replaceChildren(...told.fields.map(fieldOf));
        if (!dialog.open) {
          dialog.showModal();
          (fields.querySelector(".field") || go).focus();
        }
      },
      end: () => dialog.close(),
    };
  };
})();
