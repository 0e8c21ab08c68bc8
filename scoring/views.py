"""The Definitions page: the live rules in plain words, and every version there was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leads.definitions import live_definition
from leads.enums import ApprovalSide, DefinitionStatus
from leads.models import Definition, Organisation, User
from leads.permissions import can, requires
from scoring.backtest import DAYS
from scoring.backtest_runs import tried
from scoring.differences import differences
from scoring.engine import SignalFacts
from scoring.life import why_not_approve
from scoring.live import Catalogue, rules_of
from scoring.passes import under_way
from scoring.plain_words import in_words
from scoring.scenarios import run_scenarios


@requires("definitions.read")
@require_safe
def definitions(request: HttpRequest, version: int | None = None) -> HttpResponse:
    """Show one version, the live one unless named."""
    shown = live_definition() if version is None else get_object_or_404(Definition, version=version)
    rulebook = rules_of(shown).rulebook if shown else None
    signals = Catalogue.load().facts
    context = {
        **_state(request, shown, signals),
        "definition": shown,
        "words": in_words(rulebook, signals) if rulebook else None,
        "outcomes": run_scenarios(rulebook, signals) if rulebook else [],
        "versions": Definition.objects.exclude(status="discarded").select_related("author").defer("document"),
        **past_of(shown, request.user),
        "running": under_way(),
    }
    return render(request, "scoring/definitions.html", context)


@requires("definitions.read")
@require_safe
def progress(request: HttpRequest) -> HttpResponse:
    """Return the banner of the pass under way, for pages that show it."""
    return render(request, "scoring/_progress.html", {"running": under_way(), "was_running": True})


def _state(
    request: HttpRequest, shown: Definition | None, signals: Mapping[str, SignalFacts]
) -> dict[str, Any]:
    """Return how far a version is in its life, and what it says differently from another."""
    user = request.user
    assert isinstance(user, User)
    if shown is None:
        return {"may_edit": can(user, "definitions.edit")}
    against = _against(request, shown)
    approvals = list(shown.approvals.select_related("by"))
    needed = Organisation.current().needs_approvals
    return {
        "may_edit": can(user, "definitions.edit"),
        "may_set_approvals": can(user, "organisation.manage"),
        "may_withdraw": can(user, "definitions.withdraw") and shown.status == DefinitionStatus.PROPOSED,
        "may_publish": can(user, "definitions.edit")
        and shown.status == DefinitionStatus.PROPOSED
        and (not needed or len(approvals) == len(ApprovalSide.values)),
        "approvable": [side for side in ApprovalSide.values if _may_approve(shown, side, user)],
        "approvals": {approval.side: approval for approval in approvals},
        "against": against,
        "changes": differences(rules_of(against).rulebook, rules_of(shown).rulebook, signals)
        if against
        else [],
    }


def past_of(shown: Definition | None, user: Any) -> dict[str, Any]:
    """Return what the panel of a version's back-tests shows to this user."""
    if shown is None or not can(user, "backtests.read"):
        return {"may_backtest": False}
    return {
        "may_backtest": True,
        "may_run": can(user, "backtests.run"),
        "tried": tried(shown),
        "backtest_days": DAYS,
    }


def _may_approve(shown: Definition, side: str, user: User) -> bool:
    return shown.status == DefinitionStatus.PROPOSED and not why_not_approve(shown, side, user)


def _against(request: HttpRequest, shown: Definition) -> Definition | None:
    """Return the version to compare with: the one asked for, the live one, or the one before."""
    asked = request.GET.get("against", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return Definition.objects.filter(version=int(asked)).exclude(pk=shown.pk).first()
    if shown.is_open:
        return live_definition()
    earlier = (
        Definition.objects.filter(live_from__lt=shown.live_from)
        if shown.live_from
        else Definition.objects.none()
    )
    return earlier.order_by("-live_from").first()
