"""What discovery asks, how an answer is read, and what is known before anybody asks. No database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Answers = dict[str, dict[str, Any]]


class Unreadable(ValueError):
    """The answer cannot be kept as it stands; the message says the way out."""


@dataclass(frozen=True)
class Question:
    field: str
    group: str
    label: str
    ask: str
    read: Callable[[Any, Reading], Any]
    form_keys: tuple[str, ...] = ()  # names of form fields that answer it


@dataclass(frozen=True)
class Reading:
    """What reading an answer depends on besides the answer."""

    day: date
    zone: str


def read_text(value: Any, reading: Reading) -> str | None:
    """Read a sentence or two."""
    return _plain(value, 2000) or None


def read_person(value: Any, reading: Reading) -> str | None:
    """Read a name, with the role if known."""
    return _plain(value, 200) or None


def read_people(value: Any, reading: Reading) -> list[str] | None:
    """Read names from a list, or from a text with commas or lines between."""
    given = value if isinstance(value, list) else re.split(r"[,;\n]", _plain(value, 4000))
    names = list(dict.fromkeys(name for entry in given if (name := _plain(entry, 200))))
    if len(names) > 30:
        raise Unreadable("That is more than 30 people. Name those who take part in the decision.")
    return names or None


def read_timing(value: Any, reading: Reading) -> dict[str, Any] | None:
    """Read a date, a month, a quarter, "in 3 months" or a range; any other text is kept as it is."""
    if isinstance(value, Mapping):
        start, end = (_day(value.get(key)) for key in ("from", "to"))
        text = _plain(value.get("text", ""), 200)
        if start and end and start > end:
            raise Unreadable("It starts after it ends. Swap the two dates.")
    else:
        text = _plain(value, 200)
        start, end = _timing_in(text, reading.day)
    if not (text or start or end):
        return None
    return {"text": text, "from": start and start.isoformat(), "to": end and end.isoformat()}


def read_budget(value: Any, reading: Reading) -> dict[str, Any] | None:
    """Read a range such as "25-75 k", "under 25k" or two numbers; any other text is kept as it is."""
    if isinstance(value, Mapping):
        text, low, high = (
            _plain(value.get("text", ""), 100),
            _amount(value.get("low")),
            _amount(value.get("high")),
        )
    else:
        text = _plain(value, 100)
        low, high = _budget_in(text)
    if low is not None and high is not None and low > high:
        raise Unreadable("The lower end is above the upper one. Swap the two.")
    return {"text": text, "low": low, "high": high} if text or low is not None or high is not None else None


def read_moment(value: Any, reading: Reading) -> str | None:
    """Read a date with or without a time of day, in the organisation's time zone unless it names another."""
    if value in (None, ""):
        return None
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(_plain(value, 40))
    except ValueError:
        raise Unreadable("There is no such date. Pick a day, and a time if you know it.") from None
    if not 2000 <= at.year <= 2100:
        raise Unreadable("That year cannot be meant. Pick a day between 2000 and 2100.")
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(reading.zone))).isoformat()


QUESTIONS = [
    Question(
        "need_problem", "need", "Problem", "What does it cost you today that this is not solved?", read_text,
        ("problem", "need", "message", "question", "comment", "comments", "use_case", "challenge", "details"),
    ),
    Question(
        "need_trigger", "need", "Trigger", "What made you look into it now?", read_text,
        ("trigger", "why_now"),
    ),
    Question(
        "need_success", "need", "Success", "What has to be true for you to call it fixed?", read_text,
        ("goal",),
    ),
    Question(
        "decision_maker", "decision", "Decides", "Who decides in the end?", read_person, ("decision_maker",),
    ),
    Question("buyer", "decision", "Signs", "Who signs?", read_person, ("buyer",)),
    Question("champion", "decision", "Champion", "Who would miss it most if it did not happen?", read_person),
    Question(
        "stakeholders", "decision", "Stakeholders", "Who else looks at this with you?", read_people,
        ("stakeholders", "team"),
    ),
    Question(
        "timing", "timing", "Timing", "Is there a date this has to work by?", read_timing,
        ("timing", "timeline", "timeframe", "when", "start_date", "go_live"),
    ),
    Question(
        "budget", "budget", "Budget", "Is a range set aside: under 25 k, 25–75 k, above?", read_budget,
        ("budget", "budget_range"),
    ),
    Question("next_step", "next_step", "Next step", "What would be a useful next step?", read_text),
    Question("next_step_at", "next_step", "Next step on", "When does that suit?", read_moment),
    Question("meeting", "next_step", "Meeting", "Shall we set a time?", read_moment),
]  # fmt: skip
BY_FIELD = {question.field: question for question in QUESTIONS}
GROUPS = {
    "need": "Need", "decision": "Decision", "timing": "Timing", "budget": "Budget", "next_step": "Next step",
}  # fmt: skip


