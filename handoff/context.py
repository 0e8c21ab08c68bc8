"""The context note: what a rep should know of a lead, gathered for many leads at once and frozen (R23)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Sum

from handoff import history, questions, whynow
from handoff.models import Discovery, Handoff
from handoff.questions import Reading
from leads import clock
from leads.enums import Outcome, Stage
from leads.models import (
    Asset,
    Company,
    Conversation,
    Cycle,
    EngagementDay,
    Event,
    Lead,
    Note,
    Organisation,
    Signal,
    StageChange,
)

LOOK_BACK = timedelta(days=400)
MOST_ACTIONS = 12
MOST_FORMS = 5
# Signals whose events carry what somebody wrote.
WRITTEN = ("form", "demo_request", "webinar_question", "chat", "trial", "direct_conversation")
# Properties of such an event that name it rather than answer something.
NAMING = {"form", "form_name", "form_id", "title", "product", "path", "url", "referrer", "search", "webinar"}
MOST_CHARACTERS = 500
CONTENT = {"guide", "product_content", "pricing_guide", "demo_checklist", "comparison_sheet", "webinar"}


@dataclass(slots=True)
class _Gathered:
    """What was read about one lead, before it is put into words."""

    lead: Lead
    cycle_number: int
    evidence: dict[str, Any]
    mql_at: datetime
    company: Company | None = None
    actions: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    earlier: list[dict[str, Any]] = field(default_factory=list)
    earlier_answers: list[questions.Answers] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # by reps who had it before in this cycle
    attempts: list[dict[str, Any]] = field(default_factory=list)  # what they did with it
    answers: questions.Answers = field(default_factory=dict)


def build_context(change: StageChange, at: datetime) -> dict[str, Any]:
    """Build the note for one MQL entry."""
    return build_contexts([change], at)[change.lead_id]


def build_contexts(changes: Sequence[StageChange], at: datetime) -> dict[int, dict[str, Any]]:
    """Build the notes for many MQL entries, by lead id, in a constant number of queries."""
    found = {
        change.lead_id: _Gathered(change.lead, change.cycle_number, change.evidence, change.at)
        for change in changes
    }
    organisation = Organisation.current()
    today = clock.day_of(at, organisation.time_zone)
    _add_companies(found)
    _add_actions(found, today)
    for lead_id, forms in read_forms(found, at).items():
        found[lead_id].forms = forms
    _add_words(found)
    _add_earlier(found)
    reading = Reading(today, organisation.time_zone)
    return {lead_id: _note(one, at, reading) for lead_id, one in found.items()}


def refresh(handoffs: Iterable[tuple[int, int]], at: datetime) -> None:
    """Build the notes anew of these (handoff id, cycle id) pairs, in the transaction that offers them."""
    by_cycle = {cycle: handoff for handoff, cycle in handoffs}
    if not by_cycle:
        return
    changes = mql_entries(by_cycle)
    notes = build_contexts(list(changes.values()), at)
    rows = [Handoff(pk=by_cycle[cycle], context=notes[change.lead_id]) for cycle, change in changes.items()]
    Handoff.objects.bulk_update(rows, ["context"], batch_size=200)


def mql_entries(cycles: Iterable[int]) -> dict[int, StageChange]:
    """Return the ledger line that opened each cycle, by cycle id."""
    opened = {(c.lead_id, c.number): c.pk for c in Cycle.objects.filter(pk__in=list(cycles))}
    lines = StageChange.objects.filter(lead_id__in={lead for lead, _ in opened}, to_stage=Stage.MQL)
    return {
        opened[line.lead_id, line.cycle_number]: line
        for line in lines.select_related("lead")
        if (line.lead_id, line.cycle_number) in opened
    }


def _add_companies(found: dict[int, _Gathered]) -> None:
    companies = Company.objects.in_bulk(
        {one.lead.company_id for one in found.values() if one.lead.company_id}
    )
    for one in found.values():
        one.company = companies.get(one.lead.company_id or 0)


def _add_actions(found: dict[int, _Gathered], today: date) -> None:
    """Sum what each lead did by signal and object, the most telling first."""
    days = EngagementDay.objects.filter(lead_id__in=found, occurred_on__gte=today - LOOK_BACK)
    rows = list(
        days.filter(signal__is_engagement=True)
        .order_by()
        .values_list("lead_id", "signal_id", "object_key")
        .annotate(Max("occurred_on"), Count("occurred_on", distinct=True), Sum("count"))
    )
    signals = Signal.objects.in_bulk({row[1] for row in rows})
    assets = {asset.key: asset for asset in Asset.objects.filter(key__in={row[2] for row in rows if row[2]})}
    for lead_id, signal_id, key, last, number_of_days, count in rows:
        if count > 0:
            action = _action(signals[signal_id], key, assets, last, number_of_days, count)
            found[lead_id].actions.append(action)
    for one in found.values():
        one.actions.sort(key=lambda action: (action["intent"], action["on"], action["count"]), reverse=True)


def _action(
    signal: Signal, key: str, assets: dict[str, Asset], last: date, days: int, count: int
) -> dict[str, Any]:
    name, _, product = key.partition("#")
    asset = assets.get(key)
    return {
        "signal": signal.slug,
        "label": signal.label,
        "intent": signal.intent,
        "hand_raise": signal.is_hand_raise,
        "object": asset.title if asset else name,
        "product": product,
        "topic": asset.topic if asset and asset.topic else signal.topic,
        "funnel_stage": asset.funnel_stage if asset else signal.funnel_stage,
        "is_content": asset is not None or signal.slug in CONTENT,
        "on": last.isoformat(),
        "days": days,
        "count": count,
    }


def read_forms(leads: Iterable[int], at: datetime) -> dict[int, list[dict[str, Any]]]:
    """Return what each lead wrote in forms, chats and questions, the newest first."""
    forms: dict[int, list[dict[str, Any]]] = defaultdict(list)
    events = Event.objects.filter(
        lead_id__in=list(leads),
        signal__slug__in=WRITTEN,
        outcome=Outcome.COUNTED,
        occurred_at__gte=at - LOOK_BACK,
    )
    for event in events.select_related("signal").order_by("-occurred_at", "-pk"):
        written = forms[event.lead_id or 0]
        answers = _answers(event.properties)
        if answers and event.signal and len(written) < MOST_FORMS:
            written.append(_form(event, event.signal, answers))
    return forms


def _form(event: Event, signal: Signal, answers: dict[str, str]) -> dict[str, Any]:
    given = event.properties
    return {
        "name": str(given.get("form_name") or given.get("form") or signal.label),
        "signal": signal.slug,
        "product": str(given.get("product") or ""),
        "at": event.occurred_at.isoformat(),
        "answers": answers,
    }


def _answers(properties: dict[str, Any]) -> dict[str, str]:
    """Return what somebody wrote or chose, without what only names the form; nested answers come first."""
    nested = properties.get("answers") or properties.get("fields")
    given = nested if isinstance(nested, dict) else properties
    return {
        str(key)[:60]: str(value)[:MOST_CHARACTERS]
        for key, value in list(given.items())[:30]
        if key not in NAMING and not str(key).startswith("utm_") and value not in (None, "", [], {})
        and not isinstance(value, dict)
    }  # fmt: skip


def _add_words(found: dict[int, _Gathered]) -> None:
    """Add what marketing wrote for sales and what was said before."""
    notes = Note.objects.filter(lead_id__in=found, for_sales=True).select_related("by").order_by("-at", "-pk")
    for note in notes:
        found[note.lead_id].comments.append(
            {"by": str(note.by or ""), "text": note.text, "at": note.at.isoformat()}
        )
    talks = Conversation.objects.filter(lead_id__in=found).select_related("by").order_by("-at", "-pk")
    for talk in talks:
        if len(found[talk.lead_id].conversations) < MOST_FORMS:
            found[talk.lead_id].conversations.append(
                {
                    "kind": talk.get_kind_display(), "by": str(talk.by or ""), "reached": talk.reached,
                    "summary": talk.summary[:MOST_CHARACTERS], "at": talk.at.isoformat(),
                }
            )  # fmt: skip


def _add_earlier(found: dict[int, _Gathered]) -> None:
    """Add what sales found out and said, in earlier cycles and by earlier reps of this one."""
    cycles = [
        cycle
        for cycle in Cycle.objects.filter(lead_id__in=found).select_related("owner").order_by("-number")
        if cycle.number <= found[cycle.lead_id].cycle_number
    ]
    answers = {d.cycle_id: d.answers for d in Discovery.objects.filter(cycle__in=cycles)}
    said, attempts = history.past_attempts(cycles)
    words = history.words_of([cycle for cycle in cycles if cycle.number < found[cycle.lead_id].cycle_number])
    for cycle in cycles:
        one = found[cycle.lead_id]
        if cycle.number == one.cycle_number:
            one.said, one.answers = said[cycle.pk], answers.get(cycle.pk, {})
            one.attempts = attempts[cycle.pk]
        else:
            one.earlier.append(history.earlier(cycle, said[cycle.pk], attempts[cycle.pk], words))
            one.earlier_answers.append(answers.get(cycle.pk, {}))


def _note(one: _Gathered, at: datetime, reading: Reading) -> dict[str, Any]:
    lead, evidence = one.lead, one.evidence
    profile = _profile(lead, one.company)
    known = questions.prefill({**profile, "name": lead.name}, one.forms, one.earlier_answers, reading)
    known |= one.answers
    top = one.actions[:MOST_ACTIONS]
    return {
        "built_at": at.isoformat(),
        "cycle": one.cycle_number,
        "profile": profile,
        "source": _source(lead),
        "product_interest": lead.product_interest,
        "actions": top,
        "content": [action for action in one.actions if action["is_content"]][:MOST_ACTIONS],
        "topics": list(dict.fromkeys(action["topic"] for action in one.actions if action["topic"])),
        "forms": one.forms,
        "why": _why(one, whynow.sentence(lead.first_name, one.actions, profile, reading.day)),
        "score": _score(lead, evidence),
        "known": [
            {
                "field": question.field, "group": question.group, "label": question.label,
                "text": questions.shown(question.field, known[question.field]["value"]),
                "from": known[question.field]["from"],
            }
            for question in questions.QUESTIONS if question.field in known
        ],
        "ask": questions.still_to_ask(known),
        "comments": one.comments,
        "said": one.said,
        "attempts": one.attempts,
        "conversations": one.conversations,
        "earlier": one.earlier,
    }  # fmt: skip


def _profile(lead: Lead, company: Company | None) -> dict[str, Any]:
    return {
        "job_title": lead.job_title,
        "role": lead.role,
        "seniority": lead.seniority,
        "company": company.name if company else "",
        "industry": lead.industry or (company.industry if company else ""),
        "employees": lead.employees or (company.employees if company else None),
        "country": lead.country,
        "region": lead.region,
        "tech_stack": lead.tech_stack,
        "data_maturity": lead.data_maturity,
    }


def _source(lead: Lead) -> dict[str, str]:
    fields = ("source", "medium", "campaign", "last_source", "last_medium", "last_campaign")
    return {name: getattr(lead, name) for name in fields}


def _why(one: _Gathered, now: str) -> dict[str, Any]:
    evidence = one.evidence
    return {
        "now": now,
        "rule": evidence.get("rule", "manual"),
        "rule_label": evidence.get("rule_label", "By hand"),
        "version": evidence.get("version"),
        "sentence": evidence.get("why", ""),
        "hand_raiser": bool(evidence.get("hand_raiser")),
        "counted_most": evidence.get("top_signals", []),
        "at": one.mql_at.isoformat(),
    }


def _score(lead: Lead, evidence: dict[str, Any]) -> dict[str, Any]:
    return {
        "score": evidence.get("score", lead.score),
        "fit": evidence.get("fit", lead.fit_score),
        "engagement": evidence.get("engagement", lead.engagement_score),
        "grade": evidence.get("grade", lead.grade),
        "band": evidence.get("band", lead.band),
        "momentum": evidence.get("momentum", lead.momentum),
        "lines": evidence.get("lines", []),
    }
