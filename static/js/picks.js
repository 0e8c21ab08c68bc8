/* Says on the button of a list of ticks what is ticked in it, as the server does when the page is saved. */

document.addEventListener("change", (event) => {
  const pick = event.target.closest(".pick");
  if (!pick) return;
  const ticked = [...pick.querySelectorAll("input:checked")].map((box) => box.parentElement.textContent.trim());
  pick.querySelector("summary").textContent = ticked.join(" or ") || pick.querySelector("legend").textContent;
});
