"""Where a draft can start: from any version, or put together from the rule sets Leadflow knows (R19). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from scoring.documents import parse, standard_document
from scoring.engine import SignalFacts
from scoring.scenarios import run_scenarios

TEMPLATES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "mql": (
        ("score_fit", "Score and role fit", "Enough points in all, and the right kind of person."),
        ("content", "Content", "Asked for the pricing guide or the demo checklist, and fits."),
        ("form_product", "Form and product interest", "Sent a form that names a product, and fits."),
        ("reengaged", "Re-engagement", "Came back within days of the first touch, and fits."),
        (
            "hand_raiser",
            "Hand-raiser lane",
            "Asked for a demo or spoke with us: skips the score, not the fit.",
        ),
    ),
    "sql": (
        ("discovery", "Discovery confirmed", "Problem, timing and next step are known."),
        ("call_next_step", "Call with a next step", "Sales spoke with them and a meeting is set."),
        ("intent_timing", "Intent and timing", "High score, and wants to decide soon."),
        ("stakeholders", "Stakeholder clarity", "Decision maker and need are known, and who else decides."),
    ),
}


def from_templates(
    mql: Collection[str], sql: Collection[str], signals: Mapping[str, SignalFacts]
) -> dict[str, Any]:
    """Return the standard scoring with these rule sets alone; examples that do not hold under them are left out."""
    document = standard_document()
    for section, chosen in (("mql", mql), ("sql", sql)):
        sets = document[section]["rule_sets"]
        document[section]["rule_sets"] = [one for one in sets if one["id"] in chosen]
    document["name"] = "From templates"
    outcomes = run_scenarios(parse(document), signals)
    examples = zip(document["scenarios"], outcomes, strict=True)
    document["scenarios"] = [example for example, outcome in examples if outcome.holds]
    return document
