// A form: a field for everything that is asked, and beside it what it accepts or what is wrong with it.
(() => {
  const {make} = omni;
  let counted = 0;

  const fieldOf = (field, say) => {
    const id = `form-${++counted}`;
    let last = null;
    const note = make("div", {class: "form-note", id: `${id}-note`});
    const common = {id, class: "field", "aria-describedby": note.id};
    const tell = () => say({name: field.name, value: set && !set.checked ? null : value()});
    let input, list = null;
    if (field.kind === "choice") input = make("select", {...common, onchange: tell});
    else if (field.kind === "switch") input = make("input", {...common, class: "", type: "checkbox", onchange: tell});
    else if (field.kind === "long") input = make("textarea", {...common, rows: 2, spellcheck: false, oninput: tell});
    else {
      input = make("input", {...common, type: "text", spellcheck: false, autocomplete: "off", oninput: tell});
      if (field.choices.length) {
        list = make("datalist", {id: `${id}-list`});
        input.setAttribute("list", list.id);
      }
    }
    const value = () => field.kind === "switch" ? String(input.checked) : input.value;
    const set = field.optional ? make("input", {type: "checkbox", "aria-label": `Set ${field.label}`, onchange: () => {
      input.disabled = !set.checked;
      tell();
      if (set.checked) input.focus();
    }}) : null;
    const row = make("div", {class: "form-row"}, make("label", {for: id, text: field.label}),
      make("div", {class: "form-value"}, set, input, list), note);
    const draw = (now) => {
      const choices = now.choices.join("\u0000");
      if (choices !== last) {
        last = choices;
        (field.kind === "choice" ? input : list)?.replaceChildren(...now.choices.map(each => make("option", {value: each, text: each})));
      }
      // What somebody is typing stays as he types it.
      if (row.getRootNode().activeElement !== input || field.kind === "choice") {
        if (field.kind === "switch") input.checked = now.text === "true";
        else if (input.value !== now.text && !(now.wrong && input.value)) input.value = now.text;
      }
      if (set) { set.checked = now.is_set || (now.wrong !== "" && set.checked); input.disabled = !set.checked; }
      note.textContent = now.wrong ? `✗ ${now.wrong}` : now.accepts ? `${now.help} (${now.accepts})` : now.help;
      note.className = "form-note" + (now.wrong ? " bad" : "");
      input.setAttribute("aria-invalid", now.wrong ? "true" : "false");
    };
    return {row, draw, shape: [field.kind, field.optional, field.label].join("|"), reset: (now) => {
      if (field.kind === "switch") input.checked = now.text === "true"; else input.value = now.text;
    }};
  };

  omni.parts.form = (el, options, say) => {
    const id = `form-${++counted}`;
    const choice = make("select", {class: "field", id, onchange: () => say({choose: choice.value})});
    const above = make("div", {class: "form-choice"}, make("label", {for: id}), choice);
    const fields = make("div", {class: "form-fields"});
    if (options.height) { fields.style.maxHeight = options.height + "px"; fields.tabIndex = 0; fields.setAttribute("role", "group");
      fields.setAttribute("aria-label", options.title + ", fields"); }
    const problem = make("p", {class: "form-problem", role: "status"});
    const go = make("button", {type: "submit", class: "act main", text: options.go});
    const form = make("form", {class: "box form", "aria-label": options.title, novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      say({go: true});
    }}, make("header", {}, make("h2", {text: options.title}), make("span", {class: "grow"})),
      options.note ? make("p", {class: "soft form-said", text: options.note}) : null, above, fields,
      make("div", {class: "form-end"}, go, problem));
    el.append(form);
    const made = new Map(), groups = new Map();
    let shown = "", choices = "";
    const groupOf = (name) => {
      if (!name) return fields;
      if (!groups.has(name)) {
        const inner = make("div", {});
        const summary = make("summary", {text: name});
        groups.set(name, {whole: make("details", {class: "form-group"}, summary, inner), inner, summary});
      }
      return groups.get(name).inner;
    };
    return {draw: (frame) => {
      above.hidden = !frame.choice;
      if (frame.choice) {
        above.firstChild.textContent = frame.choice[0];
        const text = frame.choice[1].join("\u0000");
        if (text !== choices) { choices = text; choice.replaceChildren(...frame.choice[1].map(each => make("option", {value: each, text: each}))); }
        if (choice.value !== frame.choice[2]) choice.value = frame.choice[2];
      }
      const layout = frame.fields.map(f => f.name + "|" + f.group).join("\u0000");
      for (const field of frame.fields) {
        const known = made.get(field.name);
        if (!known || known.shape !== [field.kind, field.optional, field.label].join("|")) made.set(field.name, fieldOf(field, say));
      }
      if (layout !== shown) {
        shown = layout;
        const counts = {};
        for (const place of [fields, ...[...groups.values()].map(g => g.inner)]) place.replaceChildren();
        for (const field of frame.fields) {
          groupOf(field.group).append(made.get(field.name).row);
          counts[field.group] = (counts[field.group] || 0) + 1;
        }
        for (const [name, group] of groups) if (counts[name]) {
          group.summary.textContent = `${name} (${counts[name]})`;
          fields.append(group.whole);
        }
      }
      for (const field of frame.fields) made.get(field.name).draw(field);
      for (const [name, group] of groups) if (frame.fields.some(f => f.group === name && f.wrong)) group.whole.open = true;
      problem.textContent = frame.why_not || (frame.problem ? `✗ ${frame.problem}` : "");
      problem.className = "form-problem" + (frame.problem && !frame.why_not ? " bad" : "");
      go.textContent = frame.busy || options.go;
      go.disabled = Boolean(frame.why_not || frame.problem || frame.busy);
      go.title = frame.why_not || "";
    }};
  };
})();
