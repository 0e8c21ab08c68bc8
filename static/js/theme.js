/* The theme switch without a reload: as the system → light → dark. The cookie tells the server, so the next page
   comes in the right colours. Without this script the form posts the same choice. */

const NEXT = { system: "light", light: "dark", dark: "system" };
const ICON = { system: "screen", light: "sun", dark: "moon" };
const YEAR = 365 * 24 * 60 * 60;

function apply(theme) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    document.cookie = `theme=; Max-Age=0; Path=/; SameSite=Lax${secure}`;
  } else {
    document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; Max-Age=${YEAR}; Path=/; SameSite=Lax${secure}`;
  }
}

export function startThemeSwitch() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-switch]");
    if (!form) return;
    event.preventDefault();
    const theme = form.elements.theme.value;
    apply(theme);
    form.elements.theme.value = NEXT[theme];
    const use = form.querySelector("use");
    use.setAttribute("href", `${use.dataset.sprite}#i-${ICON[theme]}`);
    form.querySelector("button span").textContent = `Theme: ${theme === "system" ? "as the system" : theme}`;
  });
}
