"""What sales finds out about a lead, and whether that is an SQL by the organisation's one meaning (R7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handoff import questions, sentences
from handoff.context import read_forms
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.locks import atomic, lock_lead
from handoff.models import Discovery, Handoff, HandoffStatus
from handoff.questions import Answers, Reading
from handoff.settling import settle
from handoff.sqlrules import RuleSetResult, SqlFacts, answer_rule_sets
from leads import clock
from leads.definitions import live_definition, sql_meaning
from leads.enums import SqlMeaning, Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Conversation, Cycle, Lead, Organisation, User


def saved_answers(cycle: Cycle) -> Answers:
    """Return what was saved in this cycle."""
    return Discovery.objects.filter(cycle=cycle).values_list("answers", flat=True).first() or {}


def prefill(cycle: Cycle) -> Answers:
    """Return what is known without asking: from the lead's forms, earlier cycles and profile."""
    lead = cycle.lead
    before = Discovery.objects.filter(cycle__lead=lead, cycle__number__lt=cycle.number)
    earlier = before.order_by("-cycle__number").values_list("answers", flat=True)
    profile = {"name": lead.name, "job_title": lead.job_title, "seniority": lead.seniority}
    forms = read_forms([lead.pk], cycle.mql_at).get(lead.pk, [])
    return questions.prefill(profile, forms, earlier, _reading(cycle.mql_at))


def answers_of(handoff: Handoff) -> Answers:
    """Return all that is known in the handoff's cycle; what was saved wins over what is prefilled."""
    return prefill(handoff.cycle) | saved_answers(handoff.cycle)


def save_answers(
    handoff: Handoff,
    values: Mapping[str, Any],
    *,
    by: User | None,
    at: datetime,
    version: int | None = None,
    origin: str = "",
) -> Discovery:
    """Keep the answers that can be read and return the whole; an empty value takes an answer back.

    Raises Invalid for what could not be read, after keeping the rest, and HandoffConflict if `version`
    (0 before the first save) is given and somebody saved in between. `by` is empty for a prospect's form.
    """
    if by is not None:
        must_work(handoff, by)
    kept, problems = questions.read_answers(values, _reading(at))
    discovery = _save(handoff, kept, by, origin or str(by), at, version)
    qualify_by_rule(handoff, at=at)
    if problems:
        raise Invalid(problems)
    return discovery


def must_work(handoff: Handoff, by: User) -> None:
    """Raise NotAllowed unless the handoff is the user's, or their team's; HandoffConflict unless accepted."""
    own = by.is_rep and handoff.rep is not None and handoff.rep.user_id == by.pk
    team = by.is_manager and handoff.rep is not None and handoff.rep.user.team_id == by.team_id
    if not (by.is_active and (own or (team and by.team_id) or by.is_admin)):
        raise NotAllowed("Only the rep who has the lead, or their manager, can do this.")
    if handoff.status != HandoffStatus.ACCEPTED:
        status = handoff.get_status_display().lower()
        raise HandoffConflict(handoff.status, f"The handoff is {status}; it has to be accepted first.")


def evaluate_sql(cycle: Cycle, *, at: datetime) -> list[RuleSetResult]:
    """Say for each SQL rule set of the live definition what is met and what is still open."""
    return _evaluate(cycle, prefill(cycle) | saved_answers(cycle), at)


@dataclass(frozen=True)
class Trial:
    """What answers would come to if they were saved: the rule sets, how each was understood, and what cannot be."""

    rule_sets: list[RuleSetResult]
    understood: dict[str, str]
    problems: dict[str, str]


def try_answers(handoff: Handoff, values: Mapping[str, Any], *, at: datetime) -> Trial:
    """Evaluate answers while they are typed; nothing is kept. An empty value takes an answer back."""
    kept, problems = questions.read_answers(values, _reading(at))
    answers = answers_of(handoff)
    for name, value in kept.items():
        answers.pop(name, None)
        if value is not None:
            answers[name] = {"value": value, "from": "", "at": None}
    understood = {
        name: said for name, value in kept.items() if value and (said := questions.meaning(name, value))
    }
    return Trial(_evaluate(handoff.cycle, answers, at), understood, problems)


