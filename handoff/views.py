"""The rep's pages: inbox, one handoff, deciding, discovery, opportunity."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import discovery, inbox, opportunities, questions, sentences, workflow
from handoff.decisions import DECISIONS, form_for, open_to
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.forms import CloseForm, OpportunityForm
from handoff.models import Discovery, Handoff, HandoffStatus, Opportunity, Rep
from handoff.opening import wake_routing
from leads import clock
from leads.audit import audit
from leads.definitions import sql_meaning
from leads.enums import SqlMeaning, Stage
from leads.lifecycle import IllegalMove, StageConflict
from leads.models import Organisation, User
from leads.permissions import can, requires


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _handoff(request: HttpRequest, pk: int) -> Handoff:
    handoffs = Handoff.objects.visible_to(_user(request)).select_related(
        "lead__company", "cycle", "rep__user", "pool", "reason"
    )
    return with_actions(get_object_or_404(handoffs, pk=pk), _user(request))


def with_actions(handoff: Handoff, user: User) -> Handoff:
    handoff.actions = open_to(handoff, user)  # type: ignore[attr-defined]  # what the templates offer
    return handoff


@requires("handoffs.respond")
@require_safe
def inbox_page(request: HttpRequest) -> HttpResponse:
    user, at = _user(request), clock.now()
    groups = inbox.grouped(Handoff.objects.visible_to(user), at)
    rows = [with_actions(row, user) for group in groups for row in group.rows]
    wanted = request.GET.get("focus", "")
    selected = next((row for row in rows if str(row.pk) == wanted), rows[0] if rows else None)
    rep = getattr(user, "rep", None)
    context = {
        "groups": groups,
        "total": len(rows),
        "urgent": sum(len(group.rows) for group in groups if group.slug == "soon"),
        "selected": selected,
        "rep": rep,
        "seats": Handoff.objects.filter(rep=rep).seats().count() if rep else 0,
    }
    return render(request, "handoff/inbox.html", context)


@requires("handoffs.list")
@require_safe
def peek(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "handoff/_peek.html", {"handoff": _handoff(request, pk)})


@requires("handoffs.list")
@require_safe
def handoff_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One handoff: the note as it was frozen, what is known, what to ask, and what to do next."""
    handoff, user, at = _handoff(request, pk), _user(request), clock.now()
    return render(request, "handoff/handoff_detail.html", _content(handoff, user, at))


def _content(handoff: Handoff, user: User, at: Any) -> dict[str, Any]:
    mine = Handoff.objects.visible_to(user)
    previous, following, place = inbox.neighbours(mine, handoff, at) if user.is_rep else (None, None, "")
    answers = discovery.answers_of(handoff)
    lead = handoff.lead
    return {
        "handoff": handoff,
        "lead": lead,
        "note": handoff.context,
        "previous": previous,
        "following": following,
        "place": place,
        "groups": _question_groups(answers),
        "known": sum(question.field in answers for question in questions.QUESTIONS),
        "sql_rules": discovery.evaluate_sql(handoff.cycle, at=at) if lead.stage == Stage.MQL else [],
        "may_qualify": lead.stage == Stage.MQL
        and handoff.status == HandoffStatus.ACCEPTED
        and _works(handoff, user),
        "may_discover": handoff.status == HandoffStatus.ACCEPTED and _works(handoff, user),
        "may_open": _may_open(handoff) and _works(handoff, user),
        "opportunity": Opportunity.objects.filter(cycle=handoff.cycle).first(),
        "may_close": lead.stage == Stage.OPPORTUNITY and _works(handoff, user),
        "may_reassign": can(user, "handoffs.reassign"),
        "decisions": [
            {"at": row.at, "sentence": sentences.decision(row)} for row in handoff.decisions.order_by("pk")
        ],
        "path_notes": _path_notes(handoff),
    }


