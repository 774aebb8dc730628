"use strict";
// Dark or light as the system says, or as the reader chose; the choice is kept where the browser keeps things.
const THEME = "omnilab-theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
function chosenTheme() {
  try { return localStorage.getItem(THEME); } catch { return null; }
}
function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "dark" || theme === "light") { root.dataset.theme = theme; } else { delete root.dataset.theme; }
  try {
    if (root.dataset.theme) { localStorage.setItem(THEME, theme); } else { localStorage.removeItem(THEME); }
  } catch { /* the choice lasts as long as the page */ }
}
const isDark = () => (document.documentElement.dataset.theme ?? (systemIsDark.matches ? "dark" : "light")) === "dark";
setTheme(chosenTheme());
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("toggle-theme");
  const say = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    // What the system says anyway needs no choice, and follows it again.
    const wanted = isDark() ? "light" : "dark";
    setTheme((wanted === "dark") === systemIsDark.matches ? null : wanted);
    say();
  });
  systemIsDark.addEventListener("change", say);
  say();
});