def read_answers(values: Mapping[str, Any], reading: Reading) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values that can be kept, None for one cleared, and the problem of each that cannot."""
    kept: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field, value in values.items():
        question = BY_FIELD.get(field)
        if question is None:
            problems[field] = f"Discovery has no question “{field}”."
            continue
        try:
            kept[field] = question.read(value, reading)
        except Unreadable as error:
            problems[field] = str(error)
    return kept, problems


def prefill(
    profile: Mapping[str, str],
    forms: Iterable[Mapping[str, Any]],
    earlier: Iterable[Answers],
    reading: Reading,
) -> Answers:
    """Return what is known before the first call, each answer with where it is from.

    The newest form comes first in `forms`, the latest cycle first in `earlier`; forms win over cycles.
    """
    known: Answers = {}
    for form in forms:
        for question in QUESTIONS:
            if question.field not in known and (value := _form_answer(question, form["answers"], reading)):
                known[question.field] = {"value": value, "from": form["name"], "at": form["at"]}
    for answers in earlier:
        for field, answer in answers.items():
            if field in BY_FIELD and field not in ("next_step", "next_step_at", "meeting"):
                known.setdefault(field, {**answer, "from": "an earlier cycle"})
    if profile.get("seniority") in ("c_level", "vp") and profile.get("name"):
        title = profile.get("job_title", "")
        value = f"{profile['name']}, {title}" if title else profile["name"]
        known.setdefault("decision_maker", {"value": value, "from": "profile", "at": None})
    return known


def still_to_ask(known: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the first open question of each group that has one, in the order a call goes."""
    asked: dict[str, dict[str, str]] = {}
    for question in QUESTIONS:
        if question.field not in known:
            asked.setdefault(
                question.group, {"group": question.group, "field": question.field, "ask": question.ask}
            )
    return [asked[group] for group in GROUPS if group in asked]


def shown(field: str, value: Any) -> str:
    """Write an answer's value as people read it."""
    if field == "stakeholders":
        return ", ".join(value)
    if field == "timing":
        return value["text"] or " to ".join(end for end in (value["from"], value["to"]) if end)
    if field == "budget":
        return value["text"] or _range(value["low"], value["high"])
    return str(value)


def meaning(field: str, value: Any) -> str:
    """Say how an answer with dates or amounts was understood; "" where there is nothing to say beyond its text."""
    if field == "timing" and (value["from"] or value["to"]):
        start, end = _day(value["from"]), _day(value["to"])
        if start and start != end:
            return f"{_named(start)} to {_named(end)}" if end else f"from {_named(start)}"
        return f"by {_named(end)}" if end else ""
    if field == "budget" and (value["low"] is not None or value["high"] is not None):
        return _range(value["low"], value["high"])
    return f"{len(value)} people" if field == "stakeholders" and len(value) > 1 else ""


def _named(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _form_answer(question: Question, answers: Mapping[str, Any], reading: Reading) -> Any:
    for key in question.form_keys:
        if answers.get(key):
            try:
                return question.read(answers[key], reading)
            except Unreadable:
                return None
    return None


def _plain(value: Any, limit: int) -> str:
    text = "" if value is None else str(value).replace("\x00", "").strip()
    if len(text) > limit:
        raise Unreadable(f"That is {len(text):,} characters long; {limit:,} fit here.")
    return text


def _day(value: Any) -> date | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise Unreadable("There is no such date. Pick a day, or leave it open.") from None


def _timing_in(text: str, today: date) -> tuple[date | None, date | None]:
    """Find dates in a text; (None, None) if there are none that are sure."""
    if match := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", text):
        day = _day(text)
        return day, day
    if match := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text):
        return _months(int(match[1]), int(match[2]), 1)
    if match := re.fullmatch(r"[Qq]([1-4])[ /]?(\d{4})", text):
        return _months(int(match[2]), int(match[1]) * 3 - 2, 3)
    if match := re.search(r"(\d{1,2})(?:\s*(?:-|–|to)\s*(\d{1,2}))?\s*(day|week|month)s?", text.lower()):
        days = {"day": 1, "week": 7, "month": 30}[match[3]]
        return None, today + timedelta(days=days * int(match[2] or match[1]))
    return None, None


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    after = year * 12 + month - 1 + count
    return date(year, month, 1), date(after // 12, after % 12 + 1, 1) - timedelta(days=1)


def _budget_in(text: str) -> tuple[int | None, int | None]:
    found = re.findall(r"(\d[\d.,']*)\s*([kKmM]?)", text)
    if not found or len(found) > 2:
        return None, None
    last_unit = found[-1][1]
    amounts = [_number(digits, unit or last_unit) for digits, unit in found]
    if len(amounts) == 2:
        return amounts[0], amounts[1]
    if re.search(r"under|below|up to|less|max|<", text.lower()):
        return None, amounts[0]
    if re.search(r"over|above|more|from|min|>|\+", text.lower()):
        return amounts[0], None
    return amounts[0], amounts[0]


def _number(digits: str, unit: str) -> int:
    # A group of three after a separator is thousands, anything shorter a fraction: 1.200 and 1,5.
    whole = re.sub(r"[.,'](?=\d{3}(\D|$))", "", digits.rstrip(".,'")).replace(",", ".").replace("'", "")
    factor = {"k": 1_000, "m": 1_000_000}.get(unit.lower(), 1)
    try:
        return round(float(whole) * factor)
    except ValueError:
        raise Unreadable("That number cannot be read. Write it like 40,000 or 40 k.") from None


def _amount(value: Any) -> int | None:
    if value in (None, ""):
        return None
    amount = (
        value if isinstance(value, int) and not isinstance(value, bool) else _budget_in(_plain(value, 40))[0]
    )
    if amount is None or not 0 <= amount <= 10**12:
        raise Unreadable("That amount cannot be read. Write it like 40,000 or 40 k.")
    return amount


def _range(low: int | None, high: int | None) -> str:
    if low is None or high is None:
        return f"up to {high:,}" if low is None else f"{low:,} or more"
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
