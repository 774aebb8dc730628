// Small parts: tiles, gauges, a picture, a card that says what is wrong, a dialog.
(() => {
  const {make} = omni;

  omni.parts.tiles = (el, options) => {
    const grid = make("div", {class: "tiles"});
    el.append(grid);
    const places = new Map();
    for (const tile of options.tiles) {
      const value = make("div", {class: "value skeleton", text: "\u00a0"}), note = make("div", {class: "note"});
      grid.append(make("section", {class: "tile", "aria-label": tile.label},
        make("div", {class: "label", text: tile.label}), value, note));
      places.set(tile.key, {tile, value, note});
    }
    let last = {};
    const draw = (frame) => {
      last = frame;
      for (const [key, {tile, value, note}] of places) {
        const found = frame[key];
        if (!found) continue;
        value.classList.remove("skeleton");
        const text = omni.show(tile.kind, found.value, tile.decimals);
        if (value.textContent !== text) {
          value.textContent = text;
          value.style.setProperty("--characters", text.length);
        }
        value.className = "value " + (found.tone || (tile.kind === "pnl" ? omni.toneOf(found.value) : ""));
        const says = found.note || "";
        if (note.textContent !== says) note.textContent = says;
        note.className = "note " + (found.note_tone || "");
      }
    };
    return {draw, look: () => draw(last)};
  };

  omni.parts.gauges = (el, options) => {
    const list = make("div", {});
    el.append(make("section", {class: "box", "aria-label": options.title},
      make("header", {}, make("h2", {text: options.title})), list));
    return {draw: (frame) => {
      if (!frame.gauges.length) {
        list.replaceChildren(make("div", {class: "empty"}, make("b", {text: options.empty[0]}), options.empty[1]));
        return;
      }
      list.replaceChildren(...frame.gauges.map(each => {
        const used = each.used === null ? null : Math.max(0, Math.min(1, each.used));
        const word = each.tone === "bad" ? "● over " : each.tone === "warn" ? "▲ near " : "";
        const bar = make("div", {class: "bar", role: "meter", "aria-label": each.label, "aria-valuemin": 0, "aria-valuemax": 100,
          "aria-valuenow": used === null ? 0 : Math.round(used * 100), "aria-valuetext": each.text}, make("i", {}));
        bar.firstChild.style.width = (used ?? 0) * 100 + "%";
        return make("div", {class: "gauge " + (each.tone || "")}, make("span", {text: each.label}), bar,
          make("span", {class: "num " + (each.tone || ""), text: word + each.text}));
      }));
    }};
  };

  omni.parts.picture = (el, options, say) => {
    const place = make("figure", {}), save = make("button", {class: "act small", text: "PNG", "aria-label": `Download ${options.title} as PNG`,
      onclick: () => say({save: "png"})});
    el.append(make("section", {class: "box", "aria-label": options.title}, make("header", {}, make("h2", {text: options.title}),
      make("span", {class: "grow"}), save), place));
    const wait = () => place.replaceChildren(make("div", {class: "skeleton", style: `height:${options.height}px`}));
    wait();
    return {draw: (frame) => {
      save.disabled = !frame.svg;
      if (frame.svg) { place.innerHTML = frame.svg; place.setAttribute("role", "img"); place.setAttribute("aria-label", frame.alt); }
      else if (frame.empty) place.replaceChildren(make("div", {class: "empty"}, make("b", {text: frame.empty[0]}), frame.empty[1] || ""));
      else if (frame.failed) place.replaceChildren(failed(frame.failed));
      else wait();
    }};
  };

  const failed = (told) => make("div", {class: "failed", role: "alert"}, make("h2", {text: told.title}),
    make("p", {text: told.text}), told.hint ? make("p", {class: "soft", text: told.hint}) : null,
    told.id ? make("p", {class: "soft", text: told.id}) : null);
  omni.failed = failed;
  omni.parts.card = (el, options) => {
    el.append(options.failed ? failed(options.failed)
      : make("div", {class: "empty"}, make("b", {text: options.empty[0]}), options.empty[1]));
    return {draw: () => {}};
  };

  omni.parts.html = (el, options) => {
    const place = make("div", {class: "omni"});
    el.append(place);
    place.innerHTML = options.html || "";
    return {draw: (frame) => { place.innerHTML = frame.html; }};
  };

  // The browser itself keeps the focus inside a modal dialog, closes it on Escape and gives the focus back.
  omni.parts.dialog = (el, options, say, model) => {
    const place = make("div", {});
    const dialog = make("dialog", {class: options.danger ? "danger" : "", "aria-label": options.title},
      make("header", {}, make("h2", {text: options.title}),
        make("button", {class: "act small", "aria-label": "Close", text: "Esc ×", onclick: () => dialog.close()})), place);
    if (options.width) dialog.style.setProperty("--dialog-width", options.width + "px");
    el.append(dialog);
    const child = model.get_child("content");
    if (child) place.append(child);
    dialog.addEventListener("close", () => say({closed: true}));
    return {draw: (frame) => {
      if (frame.open && !dialog.open) dialog.showModal();
      if (!frame.open && dialog.open) dialog.close();
    }, end: () => dialog.close()};
  };
})();
