"""The routing draft on pages: change it, try it on a lead or on the last months, publish it, bring an old one back."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import replays, sentences, versions
from handoff.draft_forms import PoolForm, PreviewForm, PublishForm, ReplayForm, RuleForm
from handoff.errors import HandoffConflict, Invalid
from handoff.models import Rep, RoutingReplay, RoutingVersion
from handoff.tryout import lead_to_try, preview
from leads import clock
from leads.models import Team, User
from leads.permissions import can, requires

NO_DRAFT = "There is no draft any more. Begin a new one to change the routing."


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _names() -> dict[str, str]:
    return {str(rep.pk): str(rep) for rep in Rep.objects.select_related("user")}


@requires("routing.edit")
@require_POST
def draft_open(request: HttpRequest) -> HttpResponse:
    """Begin a draft of the routing in force, or go on with the one there is."""
    versions.open_draft(_user(request), clock.now())
    return redirect("handoff:draft")


@requires("routing.edit")
@require_safe
def draft_page(request: HttpRequest) -> HttpResponse:
    draft = versions.draft()
    if draft is None:
        messages.info(request, NO_DRAFT)
        return redirect("handoff:routing")
    return _show(request, draft, PublishForm())


def _show(request: HttpRequest, draft: RoutingVersion, form: PublishForm) -> HttpResponse:
    names, document = _names(), draft.document
    teams = dict(Team.objects.values_list("pk", "name"))
    asked = PreviewForm(request.GET if request.GET.get("email") else None)
    user = _user(request)
    context = {
        "draft": draft,
        "rules": [
            (place, rule, versions.rule_words(rule, names)) for place, rule in enumerate(document["rules"])
        ],
        "last": len(document["rules"]) - 1,
        "pools": [
            (
                place,
                pool,
                teams.get(pool["team"], ""),
                versions.pool_words(pool, names),
                _may_change(user, pool),
            )
            for place, pool in enumerate(document["pools"])
        ],
        "problems": versions.problems(document),
        "changes": versions.differences(versions.document_of_rows(), document),
        "preview_form": asked,
        "preview": _preview(asked, draft, user) if asked.is_bound else None,
        "replay_form": ReplayForm(),
        "replays": draft.replays.all()[:5],
        "form": form,
    }
    return render(request, "handoff/draft.html", context, status=422 if form.is_bound else 200)


def _may_change(user: User, pool: dict[str, Any]) -> bool:
    return user.is_admin or pool["team"] == user.team_id


def _preview(form: PreviewForm, draft: RoutingVersion, user: User) -> dict[str, Any]:
    """Say where one lead would go under the draft, and who else was considered."""
    if not form.is_valid():
        return {"problem": "Give the e-mail address of a lead."}
    email = form.cleaned_data["email"].strip().lower()
    lead = lead_to_try(user, email=email)
    if lead is None:
        return {"problem": f"There is no lead with the address {email}."}
    found = preview(lead, clock.now(), draft.document)
    candidates = [(one["name"], sentences.verdict(one)) for one in found.plan.candidates]
    return {"lead": lead, "sentence": found.sentence, "candidates": candidates}


def _change(
    request: HttpRequest, draft: RoutingVersion, document: versions.Document, done: str
) -> HttpResponse:
    try:
        versions.change(draft, document)
    except HandoffConflict as faster:
        messages.error(request, str(faster))
    else:
        messages.success(request, done)
    return redirect("handoff:draft")


def _draft() -> RoutingVersion:
    draft = versions.draft()
    if draft is None:
        raise Http404(NO_DRAFT)
    return draft


def _row(rows: list[dict[str, Any]], place: int | None) -> dict[str, Any] | None:
    if place is not None and place >= len(rows):
        raise Http404
    return None if place is None else rows[place]


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def rule_edit(request: HttpRequest, place: int | None = None) -> HttpResponse:
    draft = _draft()
    document = deepcopy(draft.document)
    row = _row(document["rules"], place)
    form = RuleForm(request.POST if request.method == "POST" else None, document=document, row=row)
    if request.method == "POST" and form.is_valid():
        if place is None:
            # Before the last one, which takes everything that is left.
            catches_all = document["rules"] and not document["rules"][-1]["conditions"]
            document["rules"].insert(len(document["rules"]) - bool(catches_all), form.row)
        else:
            document["rules"][place] = form.row
        return _change(request, draft, document, f"“{form.row['name']}” is in the draft.")
    context = {"form": form, "title": "Routing rule", "back": "handoff:draft"}
    return render(request, "handoff/settings_form.html", context, status=422 if form.is_bound else 200)


@requires("routing.edit")
@require_POST
def rule_move(request: HttpRequest, place: int) -> HttpResponse:
    """Have a rule asked one place earlier, or later with `down`."""
    draft = _draft()
    document = deepcopy(draft.document)
    rules = document["rules"]
    _row(rules, place)
    other = place + 1 if request.POST.get("down") else place - 1
    if not 0 <= other < len(rules):
        messages.info(request, "It is at the end of the list already.")
        return redirect("handoff:draft")
    rules[place], rules[other] = rules[other], rules[place]
    return _change(request, draft, document, f"“{rules[other]['name']}” is asked at place {other + 1}.")


@requires("routing.edit")
@require_POST
def rule_remove(request: HttpRequest, place: int) -> HttpResponse:
    draft = _draft()
    document = deepcopy(draft.document)
    _row(document["rules"], place)
    row = document["rules"].pop(place)
    return _change(request, draft, document, f"“{row['name']}” is out of the draft.")


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def pool_edit(request: HttpRequest, place: int | None = None) -> HttpResponse:
    draft, user = _draft(), _user(request)
    document = deepcopy(draft.document)
    row = _row(document["pools"], place)
    if row and not _may_change(user, row):
        raise Http404
    form = PoolForm(request.POST if request.method == "POST" else None, document=document, user=user, row=row)
    if request.method == "POST" and form.is_valid():
        if row is None:
            document["pools"].append(form.row)
        else:
            for rule in document["rules"]:
                rule["pool"] = form.row["name"] if rule["pool"] == row["name"] else rule["pool"]
            document["pools"][document["pools"].index(row)] = form.row
        document["capacity"] = form.capacity
        return _change(request, draft, document, f"“{form.row['name']}” is in the draft.")
    context = {"form": form, "title": "Pool", "back": "handoff:draft"}
    return render(request, "handoff/settings_form.html", context, status=422 if form.is_bound else 200)


@requires("routing.edit")
@require_POST
def pool_remove(request: HttpRequest, place: int) -> HttpResponse:
    """Take a pool out of the draft, unless something uses it: then say what."""
    draft, user = _draft(), _user(request)
    document = deepcopy(draft.document)
    row = _row(document["pools"], place)
    if row is None or not _may_change(user, row):
        raise Http404
    if uses := versions.uses_of_pool(document, row["name"]):
        messages.error(request, f"“{row['name']}” is used by {', '.join(uses)}. Change that first.")
        return redirect("handoff:draft")
    document["pools"].remove(row)
    return _change(request, draft, document, f"“{row['name']}” is out of the draft.")


@requires("routing.edit")
@require_POST
def draft_discard(request: HttpRequest) -> HttpResponse:
    versions.discard(_draft(), _user(request), clock.now())
    messages.success(request, "The draft is discarded. Nothing changed.")
    return redirect("handoff:routing")


@requires("routing.edit")
@require_POST
def draft_publish(request: HttpRequest) -> HttpResponse:
    draft, form = _draft(), PublishForm(request.POST)
    if not form.is_valid():
        return _show(request, draft, form)
    if request.POST.get("revision", "") != str(draft.revision):
        form.add_error(None, "The draft was changed since you opened this page. Look at the changes again.")
        return _show(request, draft, form)
    try:
        versions.publish(draft, _user(request), form.cleaned_data["note"], clock.now())
    except (Invalid, HandoffConflict) as refused:
        form.add_error(None, str(refused))
        return _show(request, draft, form)
    messages.success(request, f"Routing {draft.number} is live. What waits is routed anew.")
    return redirect("handoff:routing")


@requires("routing.edit")
@require_POST
def replay_start(request: HttpRequest) -> HttpResponse:
    draft, form = _draft(), ReplayForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Give a number of days from 1 to {replays.MOST_DAYS}.")
        return redirect("handoff:draft")
    asked = replays.request(draft, form.cleaned_data["days"], _user(request), clock.now())
    return redirect("handoff:replay", asked.pk)


@requires("routing.edit")
@require_safe
def replay_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What a replay found, or how far it is: the page asks again by itself until it is done."""
    replay = get_object_or_404(RoutingReplay.objects.select_related("version", "requested_by"), pk=pk)
    context = {"replay": replay, "result": replay.result}
    if request.headers.get("HX-Request") != "true":
        return render(request, "handoff/replay.html", context)
    if not replay.finished_at:
        return render(request, "handoff/_replay_progress.html", context)
    return HttpResponse(headers={"HX-Refresh": "true"})


