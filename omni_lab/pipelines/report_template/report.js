// Code folds as one, and the facts of the run are open on paper.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("toggle-code");
  const folds = document.querySelectorAll("details.code");
  button.hidden = folds.length === 0;
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    folds.forEach((fold) => { fold.open = open; });
    button.setAttribute("aria-pressed", String(open));
    button.textContent = open ? "Hide all code" : "Show all code";
  });
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details.provenance").forEach((facts) => { facts.open = true; });
  });
});
