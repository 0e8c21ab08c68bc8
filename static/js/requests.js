/* What htmx needs around it: the CSRF token, the way to sign in again, and words when something fails. */

import { toast } from "./toast.js";

const WORDS = {
  0: "Leadflow cannot be reached. Nothing was saved; check the connection and try again.",
  403: "This is not open to you, or the page is too old. Reload it; what you typed is kept.",
  404: "This is gone, or not open to you. Reload the page.",
  413: "That is too large.",
  429: "Too many requests. Wait a moment and try again.",
  503: "The database is away right now. Nothing was saved; try again in a moment.",
};

export function startRequests() {
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.body.dataset.csrf;
    if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // A session that ended answers with the sign-in page; it must not land in a corner of this one.
    const signIn = document.body.dataset.signIn;
    const answered = event.detail.xhr.responseURL && new URL(event.detail.xhr.responseURL).pathname;
    if (signIn && answered === signIn) {
      event.detail.shouldSwap = false;
      location.assign(`${signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
    }
  });
  const say = (status) => toast(WORDS[status] || "Something went wrong on our side. Nothing was saved; try again.", { tone: "bad" });
  document.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.status));
  document.addEventListener("htmx:sendError", () => say(0));
  document.addEventListener("htmx:timeout", () => say(0));
  document.addEventListener("submit", (event) => {
    // A second click on the same button sends nothing twice.
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.matches("[data-theme-switch]")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });
}
