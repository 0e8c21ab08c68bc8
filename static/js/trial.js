/* Says what a form comes to while it is filled in: `data-trial="URL"` on an element, `data-trial-of="form id"`. The form
   is sent there half a second after the last key, and the answer shown in the element. Nothing is saved, so a
   request that fails or is overtaken is nobody's loss. */

const WAIT_MILLISECONDS = 400;

function watch(shown) {
  const form = document.getElementById(shown.dataset.trialOf);
  let timer = 0;
  let running = null;

  async function ask() {
    running?.abort();
    running = new AbortController();
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(shown.dataset.trial, { method: "POST", body, signal: running.signal, redirect: "error" });
      if (answer.ok) shown.innerHTML = await answer.text();
    } catch {
      // Left as it was: the next key asks again, and saving says what is wrong.
    }
  }

  form?.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MILLISECONDS);
  });
  form?.addEventListener("submit", () => {
    clearTimeout(timer);
    running?.abort();
  });
}

document.querySelectorAll("[data-trial]").forEach(watch);
