// Search, filters and order of the runs. Rows are made of texts, never of markup: names are anybody's.
document.addEventListener("DOMContentLoaded", () => {
  const AT_ONCE = 200;
  const runs = JSON.parse(document.getElementById("runs").textContent);
  const get = (id) => document.getElementById(id);
  const body = document.querySelector("tbody"), heads = [...document.querySelectorAll("th[data-by]")];
  let by = "started", falling = true, shown = AT_ONCE;
  runs.forEach((run) => { run.text = [run.id, run.status, run.started, run.set, run.problem, ...run.tags, ...run.result.flat()].join(" ").toLowerCase(); });
  for (const name of ["status", "pipeline"]) {
    const kinds = [...new Set(runs.map((run) => run[name]))].sort();
    get(name).append(...kinds.map((kind) => new Option(kind, kind)));
    get(name).addEventListener("change", restart);
  }
  heads.forEach((head) => {
    const button = element("button", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => {
      falling = by === head.dataset.by ? !falling : head.dataset.by !== "pipeline" && head.dataset.by !== "status";
      by = head.dataset.by;
      restart();
    });
    head.replaceChildren(button);
  });
  get("search").addEventListener("input", restart);
  get("more").addEventListener("click", () => { shown += AT_ONCE; draw(); });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== get("search")) { event.preventDefault(); get("search").focus(); }
  });
  get("tools").hidden = false;
  draw();

  function restart() { shown = AT_ONCE; draw(); }

  function draw() {
    const words = get("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = (run) => words.every((word) => run.text.includes(word))
      && ["status", "pipeline"].every((name) => !get(name).value || get(name).value === run[name]);
    const found = runs.filter(wanted).sort((one, other) => compare(one[by], other[by]) * (falling ? -1 : 1) || compare(other.id, one.id));
    body.replaceChildren(...found.slice(0, shown).map(row));
    heads.forEach((head) => {
      if (head.dataset.by === by) { head.setAttribute("aria-sort", falling ? "descending" : "ascending"); } else { head.removeAttribute("aria-sort"); }
    });
    get("count").textContent = found.length === runs.length ? `${runs.length} runs` : `${found.length} of ${runs.length} runs`;
    get("more").hidden = found.length <= shown;
    get("none").hidden = found.length > 0;
    if (runs.length) { get("none").textContent = "No run is like that."; }
  }

  function compare(one, other) {
    if (one === null || other === null) { return (one !== null) - (other !== null); }
    return one < other ? -1 : one > other ? 1 : 0;
  }

  function row(run) {
    const tr = element("tr");
    const status = element("span", run.status, "status");
    if (/^[a-z]+$/.test(run.status)) { status.classList.add(`status-${run.status}`); }
    const name = element(run.link ? "a" : "span", run.pipeline, "name");
    if (run.link) { name.href = run.link; }
    const what = cell(name, ...run.tags.map((tag) => element("span", tag, "tag")), element("span", run.set ? `${run.id}  ${run.set}` : run.id, "id"));
    const result = cell(...(run.problem ? [element("span", run.problem, "problem")] : run.result.map(([label, value]) => {
      const each = element("span");
      each.append(element("i", label), ` ${value}`);
      return each;
    })));
    result.className = run.problem ? "" : "result";
    const when = cell(run.started.slice(0, 19).replace("T", " ") || "–"), took = cell(run.took);
    when.className = "when";
    took.className = "number";
    tr.append(cell(status), what, when, took, result);
    return tr;
  }

  function cell(...parts) { const td = element("td"); td.append(...parts); return td; }

  function element(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) { made.textContent = text; }
    if (name) { made.className = name; }
    return made;
  }
});
