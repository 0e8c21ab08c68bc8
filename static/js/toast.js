/* Toasts go by themselves, later when somebody points at them or has the focus in them. One with Undo stays as long
   as undoing works (`data-seconds`). */

const SECONDS = 6;

export function toast(text, { tone = "", button = null } = {}) {
  const shown = document.createElement("div");
  shown.className = "toast";
  shown.dataset.toast = "";
  if (tone) shown.dataset.tone = tone;
  const words = document.createElement("span");
  words.textContent = text;
  shown.append(words);
  if (button) {
    const action = document.createElement("button");
    action.type = "button";
    action.className = "btn btn-sm";
    action.textContent = button.label;
    action.addEventListener("click", () => {
      shown.remove();
      button.act();
    });
    shown.append(action);
  }
  document.getElementById("toasts")?.append(shown);
  start(shown);
}

function start(shown) {
  if (shown.dataset.started) return;
  shown.dataset.started = "yes";
  let seconds = Math.max(Number(shown.dataset.seconds) || 0, SECONDS);
  const timer = setInterval(() => {
    if (shown.matches(":hover, :focus-within") || document.hidden) return;
    seconds -= 1;
    if (seconds > 0) return;
    clearInterval(timer);
    shown.remove();
  }, 1000);
}

export function startToasts() {
  const startAll = () => document.querySelectorAll("[data-toast]").forEach(start);
  startAll();
  document.addEventListener("htmx:oobAfterSwap", startAll);
  document.addEventListener("htmx:afterSettle", startAll);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) event.target.closest("[data-toast]").remove();
  });
}
