/* `data-dialog="id"` on a button or link opens that <dialog>; `data-close` inside closes it. A link keeps its
   address for those without this script. A dialog with `data-open` (it came back with errors) opens itself. */

export function openDialog(dialog) {
  if (!dialog || dialog.open) return;
  // The browser gives the focus back to what opened it when the dialog closes.
  dialog.showModal();
  const asked = dialog.querySelector("[aria-invalid='true'], [data-focus], [autofocus]");
  const first = dialog.querySelector(".dialog-body :is(input:not([type=hidden]), select, textarea)");
  (asked || first)?.focus();
}

function openWaiting(root) {
  const found = root.matches?.("dialog[data-open]") ? root : root.querySelector?.("dialog[data-open]");
  if (found) {
    delete found.dataset.open;
    openDialog(found);
  }
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.dialog);
    if (dialog && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openDialog(dialog);
      return;
    }
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    // A click on the backdrop lands on the dialog itself; the padding belongs to its children.
    if (event.target.matches("dialog[open]")) {
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });
  document.addEventListener("htmx:load", (event) => openWaiting(event.target));
  openWaiting(document);
  document.querySelector("main [data-focus]")?.focus();
}
