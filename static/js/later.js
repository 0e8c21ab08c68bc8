/* htmx for a page that can be read without it: a third of the weight a page may have comes with the first act. */

let coming = null;

function bring() {
  coming ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name='htmx-script']").content;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    // htmx takes a page that is not complete for one whose start it will still be told of.
    if (document.readyState === "complete") document.head.append(script);
    else addEventListener("load", () => document.head.append(script));
  });
  return coming;
}

// Without it every link leads to a page of its own that does the same.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[hx-get]");
  if (!link || window.htmx || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  bring().then(() => link.click(), () => location.assign(link.href));
}, { capture: true });

document.addEventListener("row-current", (event) => {
  if (window.htmx) return;
  const row = event.target;
  bring().then(() => row.matches(".is-current") && row.dispatchEvent(new CustomEvent("row-current", { bubbles: true })), () => {});
});

// Something that asks by itself cannot wait for somebody.
if (document.querySelector("[hx-trigger^='every']")) bring();
