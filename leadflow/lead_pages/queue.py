"""The queue page: one queue, filtered, ordered, paged by key."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from handoff import history, waiting
from handoff.models import Handoff, HandoffStatus
from leadflow.lead_pages.bulk import ACTIONS
from leadflow.lead_pages.filters import ORDERS, FilterForm, without
from leadflow.lead_pages.rows import Look, Row, rows_html
from leadflow.templatetags.leadflow import stage_label
from leads import clock
from leads.models import Lead, User
from leads.paging import BadCursor, Page, keyset_page
from leads.permissions import can, requires
from leads.queues import BY_SLUG, Context, Queue, in_queue
from scoring.passes import under_way
from scoring.promotion import missing_for_mql
from scoring.timeline import recent_scores

PAGE_SIZE = 40


@requires("leads.read")
@require_safe
def queue_page(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    queue, form = _asked_for(request)
    valid = form.is_valid()
    context = Context.on(at)
    order = _order(request)
    page = _page(request, queue, form if valid else None, context, order)
    return render(request, "leads/queue.html", _content(request, queue, form, page, order, context, valid))


def _asked_for(request: HttpRequest) -> tuple[Queue, FilterForm]:
    slug = request.GET.get("view", "all")
    if slug not in BY_SLUG:
        raise Http404(f"There is no queue named {slug}.")
    assert isinstance(request.user, User)
    return BY_SLUG[slug], FilterForm(request.GET, request.user)


def _order(request: HttpRequest) -> str:
    order = request.GET.get("order", "score")
    if order not in ORDERS:
        raise BadRequest(f"Leads cannot be ordered by {order[:40]!r}. Use {', '.join(ORDERS)}.")
    return order


def _page(
    request: HttpRequest, queue: Queue, form: FilterForm | None, context: Context, order: str
) -> Page[Lead]:
    assert isinstance(request.user, User)
    leads = in_queue(Lead.objects.visible_to(request.user), queue, context)
    if form:
        leads = form.apply(leads, context.at)
    if order == "seen":
        leads = leads.filter(last_seen_at__isnull=False)
    leads = leads.select_related("company", "last_signal", "owner", "nurture_track")
    try:
        return keyset_page(
            leads, order=ORDERS[order][1], cursor=request.GET.get("cursor", ""), size=PAGE_SIZE
        )
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong


def _content(
    request: HttpRequest,
    queue: Queue,
    form: FilterForm,
    page: Page[Lead],
    order: str,
    context: Context,
    valid: bool,
) -> dict[str, Any]:
    address = request.GET
    query = without(address)[1:]
    remark_title = REMARK_TITLES.get(queue.slug, "Missing for MQL")
    bulk_actions = [action for action in ACTIONS.values() if can(request.user, action.permission)]
    rows = _rows(queue, page.rows, context)
    look = Look(query, remark_title, may_select=bool(bulk_actions), shows_owner=form.has_owner)
    return {
        "queue": queue,
        "form": form,
        "chips": form.chips() if valid else [],
        "rows": rows,
        "rows_html": rows_html(rows, look),
        "remark_title": remark_title,
        "order": order,
        "orders": {name: without(address, order=name) for name in ORDERS},
        "said": f"{len(page.rows)} on this page, {ORDERS[order][0]}",
        "first_url": without(address) if page.previous else "",
        "previous_url": without(address, cursor=page.previous) if page.previous else "",
        "next_url": without(address, cursor=page.next) if page.next else "",
        "clear_url": f"?view={queue.slug}",
        "line": context.line,
        "query": query,
        "bulk_actions": bulk_actions,
        "shows_owner": form.has_owner,
        "may_import": can(request.user, "imports"),
        "may_export": can(request.user, "exports"),
        "may_save": can(request.user, "views.save"),
        "may_create": can(request.user, "leads.create"),
        "running": under_way(),
    }


REMARK_TITLES = {
    "all": "Missing, or reached",
    "mql-waiting": "Why it waits",
    "returned": "What sales said",
    "nurture": "Wakes",
    "vanishing": "Next step",
}


def _rows(queue: Queue, leads: list[Lead], context: Context) -> list[Row]:
    trends = recent_scores(leads, context.today)
    remarks = _remarks(queue, leads, context)
    return [Row(lead, trends.get(lead.pk, []), remarks.get(lead.pk, "")) for lead in leads]


def _remarks(queue: Queue, leads: list[Lead], context: Context) -> dict[int, str]:
    """Return the sentence each row of this queue needs most, for all rows at once."""
    if queue.slug == "mql-waiting":
        return _waiting_reasons(leads, context)
    if queue.slug == "returned":
        return history.words_of_returned(leads)
    if queue.slug == "nurture":
        return {lead.pk: _wake(lead) for lead in leads}
    if queue.slug == "vanishing":
        return {lead.pk: _last_step(lead) for lead in leads}
    return {lead.pk: _stage(lead) for lead in leads} | missing_for_mql(leads, context.today)


def _stage(lead: Lead) -> str:
    return f"{stage_label(lead.stage)} since {lead.stage_since:%-d %b %Y}"


def _waiting_reasons(leads: list[Lead], context: Context) -> dict[int, str]:
    handoffs = Handoff.objects.filter(lead__in=leads, status=HandoffStatus.QUEUED, closed_at=None)
    queued = {handoff.pk: handoff for handoff in handoffs.defer("context")}
    whys = waiting.explain(queued.values(), context.today)
    return {queued[pk].lead_id: why.brief for pk, why in whys.items()}


def _wake(lead: Lead) -> str:
    day = f"{lead.wake_on:%-d %b %Y}" if lead.wake_on else ""
    signal = f"“{lead.wake_signal}”" if lead.wake_signal else "a new signal"
    track = lead.nurture_track.name if lead.nurture_track else ""
    why = ", ".join(filter(None, [track, lead.nurture_reason]))
    waits = f"On {' or '.join(filter(None, [day, signal]))}"
    return f"{waits}. {why}" if why else waits


def _last_step(lead: Lead) -> str:
    if lead.wake_on:
        return f"Should have woken up on {lead.wake_on:%-d %b %Y}"
    if lead.next_step_on:
        return f"{lead.next_step or 'A step'} was due on {lead.next_step_on:%-d %b %Y}"
    return "None is set"
