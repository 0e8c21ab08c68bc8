"""Any score can be had again, as of a day and under a version (R17): by the oracle, from a journal kept apart from the
database, and by what people saw on that day.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from leads.models import Definition, Lead, StageChange
from scoring.engine import ScoreBreakdown
from scoring.explain import breakdown
from scoring.timeline import Versions
from tests.oracle.scorer import judge
from tests.scoring.past import START, Past

pytestmark = pytest.mark.django_db
DAYS = 44
COLUMNS = ("fit_score", "engagement_score", "score", "grade", "band", "momentum")
Seen = dict[tuple[int, date], tuple[Any, ...]]


def played(seed: int) -> tuple[Past, Seen]:
    """Play a past under three versions; return it and what stood on each lead at the end of each day."""
    seen: Seen = {}

    def note(past: Past) -> None:
        rows = Lead.objects.values_list("pk", *COLUMNS)
        seen.update({(pk, past.day): tuple(figures) for pk, *figures in rows})

    past = Past(random.Random(seed), at_end_of_day=note)
    past.play(leads=40, days=DAYS, busy=0.4)
    return past, seen


def profile_on(journal: dict[str, list[tuple[date, Any]]], day: date) -> dict[str, Any]:
    """Return a profile as docs/scoring.md has it: a field that never changed always was what it is."""
    found = {}
    for name, values in journal.items():
        known = [value for since, value in values if since <= day or len(values) == 1]
        found[name] = known[-1] if known else None
    return found


def lines_of(found: ScoreBreakdown) -> list[tuple[str, int]]:
    """Return the lines that are worth something, named as the oracle names them."""
    named = []
    for side, lines in (("fit", found.fit_lines), ("engagement", found.engagement_lines)):
        for line in lines:
            name = {"cap": f"cap:{line.rule}", "clip": f"clip:{side}"}.get(line.kind, line.rule)
            named.append((name, line.points))
    return worth(named)


def worth(lines: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(line for line in lines if line[1])


def figures(found: Any) -> tuple[Any, ...]:
    return found.fit, found.engagement, found.score, found.grade, found.band, found.momentum


@pytest.mark.parametrize("seed", [11, 12])
def test_200_leads_on_any_day_under_any_version_score_as_the_oracle_says(seed):
    past, _ = played(seed)
    rng, definitions = random.Random(seed), list(Definition.objects.order_by("version"))
    leads = list(Lead.objects.order_by("pk"))
    triples = [
        (rng.choice(leads), START + timedelta(days=rng.randrange(DAYS)), rng.choice(definitions))
        for _ in range(200)
    ]

    scored = 0
    for lead, day, definition in triples:
        found = breakdown(lead, day, definition)
        verdict = judge(
            profile_on(past.profiles[lead.pk], day), past.deeds(lead.pk), definition.document, day
        )
        assert (figures(found), lines_of(found)) == (figures(verdict), worth(verdict.lines)), (
            lead.pk,
            day,
            definition.version,
        )
        scored += found.engagement > 0

    assert len(definitions) == 3
    assert scored > 60


def test_a_score_as_of_a_day_is_what_stood_there_at_its_end():
    _, seen = played(13)
    leads, versions = Lead.objects.in_bulk(), Versions()
    asked = random.Random(13).sample(sorted(seen), 250)

    again = {(pk, day): figures(breakdown(leads[pk], day, versions.on(day))) for pk, day in asked}

    assert again == {key: seen[key] for key in asked}
    assert len(set(again.values())) > 100


def test_lines_add_up_on_every_lead_and_every_promotion():
    past, _ = played(14)
    for lead in Lead.objects.all():
        found = breakdown(lead, past.day)
        assert sum(line.points for line in found.lines) == found.score == lead.score
        assert sum(line.points for line in found.fit_lines) == lead.fit_score

    entries = StageChange.objects.filter(to_stage="mql", actor__startswith="rule:")
    sums = [(sum(line["points"] for line in one.evidence["lines"]), one.score) for one in entries]

    assert len(sums) > 20
    assert all(added == score for added, score in sums)
