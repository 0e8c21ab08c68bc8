"""What a day left behind, without the ids and moments that depend on how it was played; and what is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Model

from handoff.models import Notice
from handoff.outgoing import Delivery, Fact
from leadflow.verification import verify
from leads.models import Definition, Lead
from tests.faults.company_day import deeds, noted
from tests.faults.installation import PROFILE
from tests.oracle.scorer import judge

HANDOFF = "handoff__lead__email handoff__cycle__number handoff__attempt"
# Columns by which two outcomes are compared, row for row. A moment is there as whether it is set ("?").
COLUMNS = {
    "leads.Lead": """email first_name job_title role seniority industry country region employees company__name stage status
        cycle_number fit_score engagement_score score grade band momentum score_version owner__email pool_team__name
        wake_on wake_signal nurture_reason nurture_track__name needs_fit_check disqualified_by next_step next_step_on
        last_seen_at? source medium campaign last_campaign unsubscribed_at version""",
    "leads.Identity": "kind value lead__email",
    "leads.ProfileChange": "lead__email field value day origin?",
    "leads.StageChange": """lead__email seq from_stage from_status to_stage to_status actor by__email reason cycle_number
        version fit_score engagement_score score evidence__rule""",
    "leads.Cycle": """lead__email number rule version segment campaign decision reason decided_at? ended_at? end_reason sql_at?
        sql_meaning opportunity_at? won_at? lost_at? contacted_at? owner__email rep__email team__name""",
    "leads.Company": "name domain owner__email",
    "leads.Event": """source__name type name lead__email anonymous_id user_id signal__slug object_key occurred_on known_on outcome
        outcome_reason flags""",
    "leads.EngagementDay": "lead__email signal__slug object_key occurred_on known_on count",
    "leads.Conversation": "lead__email by__email kind reached summary",
    "leads.ImportRow": "number result lead__email code warnings",
    "leads.Definition": "version status live_from? live_until? went_live",
    "scoring.NewnessBoundary": "lead__email seq day ended_cycle wake_signal",
    "scoring.PendingScore": "lead__email day set_aside",
    "scoring.Rescore": "reason day version leads_done finished_at?",
    "scoring.ScoreOverride": "lead__email score reason expires_on ended_at? by__email",
    "handoff.Handoff": """lead__email cycle__number attempt status version queue_reason is_hand_raise pool__name rule__name
        rep__user__email offered_at? accept_by? decided_at? decided_by__email reason__slug note missing settle_at? pending
        contact_by? accept_warned_at? accept_escalated_at? contact_warned_at? contact_escalated_at? credited_at?
        first_contact_at? deferred_until next_step closed_at?""",
    "handoff.RoutingDecision": f"{HANDOFF} rule_name pool__name rep__user__email outcome way by__email reason",
    "handoff.RotationState": "pool__name key turns total",
    "handoff.PoolMember": "pool__name rep__user__email credits",
    "handoff.Discovery": "cycle__lead__email version",
    "handoff.Opportunity": "cycle__lead__email name amount outcome outcome_reason opened_by__email closed_at?",
    "handoff.Fact": "kind lead__email data__handoff__attempt data__change__seq data__clock",
    "handoff.Delivery": "fact__kind fact__lead__email destination__name status",
    "handoff.Destination": "name failures is_active claimed_until",
}  # fmt: skip


def outcome(at: datetime) -> dict[str, Any]:
    """Return what there is, table by table, and everything that is wrong by itself."""
    tables = {name: _rows(apps.get_model(name), columns.split()) for name, columns in COLUMNS.items()}
    tables["imports"] = _rows(
        apps.get_model("leads.ImportJob"),
        "filename state rows_total rows_done created updated skipped refused error".split(),
        state__in=("running", "done", "failed"),
    )
    # What a digest says is what there was at the moment it was written; one a day there has to be.
    notices = apps.get_model("handoff.Notice")
    told = f"user__email kind {HANDOFF} lead__email mail mailed_at? error".split()
    tables["notices"] = _rows(notices, told, day=None)
    tables["digests"] = _rows(notices, "user__email day".split(), kind="digest")
    tables["audit"] = _rows(apps.get_model("leads.AuditEntry"), "action by__email object_type".split())
    tables["sent"] = sorted(set(_sent()))
    tables["mailed"] = sorted(
        {re.sub(r"\d\d:\d\d", "", line) for line in noted("mail") if " Your " not in line}
    )
    return {"tables": tables, "findings": [*_findings(at), *_ill_sent()]}


def _rows(model: type[Model], columns: list[str], **only: Any) -> list[str]:
    names = [column.removesuffix("?") for column in columns]
    rows = []
    for row in model._default_manager.filter(**only).values_list(*names):
        shown = [
            value is not None if column.endswith("?") else value
            for column, value in zip(columns, row, strict=True)
        ]
        rows.append(" | ".join(str(value) for value in shown))
    return sorted(rows)


def _sent() -> list[str]:
    """Return what the sink was told of, by what it is about in place of its id."""
    about = {
        uid: f"{kind} {email}" for uid, kind, email in Fact.objects.values_list("uid", "kind", "lead__email")
    }
    return [about.get(line.split()[0], f"nothing known: {line}") for line in noted("sink")]


def _findings(at: datetime) -> list[str]:
    return [
        f"{verdict.invariant} {verdict.title}: {finding}"
        for verdict in verify(at)
        for finding in verdict.findings
    ]


def _ill_sent() -> list[str]:
    """Return facts that did not reach the sink, and mails that are said to have left and did not."""
    ids = Counter(line.split()[0] for line in noted("sink"))
    found = [f"never sent: {uid}" for uid in Fact.objects.values_list("uid", flat=True) if not ids[uid]]
    found += [f"waits: {one}" for one in Delivery.objects.exclude(status=Delivery.Status.DELIVERED)]
    mails = Counter(line.split()[0] for line in noted("mail"))
    for email in Notice.objects.values_list("user__email", flat=True).distinct():
        said = Notice.objects.filter(user__email=email, mailed_at__isnull=False).count()
        if mails[email] < said:
            found.append(f"{email}: {said} mails are said to have left, {mails[email]} arrived")
    return found


def wrong_scores(at: datetime) -> list[str]:
    """Return the leads whose score is not the oracle's."""
    definition = Definition.objects.get(status="live").document
    done = deeds()
    wrong = []
    for lead in Lead.objects.all():
        profile = {name: getattr(lead, name) for name in PROFILE}
        want = judge(profile, done.get(lead.email or "", []), definition, at.date())[:6]
        have = (lead.fit_score, lead.engagement_score, lead.score, lead.grade, lead.band, lead.momentum)
        if have != tuple(want):
            wrong.append(f"{lead.email}: {have}, the oracle says {want}")
    return wrong
