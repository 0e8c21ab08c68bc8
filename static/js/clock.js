/* Running clocks: `<span class="clock" data-deadline="ISO" data-start="ISO" data-label="accept">`, made by the
   `clock` tag. Same words and limits as leadflow/templatetags/leadflow.py; the server decides what is late. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export function duration(milliseconds) {
  const minutes = Math.floor(Math.abs(milliseconds) / MINUTE);
  if (minutes < 1) return "under 1 min";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return days === 1 && hours % 24 ? `1 d ${hours % 24} h` : `${days} d`;
}

function show(clock, now) {
  const deadline = Date.parse(clock.dataset.deadline);
  const start = Date.parse(clock.dataset.start || "");
  const label = clock.dataset.label || "";
  const left = deadline - now;
  const isLate = left < 0;
  const share = Math.max(0, Math.min(1, left / (start < deadline ? deadline - start : HOUR)));
  const tone = isLate ? "bad" : left <= HOUR || (start < deadline && share <= 0.25) ? "warn" : "";
  const late = `${label} ${duration(left)} late`.trim();
  const text = isLate ? late[0].toUpperCase() + late.slice(1) : `${duration(left)} to ${label || "go"}`;
  const shown = clock.querySelector("[data-clock-text]");
  if (shown.textContent !== text) shown.textContent = text;
  if (tone) clock.dataset.tone = tone;
  else delete clock.dataset.tone;
  clock.querySelector("circle + circle").setAttribute("stroke-dasharray", `${Math.round(share * 100)} 100`);
}

function showAll() {
  const now = Date.now();
  for (const clock of document.querySelectorAll(".clock[data-deadline]")) show(clock, now);
}

export function startClocks() {
  showAll();
  setInterval(showAll, 10_000);
  document.addEventListener("visibilitychange", showAll);
}