@requires("routing.read")
@require_safe
def version_page(request: HttpRequest, number: int) -> HttpResponse:
    """An earlier routing, in words, and how it differs from the one in force."""
    version = get_object_or_404(RoutingVersion.objects.select_related("published_by"), number=number)
    names, user = _names(), _user(request)
    if version.status == RoutingVersion.Status.DRAFT and not can(user, "routing.edit"):
        raise PermissionDenied
    context = {
        "version": version,
        "rules": [(rule, versions.rule_words(rule, names)) for rule in version.document["rules"]],
        "pools": [(pool, versions.pool_words(pool, names)) for pool in version.document["pools"]],
        "changes": versions.differences(versions.document_of_rows(), versions.mended(version.document)),
        "may_edit": can(user, "routing.edit"),
    }
    return render(request, "handoff/routing_version.html", context)


@requires("routing.edit")
@require_POST
def version_back(request: HttpRequest, number: int) -> HttpResponse:
    """Make an earlier version the draft."""
    version = get_object_or_404(RoutingVersion.objects.exclude(status="draft"), number=number)
    try:
        versions.roll_back(version, _user(request), clock.now())
    except Invalid as refused:
        messages.error(request, str(refused))
        return redirect("handoff:routing")
    messages.success(request, f"Routing {number} is the draft now. Look at it, then publish it.")
    return redirect("handoff:draft")
