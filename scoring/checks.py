"""The invariants of scores and promotions, each a question that must find nothing; `manage.py verify` asks them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, F, Max, OuterRef, Q

from leads import clock
from leads.definitions import live_definition
from leads.enums import ApprovalSide, DefinitionStatus, Stage, WentLive
from leads.models import Definition, Lead, Organisation, StageChange
from scoring.engine import score
from scoring.facts import load_counts, load_profiles
from scoring.live import Catalogue, Rules, rules_of
from scoring.models import Backtest, BacktestEntry, PendingScore, Rescore, ScoreOverride
from scoring.sql import SCORE_COLUMNS

MOST = 20
SAMPLE = 2000
CHUNK = 200
LATE = timedelta(seconds=60)
EXPIRY_LATE = timedelta(minutes=5)
Check = Callable[[datetime], list[str]]
Kind = BacktestEntry.Kind


def marks_are_worked_off(at: datetime) -> list[str]:
    """I2: no mark waits longer than a minute, but those put off because scoring failed."""
    late = PendingScore.objects.due(at).filter(Q(not_before=None) | Q(not_before__lte=at - LATE))
    waiting = late.filter(created_at__lt=at - LATE, attempts=0).order_by("created_at")
    return [f"Lead {mark.lead_id} waits to be scored since {mark.created_at}." for mark in waiting[:MOST]]


def scores_recompute(at: datetime) -> list[str]:
    """I3: stored scores equal the engine's; all of them up to 2,000 leads, else a random sample."""
    today = clock.day_of(at)
    findings: list[str] = []
    for lead, expected, stored in _differing(_sample(), today):
        findings.append(f"Lead {lead.pk} has {stored}, the engine gives {expected}.")
        if len(findings) == MOST:
            break
    return findings


def scores_add_up(at: datetime) -> list[str]:
    """I4: fit and engagement make the score; the lines kept with a promotion make its score."""
    wrong = Lead.objects.exclude(score=F("fit_score") + F("engagement_score"))
    findings = [
        f"Lead {lead.pk}: {lead.fit_score} and {lead.engagement_score} are not {lead.score}."
        for lead in wrong[:MOST]
    ]
    entries = StageChange.objects.filter(to_stage=Stage.MQL).exclude(evidence={}).order_by("-pk")
    for entry in entries[:SAMPLE]:
        lines = entry.evidence.get("lines", [])
        if lines and sum(line["points"] for line in lines) != entry.score:
            findings.append(f"The lines of ledger line {entry.pk} do not add up to {entry.score}.")
    return findings[:MOST]


def overrides_stand_beside(at: datetime) -> list[str]:
    """I4: leads show the score set by hand that is in force, and none whose last day is over."""
    set_to = dict(ScoreOverride.objects.in_force().values_list("lead_id", "score"))
    shown = dict(Lead.objects.exclude(override_score=None).values_list("pk", "override_score"))
    wrong = sorted(pk for pk in set_to.keys() | shown.keys() if set_to.get(pk) != shown.get(pk))
    findings = [
        f"Lead {pk} shows {shown.get(pk)} as set by hand; in force is {set_to.get(pk)}."
        for pk in wrong[:MOST]
    ]
    late = ScoreOverride.objects.expired(clock.day_of(at - EXPIRY_LATE)).order_by("expires_on")
    findings += [
        f"The score set by hand of lead {one.lead_id} expired on {one.expires_on}." for one in late[:MOST]
    ]
    return findings[:MOST]


def one_version(at: datetime) -> list[str]:
    """I5: every stored score is of the live version, or about to be replaced by a pass under way."""
    live = live_definition()
    if live is None or Rescore.objects.filter(version=live.version, finished_at=None).exists():
        return []
    stale = Lead.objects.live().exclude(score_version=None).exclude(score_version=live.version)
    return [
        f"Lead {pk} has a score of definition {version}, which is not live."
        for pk, version in stale.values_list("pk", "score_version")[:MOST]
    ]


