/* Running clocks: `<span class="clock" data-deadline="ISO" data-start="ISO" data-label="accept" data-open="…">`, made by the
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

/* Working time past a day is told in hours: a day of work is no day of the calendar. */
function workingDuration(milliseconds) {
  const minutes = Math.floor(milliseconds / MINUTE);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return duration(milliseconds);
  return minutes % 60 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${hours} h`;
}

/* How much of the time between two moments is working time: `data-open` holds its stretches as "ISO/ISO ISO/ISO",
   so weekends, holidays and changes of the clock need no arithmetic here. */
function within(open, from, to) {
  if (!open) return to - from;
  return open.split(" ").reduce((sum, span) => {
    const [since, until] = span.split("/").map(Date.parse);
    return sum + Math.max(0, Math.min(until, to) - Math.max(since, from));
  }, 0);
}

function show(clock, now) {
  const deadline = Date.parse(clock.dataset.deadline);
  const start = Date.parse(clock.dataset.start || "");
  const label = clock.dataset.label || "";
  const open = clock.dataset.open || "";
  const isLate = now > deadline;
  const left = isLate ? deadline - now : within(open, now, deadline);
  const whole = (start < deadline && within(open, start, deadline)) || HOUR;
  const share = Math.max(0, Math.min(1, left / whole));
  const tone = isLate ? "bad" : left <= HOUR || (start < deadline && share <= 0.25) ? "warn" : "";
  const late = `${label} ${duration(left)} late`.trim();
  const length = open ? workingDuration(left) : duration(left);
  const text = isLate ? late[0].toUpperCase() + late.slice(1) : `${length} to ${label || "go"}`;
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