def _evaluate(cycle: Cycle, answers: Answers, at: datetime) -> list[RuleSetResult]:
    definition = live_definition()
    if definition is None:
        return []
    return answer_rule_sets(definition.document, _facts(cycle, answers, at))


@atomic
def qualify(handoff: Handoff, *, by: User, at: datetime) -> Lead:
    """Make the MQL an SQL, if the organisation's meaning of it is met; what counted is kept as evidence.

    Raises Invalid with what is still open. Where an SQL is a conversation put in the pipeline, opening the
    opportunity is the act: see `opportunities.open_opportunity`.
    """
    if sql_meaning() == SqlMeaning.CONVERSATION:
        raise Invalid(
            {"opportunity": "Here an SQL goes into the pipeline at once. Open the opportunity instead."}
        )
    return become_sql(handoff, by=by, at=at)


def become_sql(handoff: Handoff, *, by: User, at: datetime) -> Lead:
    """Check the meaning and move the lead; inside the transaction of whatever else belongs to it."""
    must_work(handoff, by)
    lead = lock_lead(handoff.lead_id)
    now = Handoff.objects.select_related("cycle__lead", "reason").get(pk=handoff.pk)
    meaning = sql_meaning()
    if now.pending and settle(now, lead, at) and meaning == SqlMeaning.ACCEPTED and lead.stage == Stage.SQL:
        return lead
    if lead.stage != Stage.MQL or now.closed_at or now.cycle.number != lead.cycle_number:
        raise HandoffConflict(now.status, f"{lead.name} is {lead.get_stage_display()} by now.")
    answers = answers_of(now)
    evidence, reason, actor = _grounds(meaning, now.cycle, answers, at)
    if answers:
        _save(now, {}, by, str(by), at, None, known=answers)
    evidence |= _what_counted(meaning, now, answers)
    move_to_stage(lead, Stage.SQL, at=at, by=by, actor=actor, reason=reason, evidence=evidence)
    return lead


@atomic
def qualify_by_rule(handoff: Handoff, *, at: datetime) -> bool:
    """Make an accepted MQL an SQL where a rule decides that and one is met; tell whether it did.

    Nobody has to click: the rule is the actor, and what it asked and found is kept as evidence.
    """
    if sql_meaning() != SqlMeaning.RULE:
        return False
    lead = lock_lead(handoff.lead_id)
    now = Handoff.objects.select_related("cycle__lead", "reason").get(pk=handoff.pk)
    if not _is_worked(now, lead):
        return False
    answers = answers_of(now)
    try:
        evidence, reason, actor = _grounds(SqlMeaning.RULE, now.cycle, answers, at)
    except Invalid:
        return False
    evidence |= _what_counted(SqlMeaning.RULE, now, answers)
    move_to_stage(lead, Stage.SQL, at=at, actor=actor, reason=reason, evidence=evidence)
    return True


def _is_worked(handoff: Handoff, lead: Lead) -> bool:
    """An accepted MQL in its present cycle, past the time to undo."""
    taken = handoff.status == HandoffStatus.ACCEPTED and not handoff.pending and handoff.closed_at is None
    is_mql = lead.stage == Stage.MQL and lead.status == Status.ACTIVE
    return taken and is_mql and handoff.cycle.number == lead.cycle_number


def _what_counted(meaning: str, handoff: Handoff, answers: Answers) -> dict[str, Any]:
    shown = {name: questions.shown(name, answer["value"]) for name, answer in answers.items()}
    return {"meaning": meaning, "handoff": handoff.pk, "answers": shown}