def entries_have_cycles(at: datetime) -> list[str]:
    """I7: each MQL entry of the ledger opened exactly one cycle, and each cycle has its entry."""
    sql = """
    SELECT lead_id, number, sum(entries), sum(cycles) FROM (
        SELECT lead_id, cycle_number AS number, 1 AS entries, 0 AS cycles FROM leads_stagechange
        WHERE to_stage = 'mql' AND from_stage <> 'mql'
        UNION ALL SELECT lead_id, number, 0, 1 FROM leads_cycle
    ) AS both_sides
    GROUP BY lead_id, number HAVING sum(entries) <> 1 OR sum(cycles) <> 1 ORDER BY lead_id, number
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {MOST}")
        return [
            f"Lead {row[0]}, cycle {row[1]}: {row[2]} entries, {row[3]} cycles." for row in cursor.fetchall()
        ]


def merged_leads_are_at_rest(at: datetime) -> list[str]:
    """I19: no mark stands on a record that was merged into another."""
    marks = PendingScore.objects.exclude(lead__merged_into=None).order_by("pk")
    return [f"Lead {mark.lead_id} was merged and is marked for scoring." for mark in marks[:MOST]]


def _sample() -> Iterator[list[Lead]]:
    """Leads that were scored and are not waiting to be, in chunks."""
    scored = Lead.objects.live().exclude(score_version=None)
    settled = scored.exclude(Exists(PendingScore.objects.filter(lead=OuterRef("pk")))).order_by("pk")
    last = settled.aggregate(last=Max("pk"))["last"] or 0
    chosen: Sequence[int] = range(1, last + 1)
    if settled.count() > SAMPLE:
        chosen = sorted(random.sample(chosen, min(last, SAMPLE)))
    for start in range(0, len(chosen), CHUNK):
        yield list(settled.filter(pk__in=list(chosen[start : start + CHUNK])))


def _differing(chunks: Iterable[list[Lead]], today: date) -> Iterator[tuple[Lead, tuple, tuple]]:
    """Leads whose stored score is neither that of the day it was last judged on nor today's.

    A score is written only when it changes; so it must hold on the day of its last change or of the last pass.
    """
    catalogue = Catalogue.load()
    rules = {
        definition.version: rules_of(definition) for definition in Definition.objects.exclude(live_from=None)
    }
    last_pass = _last_pass_day()
    for chunk in chunks:
        by_day: dict[date, list[Lead]] = defaultdict(list)
        for lead in chunk:
            by_day[max(lead.scored_on or today, last_pass or date.min)].append(lead)
        suspicious = [
            lead for day, leads in by_day.items() for lead, *_ in _compare(leads, day, rules, catalogue)
        ]
        yield from _compare(suspicious, today, rules, catalogue)


def _compare(
    leads: list[Lead], day: date, rules: dict[int, Rules], catalogue: Catalogue
) -> Iterator[tuple[Lead, tuple, tuple]]:
    counts = load_counts([lead.pk for lead in leads], day, catalogue)
    profiles = load_profiles(leads, day)
    for lead in leads:
        rulebook = rules[lead.score_version or 0].rulebook
        found = score(profiles[lead.pk], counts.get(lead.pk, []), rulebook, day)
        expected = (
            found.fit, found.engagement, found.score, found.grade, found.band, found.momentum, found.disqualified_by,
        )  # fmt: skip
        stored = tuple(getattr(lead, name) for name in SCORE_COLUMNS)
        if stored != expected:
            yield lead, expected, stored


def _last_pass_day() -> date | None:
    finished = Rescore.objects.exclude(finished_at=None).aggregate(last=Max("finished_at"))["last"]
    return clock.day_of(finished, Organisation.current().time_zone) if finished else None


def approvals_are_sound(at: datetime) -> list[str]:
    """R5: what went live as approved has the yes of both sides; a draft has none."""
    sides = Count("approvals__side", distinct=True)
    versions = Definition.objects.order_by("pk").annotate(sides=sides)
    half = versions.filter(went_live=WentLive.APPROVED, sides__lt=len(ApprovalSide.values))
    early = versions.filter(status__in=[DefinitionStatus.DRAFT, DefinitionStatus.DISCARDED], sides__gt=0)
    return [
        *(f"Definition {one.version} went live with {one.sides} of 2 approvals." for one in half[:MOST]),
        *(f"Definition {one.version} is no proposal but has approvals." for one in early[:MOST]),
    ]


def backtests_agree(at: datetime) -> list[str]:
    """R20: the leads behind a stored back-test are what its figures say; leads deleted since may be missing."""
    neither = Q(live_on=None) | Q(draft_on=None)
    right = (
        Q(kind=Kind.GAINED, live_on=None)
        | Q(kind=Kind.LOST, draft_on=None)
        | (Q(kind=Kind.SAME, live_on=F("draft_on")) & ~neither)
        | (Q(kind=Kind.MOVED) & ~neither & ~Q(live_on=F("draft_on")))
    )
    first, last = F("backtest__first_day"), F("backtest__last_day")
    outside = Q(live_on__lt=first) | Q(live_on__gt=last) | Q(draft_on__lt=first) | Q(draft_on__gt=last)
    entries = BacktestEntry.objects.order_by("pk")
    findings = [
        f"Back-test {one.backtest_id} has lead {one.lead_id} as {one.kind} and shows something else."
        for one in entries.filter(~right | outside)[:MOST]
    ]
    done = Backtest.objects.filter(failed="").exclude(finished_at=None)
    counted = done.annotate(live=Count("entries__live_on"), drafted=Count("entries__draft_on")).order_by(
        "-pk"
    )
    for pk, summary, live, drafted in counted.values_list("pk", "summary", "live", "drafted")[:SAMPLE]:
        said = summary.get("live_mqls", 0), summary.get("draft_mqls", 0)
        if live > said[0] or drafted > said[1]:
            findings.append(f"Back-test {pk} says {said} MQLs and has {(live, drafted)}.")
    return findings[:MOST]


CHECKS: list[tuple[str, str, Check]] = [
    ("I2", "Marks are worked off", marks_are_worked_off),
    ("I3", "Scores recompute", scores_recompute),
    ("I4", "Scores add up", scores_add_up),
    ("I4", "Scores set by hand stand beside", overrides_stand_beside),
    ("I5", "Scores are of the live version", one_version),
    ("R5", "Approvals are sound", approvals_are_sound),
    ("R20", "Back-tests say what is behind them", backtests_agree),
    ("I7", "MQL entries have their cycles", entries_have_cycles),
    ("I19", "Merged leads are at rest", merged_leads_are_at_rest),
]
