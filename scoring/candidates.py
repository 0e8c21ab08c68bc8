"""Which of many leads are worth asking the rule sets about: a cheap condition that no lead to promote fails.

One statement finds who recently gave a signal that rule sets ask for; the rest are comparisons of the lead's own
score columns. The exact answer follows in `scoring.promotion`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from django.db.models import F, Q

from leads.enums import Stage, Status
from leads.models import EngagementDay, Lead
from leads.models.people import LeadQuerySet
from scoring.live import Catalogue, Rules
from scoring.rulebook import GRADES, Condition, RuleSet
from scoring.storing import Chosen

OPEN_STATUSES = (Status.ACTIVE, Status.NURTURE)
COLUMNS = {
    "score_at_least": "score__gte",
    "fit_at_least": "fit_score__gte",
    "engagement_at_least": "engagement_score__gte",
    "band_at_least": "band__gte",
    "momentum_at_least": "momentum__gte",
}
SIGNAL_KINDS = ("signal", "form_with_product")
RISING_KINDS = ("score_at_least", "engagement_at_least", "band_at_least")
Given = dict[str, dict[int, date]]  # signal → lead id → the latest day


def open_leads() -> LeadQuerySet:
    """Return the leads that can become an MQL at all."""
    return Lead.objects.live().filter(stage=Stage.LEAD, status__in=OPEN_STATUSES)


def candidates(chosen: Chosen, day: date, rules: Rules, catalogue: Catalogue) -> list[int]:
    """Return the ids of the chosen leads, scored as of `day`, that may qualify, wake, leave or need a fit check."""
    wanted = Q(needs_fit_check=True) | Q(unsubscribed_at__gt=F("stage_since")) | Q(status=Status.NURTURE)
    given = _given(chosen, day, rules, catalogue)
    for rule_set in rules.rulebook.mql:
        condition = _column_tests(rule_set)
        for asked in rule_set.all:
            if asked.kind in SIGNAL_KINDS:
                condition &= Q(pk__in=_gave(asked, day, given))
        wanted |= condition
    return list(open_leads().filter(chosen.condition, wanted).order_by("pk").values_list("pk", flat=True))


def overnight_candidates(chosen: Chosen, day: date, rules: Rules, catalogue: Catalogue) -> list[int]:
    """Return those that may qualify though nothing but the date changed since they were last asked.

    A rule set can come to hold over night in three ways only: something negative fades, the momentum turns, or
    a cool-down ends. Whatever asks for something new comes with a mark.
    """
    rule_sets = rules.rulebook.mql
    if any(asked.kind == "momentum_at_least" for rule_set in rule_sets for asked in rule_set.all):
        return candidates(chosen, day, rules, catalogue)
    wanted = Q(pk__in=())
    for rule_set in rule_sets:
        rises = any(asked.kind in RISING_KINDS for asked in rule_set.all)
        wanted |= _column_tests(rule_set) if rises else _column_tests(rule_set) & Q(cycle_number__gt=0)
    found = open_leads().filter(chosen.condition, wanted).order_by("pk")
    cycles = dict(found.values_list("pk", "cycle_number"))
    fading = _with_something_negative([pk for pk, cycle in cycles.items() if cycle == 0], rules, catalogue)
    return [pk for pk, cycle in cycles.items() if cycle > 0 or pk in fading]


def _column_tests(rule_set: RuleSet) -> Q:
    """What the lead's own columns can tell of a rule set."""
    condition = Q() if rule_set.hand_raiser else Q(disqualified_by="")
    for asked in rule_set.all:
        if column := COLUMNS.get(asked.kind):
            condition &= Q(**{column: asked.value})
        elif asked.kind == "grade_at_least":
            condition &= Q(grade__in=list(GRADES[: GRADES.index(asked.value) + 1]))
    return condition


def _gave(asked: Condition, day: date, given: Given) -> set[int]:
    since = day - timedelta(days=asked.within_days)
    latest = (given.get(signal, {}) for signal in _signals(asked))
    return {lead_id for days in latest for lead_id, last_on in days.items() if last_on > since}


def _signals(asked: Condition) -> tuple[str, ...]:
    return asked.signals or ("form",)


def _given(chosen: Chosen, day: date, rules: Rules, catalogue: Catalogue) -> Given:
    """Find who gave which of the signals that rule sets ask for, and when last."""
    longest: dict[str, int] = defaultdict(int)
    for asked in (asked for rule_set in rules.rulebook.mql for asked in rule_set.all):
        for signal in _signals(asked) if asked.kind in SIGNAL_KINDS else ():
            longest[signal] = max(longest[signal], asked.within_days)
    recent = Q(pk__in=())
    for signal, days in longest.items():
        if signal in catalogue.ids:
            recent |= Q(signal_id=catalogue.ids[signal], occurred_on__gt=day - timedelta(days=days))
    rows = EngagementDay.objects.filter(chosen.on("lead_id"), recent, occurred_on__lte=day)
    given: Given = defaultdict(dict)
    for signal_id, lead_id, on in rows.values_list("signal_id", "lead_id", "occurred_on").order_by(
        "occurred_on"
    ):
        given[catalogue.slugs[signal_id]][lead_id] = on
    return given


def _with_something_negative(ids: list[int], rules: Rules, catalogue: Catalogue) -> set[int]:
    negative = {rule.signal for rule in rules.rulebook.engagement_rules if rule.points < 0}
    signal_ids = [catalogue.ids[signal] for signal in negative if signal in catalogue.ids]
    rows = EngagementDay.objects.filter(lead_id__in=ids, signal_id__in=signal_ids)
    return set(rows.values_list("lead_id", flat=True).distinct())