def _grounds(meaning: str, cycle: Cycle, answers: Answers, at: datetime) -> tuple[dict[str, Any], str, str]:
    """Return evidence, reason and actor of the move, or raise Invalid with what is still open."""
    if meaning == SqlMeaning.ACCEPTED:
        return {}, "Accepted by sales", ""
    if meaning == SqlMeaning.CONVERSATION:
        talks = Conversation.objects.filter(lead=cycle.lead_id, reached=True, at__gte=cycle.mql_at)
        if not talks.exists():
            raise Invalid({"conversation": "Log the conversation you had first: it is what makes the SQL."})
        return {}, "Conversation held and put in the pipeline", ""
    results = evaluate_sql(cycle, at=at)
    met = next((result for result in results if result.met), None)
    if met is None:
        closest = min(results, key=lambda result: len(result.missing), default=None)
        said = f"{closest.label}: {closest.sentence}." if closest else "The definition has no SQL rule."
        raise Invalid({"sql": f"Not an SQL yet. {said}"})
    evidence = {
        "rule": met.id,
        "rule_label": met.label,
        "met": [condition.text for condition in met.conditions],
    }
    return evidence, met.label, f"rule:{met.id}" if meaning == SqlMeaning.RULE else ""


def _facts(cycle: Cycle, answers: Answers, at: datetime) -> SqlFacts:
    talks = Conversation.objects.filter(lead=cycle.lead_id, reached=True, at__lte=at).order_by("-at")
    talked_at = talks.values_list("at", flat=True).first()
    score = Lead.objects.values_list("score", flat=True).get(pk=cycle.lead_id)
    return SqlFacts(
        day=clock.day_of(at),
        answers=answers,
        score=score,
        talked_on=clock.day_of(talked_at) if talked_at else None,
        has_meeting=cycle.meeting_at is not None,
    )


@atomic
def _save(
    handoff: Handoff,
    kept: Mapping[str, Any],
    by: User | None,
    origin: str,
    at: datetime,
    version: int | None,
    known: Answers | None = None,
) -> Discovery:
    lead = lock_lead(handoff.lead_id)
    saved = Discovery.objects.filter(cycle=handoff.cycle_id).select_related("updated_by").first()
    if version is not None and version != (saved.version if saved else 0):
        raise _changed_meanwhile(saved)
    discovery = saved or Discovery(cycle_id=handoff.cycle_id, version=0)
    discovery.answers = (known or {}) | discovery.answers
    for name, value in kept.items():
        if value is None:
            discovery.answers.pop(name, None)
        else:
            discovery.answers[name] = {"value": value, "from": origin, "at": at.isoformat()}
    discovery.version += 1
    discovery.updated_at, discovery.updated_by = at, by
    discovery.save()
    _keep_steps(lead, handoff, kept)
    return discovery


def _keep_steps(lead: Lead, handoff: Handoff, kept: Mapping[str, Any]) -> None:
    """Carry what was agreed to where lists and reports look for it."""
    step: dict[str, Any] = {}
    due: dict[str, Any] = {}
    if kept.get("next_step"):
        step["next_step"] = due["next_step"] = kept["next_step"][:300]
    if kept.get("next_step_at"):
        due["next_step_at"] = datetime.fromisoformat(kept["next_step_at"])
        step["next_step_on"] = clock.day_of(due["next_step_at"])
    if step:
        Lead.objects.filter(pk=lead.pk).update(**step)
        Handoff.objects.filter(pk=handoff.pk).update(**due)
    if kept.get("meeting"):
        meeting_at = datetime.fromisoformat(kept["meeting"])
        Cycle.objects.filter(pk=handoff.cycle_id, meeting_at=None).update(meeting_at=meeting_at)


def _changed_meanwhile(saved: Discovery | None) -> HandoffConflict:
    if saved is None:
        return HandoffConflict("changed", "The answers were taken away meanwhile.")
    when = sentences.moment(saved.updated_at, Organisation.current().time_zone)
    who = saved.updated_by
    said = f"Changed by {who or 'the prospect'} at {when}. Load the page again to see both."
    return HandoffConflict("changed", said, who=who, when=saved.updated_at)


def _reading(at: datetime) -> Reading:
    zone = Organisation.current().time_zone
    return Reading(clock.day_of(at, zone), zone)
