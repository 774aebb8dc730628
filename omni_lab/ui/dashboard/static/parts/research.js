// Parts of the pages of runs: tabs, jobs on their way, a document that may not run anything, buttons in a row.
(() => {
  const {make} = omni;
  const TONES = {SUCCEEDED: "good", FAILED: "bad", LOST: "bad", CANCELED: "warn", RUNNING: "info"};
  const SIGNS = {SUCCEEDED: "✓", FAILED: "✕", LOST: "✕", CANCELED: "◼", RUNNING: "▸", QUEUED: "…"};

  omni.parts.tabs = (el, options, say) => {
    const bar = make("div", {class: "desk-tabs", role: "tablist", "aria-label": options.title});
    el.append(bar);
    const tabs = options.tabs.map(([name, label], i) => make("button", {type: "button", role: "tab", text: label,
      onclick: () => say({tab: name}), onkeydown: (event) => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (!step) return;
        event.preventDefault();
        const next = (i + step + tabs.length) % tabs.length;
        tabs[next].focus();
        say({tab: options.tabs[next][0]});
      }}));
    bar.append(...tabs);
    return {draw: (frame) => tabs.forEach((tab, i) => {
      const on = options.tabs[i][0] === frame.tab;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      const count = frame.counts?.[options.tabs[i][0]];
      tab.textContent = options.tabs[i][1] + (count ? ` (${count})` : "");
    })};
  };

  omni.parts.jobList = (el, options, say) => {
    const list = make("div", {class: "run-jobs"});
    el.append(make("section", {class: "box", "aria-label": options.title}, make("header", {}, make("h2", {text: options.title})), list));
    const made = new Map();
    const build = (id) => {
      const badge = make("span", {class: "badge"}), title = make("span", {class: "run-job-title"}), text = make("span", {class: "soft run-job-text"});
      const bar = make("div", {class: "run-job-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100}, make("i", {}));
      const cancel = make("button", {type: "button", class: "act small danger", text: "Cancel", onclick: () => say({cancel: id})});
      const open = make("button", {type: "button", class: "act small", text: "Show", onclick: () => say({open: id})});
      return {row: make("div", {class: "run-job", "data-job": id}, badge, title, bar, text, cancel, open), badge, title, text, bar, cancel, open};
    };
    return {draw: (frame) => {
      if (!frame.jobs.length) {
        made.clear();
        list.replaceChildren(make("div", {class: "empty"}, make("b", {text: options.empty[0]}), options.empty[1]));
        return;
      }
      if (list.querySelector(".empty")) list.replaceChildren();
      const known = new Set(frame.jobs.map(job => job.id));
      for (const [id, part] of made) if (!known.has(id)) { part.row.remove(); made.delete(id); }
      frame.jobs.forEach((job, i) => {
        if (!made.has(job.id)) made.set(job.id, build(job.id));
        const part = made.get(job.id);
        if (list.children[i] !== part.row) list.insertBefore(part.row, list.children[i] || null);
        part.badge.className = "badge " + (TONES[job.state] || "");
        part.badge.textContent = `${SIGNS[job.state] || ""} ${job.state.toLowerCase()}`;
        part.title.textContent = job.title;
        part.title.title = job.title;
        part.text.textContent = job.text;
        const ended = !["QUEUED", "RUNNING"].includes(job.state);
        part.bar.hidden = ended;
        part.bar.setAttribute("aria-label", `Progress of ${job.title}`);
        part.bar.setAttribute("aria-valuenow", Math.round((job.progress || 0) * 100));
        part.bar.firstChild.style.width = (job.progress || 0) * 100 + "%";
        part.cancel.hidden = ended;
        part.cancel.disabled = job.why_not !== null;
        part.cancel.title = job.why_not || "";
        part.cancel.setAttribute("aria-label", `Cancel ${job.title}`);
        part.open.hidden = !job.run_id;
        part.open.setAttribute("aria-label", `Show the run of ${job.title}`);
      });
    }};
  };

  // A notebook is not trusted: without permission to run anything, and of another origin than the page.
  omni.parts.document = (el, options) => {
    const frame = make("iframe", {class: "document", sandbox: "", title: options.title, referrerpolicy: "no-referrer"});
    const note = make("div", {});
    frame.style.height = options.height + "px";
    el.append(make("section", {class: "box", "aria-label": options.title}, note, frame));
    return {draw: (told) => {
      frame.hidden = !told.html;
      if (told.html) { note.replaceChildren(); if (frame.srcdoc !== told.html) frame.srcdoc = told.html; }
      else if (told.failed) note.replaceChildren(omni.failed(told.failed));
      else if (told.empty) note.replaceChildren(make("div", {class: "empty"}, make("b", {text: told.empty[0]}), told.empty[1]));
      else note.replaceChildren(make("div", {class: "skeleton", style: "height:220px"}));
    }};
  };

  omni.parts.actions = (el, options, say) => {
    const bar = make("div", {class: "actions"});
    el.append(bar);
    return {draw: (frame) => {
      const buttons = frame.actions.map(each => make("button", {type: "button", class: "act " + (each.tone || ""), text: each.label,
        disabled: Boolean(each.why_not), title: each.why_not || each.title || null, onclick: () => say({act: each.name})}));
      bar.replaceChildren(...(frame.text ? [make("span", {class: "soft", text: frame.text})] : []), ...buttons);
    }};
  };
})();
