/* Keeps what is typed in this tab until the server has taken it: an ended session, an old page or a dead connection
   loses nothing. Every POST form counts, save those with `data-no-keep`. Secrets and files are never kept; signing
   out (`data-forget`) forgets everything; the words of one user are never shown to another. */

import { toast } from "./toast.js";

const PREFIX = "leadflow.typed:";
const NEVER = "[type=password], [type=hidden], [type=file], [type=submit], [type=button], [type=search]";
const HOURS_12 = 12 * 60 * 60 * 1000;

const keyOf = (form) => `${PREFIX}${document.body.dataset.user}:${location.pathname}:${form.id || form.getAttribute("action") || ""}`;
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !field.matches(NEVER));
const isKept = (form) => form.method === "post" && !form.matches("[data-no-keep]") && document.body.dataset.user;

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A full or forbidden store: the page works on without.
  }
}

function allKeys() {
  return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
}

function keep(form) {
  const values = fieldsOf(form).map((field) => [field.name, field.type, field.value, Boolean(field.checked)]);
  write(keyOf(form), { at: Date.now(), values });
}

function restore(form, values) {
  let changed = false;
  const waiting = [...values];
  for (const field of fieldsOf(form)) {
    const box = field.type === "checkbox" || field.type === "radio";
    const at = waiting.findIndex(([name, type, value]) => name === field.name && type === field.type && (!box || value === field.value));
    if (at < 0) continue;
    const [, , value, checked] = waiting.splice(at, 1)[0];
    changed ||= box ? field.checked !== checked : field.value !== value;
    if (box) field.checked = checked;
    else field.value = value;
  }
  return changed;
}

function offer(form) {
  const key = keyOf(form);
  const kept = read(key);
  if (!kept || form.dataset.offered) return;
  form.dataset.offered = "yes";
  // Sent and answered by a page of ours: taken, or shown again by the server with its errors.
  if (kept.sent || Date.now() - kept.at > HOURS_12) {
    sessionStorage.removeItem(key);
    return;
  }
  if (restore(form, kept.values)) {
    const discard = () => {
      form.reset();
      sessionStorage.removeItem(key);
    };
    toast("What you typed was kept.", { button: { label: "Discard", act: discard } });
  }
}

/* Sign-in and error pages: what was on its way has not arrived. */
function returnToSender() {
  for (const key of allKeys()) {
    const kept = read(key);
    if (kept?.sent) write(key, { ...kept, sent: false });
  }
  // Back to the form by loading it anew: its old copy has an old token.
  const from = document.referrer;
  if (!from.startsWith(`${location.origin}/`)) return;
  for (const back of document.querySelectorAll("[data-back]")) back.href = from;
}

function forgetSent() {
  for (const key of allKeys()) if (read(key)?.sent) sessionStorage.removeItem(key);
}

export function keepTyping() {
  if ("interrupted" in document.body.dataset) return returnToSender();
  const offerAll = (root) => [...root.querySelectorAll("form")].filter(isKept).forEach(offer);
  offerAll(document);
  forgetSent();
  let timer = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form || !isKept(form) || event.target.matches(NEVER)) return;
    clearTimeout(timer);
    timer = setTimeout(() => keep(form), 300);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-forget]")) return allKeys().forEach((key) => sessionStorage.removeItem(key));
    if (!isKept(event.target)) return;
    clearTimeout(timer);
    keep(event.target);
    // Only a form that leaves the page is settled by the next one; htmx settles its own below.
    if (!event.defaultPrevented) write(keyOf(event.target), { ...read(keyOf(event.target)), sent: true });
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (form && event.detail.successful && isKept(form)) sessionStorage.removeItem(keyOf(form));
  });
  document.addEventListener("htmx:load", (event) => event.target !== document.body && offerAll(event.target));
}