def _may_open(handoff: Handoff) -> bool:
    """An SQL can become an opportunity; where an SQL is a conversation in the pipeline, an accepted MQL too."""
    in_one_act = handoff.status == HandoffStatus.ACCEPTED and sql_meaning() == SqlMeaning.CONVERSATION
    return handoff.lead.stage == Stage.SQL or (handoff.lead.stage == Stage.MQL and in_one_act)


def _works(handoff: Handoff, user: User) -> bool:
    """Tell whether the sales moves of this handoff are the user's: the rep's own, or a manager's or admin's."""
    own = handoff.rep is not None and handoff.rep.user_id == user.pk
    return own or ((user.is_manager or user.is_admin) and can(user, "stage.sales"))


def _question_groups(answers: questions.Answers) -> list[dict[str, Any]]:
    groups = []
    for slug, label in questions.GROUPS.items():
        asked = [question for question in questions.QUESTIONS if question.group == slug]
        known = [
            {"label": question.label, "text": questions.shown(question.field, answers[question.field]["value"]),
             "from": answers[question.field].get("from", "")}
            for question in asked if question.field in answers
        ]  # fmt: skip
        following = next((question.ask for question in asked if question.field not in answers), "")
        state = "known" if known and not following else "part" if known else "open"
        groups.append({"slug": slug, "label": label, "known": known, "ask": following, "state": state})
    return groups


def _path_notes(handoff: Handoff) -> dict[str, str]:
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


@requires("handoffs.respond")
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Ask for, and take, one decision. Whoever was slower is told who was faster, and nothing is lost."""
    handoff, user = _handoff(request, pk), _user(request)
    decision = DECISIONS.get(slug)
    if decision is None:
        raise Http404
    form = form_for(decision, request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        template = (
            "handoff/_decide_dialog.html" if request.headers.get("HX-Request") else "handoff/decide.html"
        )
        context = {"handoff": handoff, "action": decision, "form": form}
        return render(request, template, context, status=422 if request.method == "POST" else 200)
    _, following, _ = inbox.neighbours(Handoff.objects.visible_to(user), handoff, clock.now())
    try:
        decision.run(handoff, user, form.cleaned_data, clock.now())
    except Invalid as wrong:
        _add_problems(form, wrong)
    except (HandoffConflict, NotAllowed, StageConflict, IllegalMove) as refused:
        context = {
            "handoff": _handoff(request, pk),
            "action": decision,
            "form": form,
            "problem": str(refused),
        }
        return render(
            request, "handoff/decide.html", context, status=403 if isinstance(refused, NotAllowed) else 409
        )
    else:
        undo = "undo:" + reverse("handoff:undo", args=[handoff.pk])
        messages.success(request, f"{handoff.lead.name} {decision.done}.", extra_tags=undo)
        return redirect(reverse("handoff:inbox") + (f"?focus={following}" if following else ""))
    context = {"handoff": handoff, "action": decision, "form": form}
    return render(request, "handoff/decide.html", context, status=422)


def _add_problems(form: Any, wrong: Invalid) -> None:
    for name, problem in wrong.problems.items():
        form.add_error(name if name in form.fields else None, problem)


@requires("handoffs.respond")
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = _handoff(request, pk)
    try:
        workflow.undo(handoff, by=_user(request), at=clock.now())
    except (HandoffConflict, NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Undone: {handoff.lead.name} is as before.")
    return redirect(reverse("handoff:inbox") + f"?focus={pk}")


@requires("reps.own_capacity")
@require_POST
def availability(request: HttpRequest) -> HttpResponse:
    """A rep pauses or takes leads again; what is offered already stays."""
    rep = getattr(_user(request), "rep", None)
    if rep is None:
        raise Http404
    is_available = request.POST.get("is_available") == "1"
    with transaction.atomic():
        Rep.objects.filter(pk=rep.pk).update(is_available=is_available)
        changes = {"is_available": (rep.is_available, is_available)}
        audit("rep.edit", rep, by=_user(request), at=clock.now(), changes=changes)
        wake_routing()
    return redirect("handoff:inbox")


@requires("handoffs.discovery")
@require_http_methods(["GET", "HEAD", "POST"])
def discovery_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Every question on one page, each optional; what is known stands there already."""
    handoff, user, at = _handoff(request, pk), _user(request), clock.now()
    answers = discovery.answers_of(handoff)
    typed = {question.field: request.POST.get(question.field, "") for question in questions.QUESTIONS}
    problems: dict[str, str] = {}
    if request.method == "POST":
        changed = {field: text for field, text in typed.items() if text != _as_text(answers, field)}
        try:
            version = int(request.POST.get("version") or 0)
            discovery.save_answers(handoff, changed, by=user, at=at, version=version)
        except Invalid as wrong:
            problems = wrong.problems
        except (HandoffConflict, NotAllowed) as refused:
            problems = {"": str(refused)}
        else:
            messages.success(request, "Saved.")
            return redirect("handoff:handoff_detail", handoff.pk)
    context = {
        "handoff": handoff,
        "fields": _fields(answers, typed if request.method == "POST" else None, problems),
        "problem": problems.get("", ""),
        "version": Discovery.objects.filter(cycle=handoff.cycle).values_list("version", flat=True).first()
        or 0,
    }
    return render(request, "handoff/discovery.html", context, status=422 if problems else 200)


