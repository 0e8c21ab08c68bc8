"""MQL entries made by hand."""

from scoring.learning.entries import Entry
from tests.factories import AT


def entry(number=1, **fields):
    """A settled entry sales decided; `signals` may be a list."""
    signals = fields.pop("signals", {})
    known = {
        "cycle_id": number, "at": AT, "rule": "content", "version": 1, "score": 50, "grade": "B",
        "signals": signals if isinstance(signals, dict) else dict.fromkeys(signals, 1), "fit_rules": frozenset(),
        "is_decided": True, "is_accepted": False, "is_settled": True, "is_sql": False, "is_closed": True, "is_won": False,
    }  # fmt: skip
    return Entry(**{**known, **fields})


def entries(count, **fields):
    return [entry(number, **fields) for number in range(count)]
