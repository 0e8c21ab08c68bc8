"""What the page of one handoff shows: the note as it was frozen, what is known by now, and what can be done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from handoff import contact, discovery, inbox, outcomes, questions, sentences, waiting
from handoff.models import Handoff, HandoffStatus, Opportunity
from leads import clock
from leads.definitions import sql_meaning
from leads.enums import SqlMeaning, Stage
from leads.models import Organisation, User
from leads.permissions import can


def content(handoff: Handoff, user: User, at: datetime) -> dict[str, Any]:
    """Return what the page of one handoff shows, as far as this app knows it."""
    mine = Handoff.objects.visible_to(user)
    previous, following, place = inbox.neighbours(mine, handoff, at) if user.is_rep else (None, None, "")
    answers = discovery.answers_of(handoff)
    lead = handoff.lead
    rules = discovery.evaluate_sql(handoff.cycle, at=at) if lead.stage == Stage.MQL else []
    why = handoff.context.get("why", {})
    return {
        "handoff": handoff,
        "lead": lead,
        "note": handoff.context,
        # The rule's label stands before it already.
        "why_found": why.get("sentence", "").removeprefix(f"{why.get('rule_label', '')}: "),
        "why_waiting": waiting.explain([handoff], clock.day_of(at)).get(handoff.pk),
        "became": outcomes.became(handoff, Organisation.current().time_zone) if handoff.closed_at else None,
        "previous": previous,
        "following": following,
        "place": place,
        "groups": question_groups(answers),
        "known": sum(question.field in answers for question in questions.QUESTIONS),
        "questions": len(questions.QUESTIONS),
        "sql_rules": rules,
        "sql_met": any(rule.met for rule in rules),
        "contacts": list(contact.CONTACTS.values()),
        "may_qualify": lead.stage == Stage.MQL
        and handoff.status == HandoffStatus.ACCEPTED
        and works(handoff, user),
        "may_log": handoff.status == HandoffStatus.ACCEPTED and works(handoff, user),
        "may_discover": handoff.status == HandoffStatus.ACCEPTED and works(handoff, user),
        "may_open": _may_open(handoff) and works(handoff, user),
        "opportunity": Opportunity.objects.filter(cycle=handoff.cycle).first(),
        "may_close": lead.stage == Stage.OPPORTUNITY and works(handoff, user),
        "may_reassign": can(user, "handoffs.reassign"),
        "decisions": [
            {"at": row.at, "sentence": sentences.decision(row)} for row in handoff.decisions.order_by("pk")
        ],
        "path_notes": path_notes(handoff),
    }


def _may_open(handoff: Handoff) -> bool:
    """An SQL can become an opportunity; where an SQL is a conversation in the pipeline, an accepted MQL too."""
    in_one_act = handoff.status == HandoffStatus.ACCEPTED and sql_meaning() == SqlMeaning.CONVERSATION
    return handoff.lead.stage == Stage.SQL or (handoff.lead.stage == Stage.MQL and in_one_act)


def works(handoff: Handoff, user: User) -> bool:
    """Tell whether the sales moves of this handoff are the user's: the rep's own, or a manager's or admin's."""
    own = handoff.rep is not None and handoff.rep.user_id == user.pk
    return own or ((user.is_manager or user.is_admin) and can(user, "stage.sales"))


def question_groups(answers: questions.Answers) -> list[dict[str, Any]]:
    groups = []
    for slug, label in questions.GROUPS.items():
        asked = [question for question in questions.QUESTIONS if question.group == slug]
        known = [
            {"label": question.label, "text": questions.shown(question.field, answers[question.field]["value"]),
             "from": answers[question.field].get("from", ""), "at": answers[question.field].get("at")}
            for question in asked if question.field in answers
        ]  # fmt: skip
        following = next((question.ask for question in asked if question.field not in answers), "")
        state = "known" if known and not following else "part" if known else "open"
        groups.append({"slug": slug, "label": label, "known": known, "ask": following, "state": state})
    return groups


def path_notes(handoff: Handoff) -> dict[str, str]:
    cycle = handoff.cycle
    notes = {"mql": f"{cycle.mql_at:%-d %b %Y}, definition {cycle.version}"}
    for stage, moment in (
        ("sql", cycle.sql_at),
        ("opportunity", cycle.opportunity_at),
        ("won", cycle.won_at),
    ):
        if moment:
            notes[stage] = f"{moment:%-d %b %Y}"
    return notes
