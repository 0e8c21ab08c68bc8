/* Selecting rows: inside `[data-select]`, boxes with `data-select-row`, one with `data-select-all`, the number in
   `[data-select-count]`, and `[data-select-clear]`. Shift-click takes the rows between. */

let last = null;

function rows(area) {
  return [...area.querySelectorAll("[data-select-row]")];
}

export function refresh(area) {
  const boxes = rows(area);
  const chosen = boxes.filter((box) => box.checked).length;
  for (const shown of area.querySelectorAll("[data-select-count]")) shown.textContent = `${chosen} selected`;
  const all = area.querySelector("[data-select-all]");
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
}

/* Returns whether there was anything to clear. */
export function clearSelection() {
  let cleared = false;
  for (const area of document.querySelectorAll("[data-select]")) {
    for (const box of rows(area)) {
      cleared ||= box.checked;
      box.checked = false;
    }
    refresh(area);
  }
  return cleared;
}

function takeBetween(area, box) {
  const boxes = rows(area);
  const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
  if (from >= 0) for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
}

export function startSelecting() {
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-select-row]");
    if (box) {
      const area = box.closest("[data-select]");
      if (event.shiftKey && last) takeBetween(area, box);
      last = box;
      refresh(area);
    }
    if (event.target.closest("[data-select-clear]")) clearSelection();
  });
  document.addEventListener("change", (event) => {
    const area = event.target.closest("[data-select]");
    if (!area) return;
    if (event.target.matches("[data-select-all]")) for (const box of rows(area)) box.checked = event.target.checked;
    if (event.target.matches("[data-select-all], [data-select-row]")) refresh(area);
  });
  const refreshAll = () => document.querySelectorAll("[data-select]").forEach(refresh);
  document.addEventListener("htmx:afterSettle", refreshAll);
  // Also after "back": the browser restores boxes without an event.
  addEventListener("pageshow", refreshAll);
}
