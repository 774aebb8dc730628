// Buttons in a row, each with the reason why it is off.
(() => {
  const { make } = omni;
  omni.parts.buttons = (el, options, say) => {
    const made = new Map(options.buttons.map((each) => [each.name, make("button", {
      type: "button", text: each.label, class: `act ${each.trades ? "trades" : ""} ${each.danger ? "danger" : each.main ? "main" : ""}`,
      onclick: () => say({ press: each.name }),
    })]));
    const said = make("span", { class: "soft", role: "status" });
    el.append(make("div", { class: "toolbar", role: "toolbar", "aria-label": options.title }, ...made.values(), said));
    return {
      draw: (frame) => {
        for (const [name, button] of made) {
          const why = frame.off[name] || "";
          button.disabled = why !== "";
          button.title = why;
          if (frame.labels?.[name]) button.textContent = frame.labels[name];
        }
        if (said.textContent !== frame.said) said.textContent = frame.said;
      },
    };
  };
})();