def _as_text(answers: questions.Answers, field: str) -> str:
    return questions.shown(field, answers[field]["value"]) if field in answers else ""


def _fields(
    answers: questions.Answers, typed: dict[str, str] | None, problems: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "question": question,
            "group": questions.GROUPS[question.group],
            "value": typed[question.field] if typed else _as_text(answers, question.field),
            "from": answers.get(question.field, {}).get("from", ""),
            "problem": problems.get(question.field, ""),
        }
        for question in questions.QUESTIONS
    ]


@requires("stage.sales")
@require_POST
def qualify(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the lead an SQL by the organisation's definition; what is still missing is said."""
    handoff = _handoff(request, pk)
    try:
        discovery.qualify(handoff, by=_user(request), at=clock.now())
    except Invalid as wrong:
        messages.error(request, str(wrong))
    except (HandoffConflict, NotAllowed, IllegalMove, StageConflict) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{handoff.lead.name} is an SQL.")
    return redirect("handoff:handoff_detail", handoff.pk)


@requires("stage.sales")
@require_http_methods(["GET", "HEAD", "POST"])
def opportunity_open(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = _handoff(request, pk)
    initial = {"name": _deal_name(handoff), "currency": Organisation.current().currency}
    form = OpportunityForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            opportunities.open_opportunity(handoff, by=_user(request), at=clock.now(), **form.cleaned_data)
        except Invalid as wrong:
            _add_problems(form, wrong)
        except (HandoffConflict, NotAllowed, IllegalMove, StageConflict) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"Opportunity opened for {handoff.lead.name}.")
            return redirect("handoff:handoff_detail", handoff.pk)
    context = {"handoff": handoff, "form": form, "title": "Open an opportunity"}
    return render(request, "handoff/form_page.html", context, status=422 if form.is_bound else 200)


def _deal_name(handoff: Handoff) -> str:
    company = handoff.lead.company.name if handoff.lead.company else handoff.lead.name
    product = handoff.lead.product_interest
    return f"{company}: {product}" if product else company


@requires("stage.sales")
@require_http_methods(["GET", "HEAD", "POST"])
def opportunity_close(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = _handoff(request, pk)
    opportunity = get_object_or_404(Opportunity, cycle=handoff.cycle)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            opportunities.close_opportunity(
                opportunity, by=_user(request), at=clock.now(), **form.cleaned_data
            )
        except Invalid as wrong:
            _add_problems(form, wrong)
        except (HandoffConflict, NotAllowed, IllegalMove, StageConflict) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{opportunity.name}: {form.cleaned_data['outcome']}.")
            return redirect("handoff:handoff_detail", handoff.pk)
    context = {"handoff": handoff, "form": form, "title": "Close the opportunity"}
    return render(request, "handoff/form_page.html", context, status=422 if form.is_bound else 200)
