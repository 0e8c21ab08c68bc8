"""The page of one lead: who they are, why they score as they do, and everything that happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from handoff import history, waiting
from leadflow.lead_pages.filters import ORDERS, FilterForm
from leadflow.lead_pages.forms import ConversationForm, MoveForm, NoteForm, OverrideForm
from leadflow.lead_pages.life import life
from leads import clock
from leads.enums import Stage
from leads.lifecycle import allowed_stages
from leads.models import Lead, StageChange, User
from leads.paging import cursor_at, keyset_page
from leads.permissions import can, requires
from leads.queues import BY_SLUG, Context, in_queue
from scoring.explain import breakdown
from scoring.overrides import override_on
from scoring.promotion import score_and_gaps


@dataclass(frozen=True)
class Neighbours:
    """Where this lead stands in the queue it was opened from."""

    queue: str
    query: str
    previous: int | None
    next: int | None


@requires("leads.read")
@require_safe
def lead_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    lead = _visible_lead(user, pk)
    at = clock.now()
    return render(request, "leads/lead_detail.html", _content(request, lead, user, at))


def _visible_lead(user: User, pk: int) -> Lead:
    leads = Lead.objects.visible_to(user).select_related("company", "owner", "last_signal", "nurture_track")
    return get_object_or_404(leads, pk=pk)


def _content(request: HttpRequest, lead: Lead, user: User, at: Any) -> dict[str, Any]:
    today = clock.day_of(at)
    story = life(lead, before=_before(request))
    below_mql = lead.stage in (Stage.SUSPECT, Stage.LEAD)
    score, gaps = score_and_gaps(lead, today) if below_mql else (breakdown(lead, today), [])
    handoff = lead.handoffs.open().select_related("rep__user").first()
    return {
        "lead": lead,
        "breakdown": score,
        "override": override_on(lead, today) if lead.override_score is not None else None,
        "override_form": OverrideForm(prefix="override", today=today),
        "may_adjust": can(user, "score.adjust"),
        "rule_sets": gaps,
        "path_notes": _path_notes(lead),
        "entries": story.entries,
        "older": story.older.isoformat() if story.older else "",
        "handoff": handoff,
        "why": waiting.explain([handoff], today).get(handoff.pk) if handoff else None,
        "returned": history.given_back(handoff) if handoff else None,
        "may_release": can(user, "handoffs.release"),
        "neighbours": _neighbours(request, lead, user, at),
        "note_form": NoteForm(prefix="note"),
        "conversation_form": ConversationForm(prefix="talk", initial={"at": at}),
        "move_form": MoveForm(prefix="move"),
        "may_edit": can(user, "leads.edit"),
        "may_move": can(user, "stage.marketing"),
        "may_log": can(user, "conversations.log"),
        "may_quarantine": can(user, "events.quarantine"),
        "moves": allowed_stages(lead),
    }


def _before(request: HttpRequest) -> Any:
    text = request.GET.get("before", "")
    if not text:
        return None
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest("`before` must be a moment with its time zone.")
    return moment


def _path_notes(lead: Lead) -> dict[str, str]:
    """Say under each step of the path when the lead first reached it in this cycle."""
    notes: dict[str, str] = {}
    lines = StageChange.objects.filter(lead=lead).order_by("seq").values_list("to_stage", "at", "version")
    for stage, at, version in lines:
        notes[stage] = f"{at:%-d %b %Y}" + (
            f", definition {version}" if stage in ("mql", "sql") and version else ""
        )
    return notes


def _neighbours(request: HttpRequest, lead: Lead, user: User, at: Any) -> Neighbours | None:
    """Find the leads before and after this one in the queue of the address, so that nobody has to go back."""
    slug, order = request.GET.get("view", ""), request.GET.get("order", "score")
    form = FilterForm(request.GET, user)
    if slug not in BY_SLUG or order not in ORDERS or not form.is_valid():
        return None
    leads = form.apply(in_queue(Lead.objects.visible_to(user), BY_SLUG[slug], Context.on(at)), at)
    columns = ORDERS[order][1]
    if order == "seen":
        leads = leads.filter(last_seen_at__isnull=False)
        if lead.last_seen_at is None:
            return None
    before, after = (
        keyset_page(leads, order=columns, cursor=cursor, size=1).rows for cursor in _cursors(lead, columns)
    )
    return Neighbours(
        BY_SLUG[slug].label, request.GET.urlencode(),
        before[0].pk if before else None, after[0].pk if after else None,
    )  # fmt: skip


def _cursors(lead: Lead, columns: tuple[str, ...]) -> tuple[str, str]:
    return cursor_at(lead, columns, backwards=True), cursor_at(lead, columns, backwards=False)
