/* What an ellipsis cuts off is said in full when pointed at. */

export function startClipped() {
  document.addEventListener("pointerover", ({ target }) => {
    const clip = target.closest(".clip");
    if (clip && !clip.title && clip.scrollWidth > clip.clientWidth) clip.title = clip.textContent;
  });
}
