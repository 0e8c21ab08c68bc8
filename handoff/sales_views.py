"""The rep's pages after accepting: discovery, qualifying, the opportunity."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from handoff import contact, discovery, opportunities, questions
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.forms import CloseForm, OpportunityForm
from handoff.models import Discovery, Handoff, Opportunity
from handoff.views import add_problems, handoff_of, user_of
from leads import clock
from leads.definitions import sql_meaning
from leads.enums import SqlMeaning, Stage
from leads.lifecycle import IllegalMove, StageConflict
from leads.models import Organisation
from leads.permissions import requires


@requires("conversations.log")
@require_POST
def contact_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Log a call, mail, meeting or note with one press; the first one stops the contact clock."""
    handoff, what = handoff_of(request, pk), request.POST.get("what", "")
    try:
        contact.log_contact(
            handoff, what, by=user_of(request), at=clock.now(), summary=request.POST.get("summary", "")
        )
    except (Invalid, HandoffConflict, NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, contact.CONTACTS[what].done.format(handoff.lead.name))
    return redirect("handoff:handoff_detail", handoff.pk)


@requires("handoffs.discovery")
@require_http_methods(["GET", "HEAD", "POST"])
def discovery_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Every question on one page, each optional; what is known stands there already."""
    handoff, user, at = handoff_of(request, pk), user_of(request), clock.now()
    answers = discovery.answers_of(handoff)
    typed = _typed(request)
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            version = int(request.POST.get("version") or 0)
            discovery.save_answers(handoff, _changed(typed, answers), by=user, at=at, version=version)
        except ValueError:
            problems = {"": "This page is too old. Load it again; what you typed is kept."}
        except Invalid as wrong:
            problems = wrong.problems
        except (HandoffConflict, NotAllowed) as refused:
            problems = {"": str(refused)}
        else:
            if "qualify" in request.POST:
                return _qualify(request, handoff)
            messages.success(request, "Saved.")
            return redirect("handoff:handoff_detail", handoff.pk)
    context = {
        "handoff": handoff,
        "fields": _fields(answers, typed if request.method == "POST" else None, problems),
        "problem": problems.get("", ""),
        "version": Discovery.objects.filter(cycle=handoff.cycle).values_list("version", flat=True).first()
        or 0,
        "may_qualify": handoff.lead.stage == Stage.MQL and sql_meaning() != SqlMeaning.CONVERSATION,
        "trial": discovery.try_answers(handoff, _changed(typed, answers) if request.POST else {}, at=at),
        "choices": CHOICES,
    }
    return render(request, "handoff/discovery.html", context, status=422 if problems else 200)


# Ranges are easier to say than figures; offered beside the fields, any other words do as well.
CHOICES = {
    "timing": ["within 1 month", "within 3 months", "within 6 months", "within 12 months", "no date yet"],
    "budget": ["under 25 k", "25-75 k", "75-150 k", "over 150 k", "none set aside yet"],
}


@requires("handoffs.discovery")
@require_POST
def discovery_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what the answers come to while they are typed; nothing is saved."""
    handoff, at = handoff_of(request, pk), clock.now()
    typed = _changed(_typed(request), discovery.answers_of(handoff))
    return render(request, "handoff/_trial.html", {"trial": discovery.try_answers(handoff, typed, at=at)})


def _typed(request: HttpRequest) -> dict[str, str]:
    return {question.field: request.POST.get(question.field, "") for question in questions.QUESTIONS}


def _changed(typed: dict[str, str], answers: questions.Answers) -> dict[str, str]:
    return {name: text for name, text in typed.items() if text != _as_typed(answers, name)}


def _as_typed(answers: questions.Answers, name: str) -> str:
    """Return an answer as its field sends it back untouched: a moment without seconds and zone."""
    text = _as_text(answers, name)
    return text[:16] if name in ("next_step_at", "meeting") else text


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
            "at": answers.get(question.field, {}).get("at"),
            "problem": problems.get(question.field, ""),
        }
        for question in questions.QUESTIONS
    ]


@requires("stage.sales")
@require_POST
def qualify(request: HttpRequest, pk: int) -> HttpResponse:
    return _qualify(request, handoff_of(request, pk))


def _qualify(request: HttpRequest, handoff: Handoff) -> HttpResponse:
    """Make the lead an SQL by the organisation's definition; what is still missing is said."""
    try:
        discovery.qualify(handoff, by=user_of(request), at=clock.now())
    except (Invalid, HandoffConflict, NotAllowed, IllegalMove, StageConflict) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{handoff.lead.name} is an SQL.")
    return redirect("handoff:handoff_detail", handoff.pk)


@requires("stage.sales")
@require_http_methods(["GET", "HEAD", "POST"])
def opportunity_open(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = handoff_of(request, pk)
    initial = {"name": _deal_name(handoff), "currency": Organisation.current().currency}
    form = OpportunityForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            opportunities.open_opportunity(handoff, by=user_of(request), at=clock.now(), **form.cleaned_data)
        except Invalid as wrong:
            add_problems(form, wrong)
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
    handoff = handoff_of(request, pk)
    opportunity = get_object_or_404(Opportunity, cycle=handoff.cycle)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            opportunities.close_opportunity(
                opportunity, by=user_of(request), at=clock.now(), **form.cleaned_data
            )
        except Invalid as wrong:
            add_problems(form, wrong)
        except (HandoffConflict, NotAllowed, IllegalMove, StageConflict) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{opportunity.name}: {form.cleaned_data['outcome']}.")
            return redirect("handoff:handoff_detail", handoff.pk)
    context = {"handoff": handoff, "form": form, "title": "Close the opportunity"}
    return render(request, "handoff/form_page.html", context, status=422 if form.is_bound else 200)
