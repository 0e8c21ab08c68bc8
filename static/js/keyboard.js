/* Keys. Rows: `[data-rows]` around rows with `data-row`. Actions: `data-key="a"` on a button or link, with
   `data-key-label` for the list of keys; one in the current row goes before one elsewhere on the page. */

import { openDialog } from "./dialogs.js";
import { clearSelection } from "./select.js";

const STORED = "leadflow.keys";
const GO_MILLISECONDS = 1500;
let goUntil = 0;

const isOn = () => localStorage.getItem(STORED) !== "off";
const isShown = (element) => element.checkVisibility?.() ?? element.offsetParent !== null;
const inField = (target) => target.closest?.("input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]");

function allRows() {
  return [...document.querySelectorAll("[data-rows] [data-row]")].filter(isShown);
}

function currentRow() {
  const focused = document.activeElement?.closest("[data-rows] [data-row]");
  return focused || document.querySelector("[data-rows] [data-row].is-current");
}

export function makeCurrent(row) {
  for (const other of document.querySelectorAll("[data-row].is-current")) {
    other.classList.remove("is-current");
    other.removeAttribute("aria-current");
  }
  row.classList.add("is-current");
  row.setAttribute("aria-current", "true");
  row.scrollIntoView({ block: "nearest" });
  row.querySelector("a[href]")?.focus({ preventScroll: true });
  row.dispatchEvent(new CustomEvent("row-current", { bubbles: true }));
}

function move(step) {
  const rows = allRows();
  const at = rows.indexOf(currentRow());
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  if (next) makeCurrent(next);
}

/* When a decision takes the current row away, the next one moves up and has the focus. */
function followSwaps() {
  let row = null;
  let place = -1;
  document.addEventListener("htmx:beforeSwap", () => {
    row = currentRow();
    place = row ? allRows().indexOf(row) : -1;
  });
  // Not afterSwap: an empty answer, which takes the row away, has nothing that could report it.
  document.addEventListener("htmx:afterRequest", () => {
    if (place < 0 || row.isConnected) return;
    const rows = allRows();
    const next = rows[Math.min(place, rows.length - 1)];
    place = -1;
    if (next) makeCurrent(next);
  });
}

function press(key) {
  const candidates = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter(isShown);
  const row = currentRow();
  const wanted = candidates.find((one) => row?.contains(one)) || candidates.find((one) => !one.closest("[data-row]"));
  if (!wanted || wanted.disabled || wanted.getAttribute("aria-disabled") === "true") return false;
  if (wanted.dataset.focusIn) return focusIn(wanted.dataset.focusIn);
  wanted.click();
  return true;
}

/* `data-focus-in="id"`: the key goes to the first button in there, so that nothing happens by one stray press. */
function focusIn(id) {
  const first = document.getElementById(id)?.querySelector("button");
  first?.focus();
  first?.scrollIntoView({ block: "nearest" });
  return Boolean(first);
}

function go(key) {
  goUntil = 0;
  const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
  return Boolean(link);
}

function showHelp() {
  const help = document.getElementById("keys");
  const list = help?.querySelector("[data-keys-page]");
  if (!list) return false;
  const seen = new Map();
  for (const one of document.querySelectorAll("[data-key]")) {
    const words = one.dataset.keyLabel || one.textContent.replace(/\s+/g, " ").trim();
    if (isShown(one) && !seen.has(one.dataset.key)) seen.set(one.dataset.key, words);
  }
  list.replaceChildren(...[...seen].map(([key, words]) => helpRow(key, words)));
  help.querySelector("[data-keys-switch]").checked = isOn();
  openDialog(help);
  return true;
}

function helpRow(key, words) {
  const [row, head, cell, cap] = ["tr", "th", "td", "kbd"].map((name) => document.createElement(name));
  head.scope = "row";
  head.textContent = words;
  cap.textContent = key.toUpperCase();
  cell.append(cap);
  row.append(head, cell);
  return row;
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => currentRow()?.querySelector("[data-select-row]")?.click(),
  "?": showHelp,
  "/": () => document.querySelector("[data-search]")?.focus(),
  g: () => {
    goUntil = Date.now() + GO_MILLISECONDS;
  },
};

function clear() {
  goUntil = 0;
  if (inField(document.activeElement)) document.activeElement.blur();
  else clearSelection();
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open], .nav:popover-open")) return;
  if (event.key === "Escape") return clear();
  if (inField(event.target)) return;
  if (event.key === "Enter") {
    if (event.target === document.body) currentRow()?.querySelector("a[href]")?.click();
    return;
  }
  if (!isOn() || event.repeat && !["j", "k"].includes(event.key)) return;
  const key = event.key.toLowerCase();
  const handled = goUntil > Date.now() ? go(key) : press(key) || (KEYS[key] && KEYS[key]() !== false);
  if (handled) event.preventDefault();
}

export function startKeyboard() {
  followSwaps();
  document.addEventListener("keydown", onKey);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-keys-switch]")) localStorage.setItem(STORED, event.target.checked ? "on" : "off");
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) showHelp();
  });
}
