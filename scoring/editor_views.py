"""The definition editor: start a draft, change it section by section, see what it would do to a lead."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from leads import clock
from leads.models import Definition, Lead, Organisation, User
from leads.permissions import requires
from scoring import life
from scoring.controls import anchor
from scoring.differences import Change, differences
from scoring.documents import InvalidDocument, validate
from scoring.editing import Document, act, overlay
from scoring.live import Catalogue, live_rules, rules_from
from scoring.publishing import save_draft
from scoring.scenarios import run_scenarios
from scoring.sections import SECTIONS, Builder
from scoring.start_forms import StartForm
from scoring.trying import lead_to_try, try_on


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; the pages here let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


@requires("definitions.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def definition_new(request: HttpRequest) -> HttpResponse:
    """Start a draft from the live rules, from another version or from templates."""
    form = StartForm(
        request.POST if request.method == "POST" else None, initial={"version": request.GET.get("from", "")}
    )
    if request.method != "POST" or not form.is_valid():
        return render(
            request, "scoring/definition_new.html", {"form": form}, status=422 if form.errors else 200
        )
    signals = Catalogue.load().facts
    note = form.cleaned_data["note"]
    if form.source:
        draft = life.draft_from(form.source, at=clock.now(), by=user_of(request), note=note)
    else:
        draft = save_draft(form.document(signals), at=clock.now(), by=user_of(request), note=note)
    messages.success(request, f"Definition {draft.version} is a draft now. Nothing changes until it is live.")
    return redirect("scoring:definition_edit", draft.version, "rules")


@requires("definitions.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def definition_edit(request: HttpRequest, version: int, section: str) -> HttpResponse:
    """Show one page of a draft's rules, and take what was changed on it."""
    if section not in SECTIONS:
        raise Http404
    draft = get_object_or_404(Definition.objects.select_related("changed_by", "author"), version=version)
    if not draft.is_open:
        messages.info(request, f"Definition {version} can no longer be changed. Draft a new one from it.")
        return redirect("scoring:definition", version)
    if request.method == "POST":
        return _save(request, draft, section)
    return _page(request, draft, section, draft.document)


@requires("definitions.edit")
@require_POST
def definition_try(request: HttpRequest, version: int, section: str) -> HttpResponse:
    """Say what the form as it stands would do; saves nothing."""
    draft = get_object_or_404(Definition, version=version)
    document = overlay(draft.document, request.POST.lists())
    context = _effects(request, document, request.POST.get("lead", ""))
    if section in SECTIONS and not context["problems"]:
        live = live_rules()
        signals = context["catalogue"].facts
        context["page"] = Builder(document, signals, live.rulebook if live else None).page(section)
    return render(request, "scoring/_try.html", {**context, "is_fragment": True})


def _save(request: HttpRequest, draft: Definition, section: str) -> HttpResponse:
    deed = request.POST.get("do", "save")
    picked = request.POST.get(f"pick {deed.partition(' ')[2]}", "")
    document = act(overlay(draft.document, request.POST.lists()), deed, picked)
    revision = request.POST.get("now" if deed == "overwrite" else "revision", "")
    try:
        life.change(
            draft, document, revision=int(revision) if revision.isdecimal() and len(revision) < 10 else 0,
            at=clock.now(), by=user_of(request),
        )  # fmt: skip
    except InvalidDocument:
        return _page(request, draft, section, document, status=422)
    except life.Stale as stale:
        return _page(request, stale.definition, section, document, stale=str(stale), status=409)
    except life.NotNow as refused:
        messages.error(request, str(refused))
        return redirect("scoring:definition", draft.version)
    if deed == "save":
        messages.success(request, "Saved.")
    return redirect(_back(request, draft, section, deed, document))


def _back(request: HttpRequest, draft: Definition, section: str, deed: str, document: Document) -> str:
    lead = request.POST.get("lead", "")
    query = f"?lead={lead}" if lead.isdecimal() else ""
    return reverse("scoring:definition_edit", args=[draft.version, section]) + query + _place(deed, document)


def _place(deed: str, document: Document) -> str:
    """Return where on the page the eye is to be after a button: at what it added or moved."""
    verb, _, path = deed.partition(" ")
    if verb == "add":
        found: Any = document
        for key in path.split("/"):
            found = found[int(key)] if isinstance(found, list) else found.get(key, {})
        return f"#{anchor(f'{path}/{len(found) - 1}')}"
    if verb in ("up", "down", "remove"):
        where, _, number = path.rpartition("/")
        index = int(number) + {"up": -1, "down": 1, "remove": -1}[verb]
        return f"#{anchor(f'{where}/{max(0, index)}')}"
    return ""


def _page(
    request: HttpRequest,
    draft: Definition,
    section: str,
    document: Document,
    *,
    stale: str = "",
    status: int = 200,
) -> HttpResponse:
    asked = request.POST.get("lead") or request.GET.get("lead", "")
    effects = _effects(request, document, asked[:200])
    live = live_rules()
    rulebook = live.rulebook if live else None
    builder = Builder(document, effects["catalogue"].facts, rulebook, effects["outcomes"])
    theirs = _both(draft, document, effects) if stale else []
    context = {
        "definition": draft, "section": section, "sections": SECTIONS, "page": builder.page(section),
        "revision": request.POST.get("revision") if stale else draft.revision, "stale": stale, "theirs": theirs,
        "changes": effects["changes"], **effects,
    }  # fmt: skip
    return render(request, "scoring/definition_edit.html", context, status=status)


def _both(draft: Definition, document: Document, effects: dict[str, Any]) -> list[Change]:
    """Return what the form says differently from what is saved by now."""
    if effects["problems"]:
        return []
    saved, typed = (rules_from(one).rulebook for one in (draft.document, document))
    return differences(saved, typed, effects["catalogue"].facts)


def _effects(request: HttpRequest, document: Document, asked: str) -> dict[str, Any]:
    """Return what a document would do to the examples and to one lead, or why it cannot be used yet."""
    catalogue, live = Catalogue.load(), live_rules()
    lead = lead_to_try(Lead.objects.visible_to(user_of(request)), asked)
    found: dict[str, Any] = {
        "catalogue": catalogue,
        "lead": lead,
        "asked": asked,
        "live_version": live and live.version,
    }
    problems = validate(document)
    if problems:
        return {**found, "problems": problems, "outcomes": [], "broken": [], "changes": [], "trial": None}
    draft, before = rules_from(document), live.rulebook if live else None
    outcomes = run_scenarios(draft.rulebook, catalogue.facts, before)
    today = clock.day_of(clock.now(), Organisation.current().time_zone)
    return {
        **found,
        "problems": [],
        "outcomes": outcomes,
        "broken": [outcome for outcome in outcomes if not outcome.holds],
        "changes": differences(before, draft.rulebook, catalogue.facts) if before else [],
        "trial": try_on(lead, today, live, draft, catalogue) if lead else None,
    }
