// Figures that brought their lines are read out: date and values where the pointer is, or by the arrow keys.
// The lines come from an output of the notebook: they are numbers and names here, never markup.
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".plot[data-series]").forEach(readOut));

const DAY_MS = 86400000;

function readOut(plot) {
  let panels;
  try { panels = panelsOf(JSON.parse(plot.dataset.series)); } catch { return; }
  const tip = add(plot, "tip");
  tip.setAttribute("role", "status");
  const marks = panels.map((panel) => ({ cross: add(plot, "cross"), dots: panel.series.map(() => add(plot, "dot")) }));
  let current = null; // the panel that is read, and which step of its first line
  plot.tabIndex = 0;

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const at = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    const panel = panelAt(panels, at);
    if (!panel) { hide(); return; }
    const place = panel.x[0] + (at.x - panel.left) / panel.width * (panel.x[1] - panel.x[0]);
    show(panel, nearest(panel.series[0].places, place));
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (event.key === "Escape") { hide(); return; }
    if (!step && event.key !== "Home" && event.key !== "End") { return; }
    event.preventDefault();
    const panel = current?.panel ?? panels[0];
    const last = panel.series[0].places.length - 1;
    const from = current?.step ?? (step > 0 ? -1 : last + 1);
    show(panel, event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(Math.max(from + step, 0), last));
  });

  function hide() {
    current = null;
    plot.querySelectorAll(".cross, .dot, .tip").forEach((mark) => { mark.hidden = true; });
  }

  function show(panel, step) {
    current = { panel, step };
    const place = panel.series[0].places[step];
    tip.replaceChildren(line("strong", moment(panel.series[0].times, step)));
    panels.forEach((other, i) => {
      const shares = sameAxis(other, panel);
      const left = other.left + other.width * (place - other.x[0]) / (other.x[1] - other.x[0]);
      put(marks[i].cross, shares, { left, top: other.top, height: other.height });
      other.series.forEach((series, j) => {
        const value = series.values[nearest(series.places, place)];
        const down = value === null ? NaN : depth(other, value);
        put(marks[i].dots[j], shares && down >= 0 && down <= 1, { left, top: other.top + other.height * down });
        marks[i].dots[j].style.backgroundColor = series.colour;
        if (shares) { tip.append(line("span", `${series.label || other.label || "value"} `, spoken(value, other.percent), series.colour)); }
      });
    });
    const x = panel.left + panel.width * (place - panel.x[0]) / (panel.x[1] - panel.x[0]);
    put(tip, true, { left: x, top: panel.top });
    tip.classList.toggle("before", x > 0.5);
  }
}

function panelsOf(data) {
  const clocks = data.times.map((times) => {
    let steps = 0;
    const ms = [times.start_ms, ...numbers(times.steps).map((step) => times.start_ms + (steps += step) * times.unit_ms)];
    return { ...times, ms, places: times.side_by_side ? ms.map((_, i) => i) : ms.map((each) => each / DAY_MS) };
  });
  return data.panels.map((panel) => {
    const [left, top, width, height] = panel.box.map(Number);
    const series = panel.series.map((each) => {
      const times = clocks[each.times];
      return { ...each, times, places: times.places, values: numbers(each.values) };
    });
    return { ...panel, left, top, width, height, series };
  });
}

const numbers = (text) => text.split(",").map((each) => each === "" ? null : Number(each));

// The panel whose width the pointer is in, and to whose height it is nearest.
function panelAt(panels, at) {
  const away = (panel) => Math.max(panel.top - at.y, at.y - panel.top - panel.height, 0);
  return panels.filter((panel) => at.x >= panel.left && at.x <= panel.left + panel.width && away(panel) < 0.1)
    .sort((one, other) => away(one) - away(other))[0];
}

function sameAxis(one, other) {
  const span = other.x[1] - other.x[0];
  return one === other || one.x.every((limit, i) => Math.abs(limit - other.x[i]) < 0.001 * span);
}

function nearest(places, place) {
  let low = 0, high = places.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle] <= place) { low = middle; } else { high = middle; }
  }
  return place - places[low] <= places[high] - place ? low : high;
}

// How far down its panel a value lies, from 0 at the top to 1.
function depth(panel, value) {
  const scale = panel.log ? Math.log : Number;
  return (scale(panel.y[1]) - scale(value)) / (scale(panel.y[1]) - scale(panel.y[0]));
}

function moment(times, step) {
  const text = new Date(times.ms[step]).toISOString();
  const clock = text.slice(11, times.unit_ms % 1000 ? 23 : 19);
  if (!times.dated) { return clock; }
  return times.intraday ? `${text.slice(0, 10)} ${clock}` : text.slice(0, 10);
}

function spoken(value, percent) {
  if (value === null) { return "–"; }
  const form = percent ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
    : Math.abs(value) >= 1000 ? { maximumFractionDigits: 2 } : { maximumSignificantDigits: 5 };
  return (percent ? value * 100 : value).toLocaleString("en-US", form).replace("-", "−") + (percent ? "%" : "");
}

function add(plot, name) {
  const mark = document.createElement("div");
  mark.className = name;
  mark.hidden = true;
  plot.append(mark);
  return mark;
}

function line(tag, text, value, colour) {
  const row = document.createElement(tag);
  if (colour) { row.append(document.createElement("i")); row.firstChild.style.backgroundColor = colour; }
  row.append(text);
  if (value !== undefined) { row.append(line("b", value)); }
  return row;
}

function put(mark, shown, place) {
  mark.hidden = !shown;
  if (shown) { for (const [side, part] of Object.entries(place)) { mark.style[side] = `${100 * part}%`; } }
}
