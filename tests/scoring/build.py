"""Plain-data makers for tests of the pure parts: rules, counts and whole documents in one line each."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

from scoring.documents import parse, standard_document
from scoring.engine import DayCount, SignalFacts
from scoring.rulebook import Rulebook

DAY = date(2026, 3, 12)
GOOD_FIT = {
    "role": "data", "seniority": "head", "industry": "logistics", "employees": 1200, "region": "nordics",
    "is_free_mail": False,
}  # fmt: skip
SIGNALS = {
    "email_open": SignalFacts("E-mail open", 0, False),
    "unsubscribe": SignalFacts("Unsubscribe", 0, False),
    "visit": SignalFacts("Website visit", 1, True),
    "guide": SignalFacts("Guide", 1, True),
    "form": SignalFacts("Form", 2, True),
    "webinar": SignalFacts("Webinar attended", 2, True),
    "pricing_page": SignalFacts("Pricing page", 2, True),
    "pricing_guide": SignalFacts("Pricing guide", 3, True),
    "demo_checklist": SignalFacts("Demo checklist", 3, True),
    "demo_request": SignalFacts("Demo request", 3, True),
    "direct_conversation": SignalFacts("Direct conversation", 3, True),
    "ppc_call": SignalFacts("PPC call", 3, True),
}


def rule(**fields: Any) -> dict[str, Any]:
    """An engagement rule of 10 points on visits, undecayed and uncapped in practice."""
    return {
        "id": "visit", "label": "Visits", "signal": "visit", "points": 10, "half_life_days": None,
        "window_days": 60, "distinct": "none", "max_per_day": None, "max_points": 1000, "group": None,
        **fields,
    }  # fmt: skip


def document(
    *rules: dict[str, Any],
    groups: list[dict[str, Any]] | None = None,
    fit: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """The standard document with other engagement rules, and other fit rules where given."""
    result = copy.deepcopy(standard_document())
    result["engagement"] |= {"rules": list(rules) or [rule()], "groups": groups or []}
    if fit is not None:
        result["fit"]["rules"] = fit
    return result | changes


def rulebook(*rules: dict[str, Any], **changes: Any) -> Rulebook:
    return parse(document(*rules, **changes))


def count(
    signal: str = "visit", age: int = 0, n: int = 1, *, obj: str = "", known: int | None = None
) -> DayCount:
    """A day count `age` days before DAY, known on the day itself or `known` days before DAY."""
    known_on = DAY - timedelta(days=age if known is None else known)
    return DayCount(signal, obj, DAY - timedelta(days=age), known_on, n)
