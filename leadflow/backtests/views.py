"""Start a back-test, watch it, read it, and see who is behind each figure."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from handoff.models import RejectionReason
from leadflow.backtests import result
from leadflow.backtests.capacity import capacity
from leads import clock
from leads.enums import DefinitionStatus
from leads.models import Definition, Lead, User
from leads.paging import BadCursor, keyset_page
from leads.permissions import can, requires
from scoring.backtest import DAYS, NoHistory
from scoring.backtest_runs import start_backtest
from scoring.documents import InvalidDocument
from scoring.models import Backtest, BacktestEntry

SHOWN = 50
SPANS = ((90, "3 months"), (180, "6 months"), (DAYS, "12 months"), (2 * DAYS, "24 months"))
Kind = BacktestEntry.Kind
# What a list of leads can be asked for, with its title.
KINDS = {
    "gained": ("Gained", Q(kind=Kind.GAINED)),
    "lost": ("Lost", Q(kind=Kind.LOST)),
    "moved": ("MQL on another day", Q(kind=Kind.MOVED)),
    "draft": ("MQLs under the draft", Q(draft_on__isnull=False)),
    "live": ("MQLs under the live rules", Q(live_on__isnull=False)),
}


class StartForm(forms.Form):
    """Which version, and how far back."""

    definition = forms.ModelChoiceField(
        Definition.objects.none(), to_field_name="version", label="Definition", empty_label=None
    )
    days = forms.TypedChoiceField(choices=SPANS, coerce=int, initial=DAYS, label="How far back")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["definition"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Definition.objects.defer("document")
        field.label_from_instance = _version_label  # type: ignore[method-assign, assignment]


def _version_label(definition: Definition) -> str:
    note = f": {definition.note[:60]}" if definition.note else ""
    return f"{definition.version}, {definition.get_status_display().lower()}{note}"


@requires("backtests.read", write="backtests.run")
@require_http_methods(["GET", "HEAD", "POST"])
def backtest_list(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    form = StartForm(request.POST or None, initial={"definition": _suggested(request)})
    if request.method == "POST" and form.is_valid():
        try:
            chosen = form.cleaned_data
            backtest = start_backtest(
                chosen["definition"], days=chosen["days"], at=clock.now(), by=request.user
            )
            return redirect("backtests:detail", backtest.pk)
        except InvalidDocument as error:
            form.add_error("definition", f"This draft is not complete yet: {error}")
        except NoHistory as error:
            form.add_error(None, str(error))
    context = {
        "form": form,
        "backtests": Backtest.objects.select_related("by").defer("document", "sweep")[:SHOWN],
        "may_run": can(request.user, "backtests.run"),
        "has_definitions": Definition.objects.exists(),
    }
    status = 422 if form.errors else 200
    return render(request, "backtests/list.html", context, status=status)


def _suggested(request: HttpRequest) -> int | None:
    """Return the version asked for, else the newest that is not live."""
    asked = request.GET.get("definition", "")
    if asked.isdecimal():
        return int(asked)
    waiting = Definition.objects.filter(status__in=[DefinitionStatus.DRAFT, DefinitionStatus.PROPOSED])
    return waiting.values_list("version", flat=True).first()


@requires("backtests.read")
@require_safe
def backtest_detail(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    backtest = get_object_or_404(Backtest.objects.select_related("by", "definition"), pk=pk)
    context: dict[str, Any] = {
        "backtest": backtest,
        "may_run": can(request.user, "backtests.run"),
        "changed_since": bool(backtest.definition and backtest.definition.document != backtest.document),
    }
    if backtest.is_running or backtest.failed:
        if request.headers.get("HX-Request") == "true" and backtest.is_running:
            return render(request, "backtests/_progress.html", context)
        return _reloaded(request, render(request, "backtests/detail.html", context))
    context |= _result(backtest, request.user, _shift(request, backtest))
    return _reloaded(request, render(request, "backtests/detail.html", context))


def _reloaded(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Have the whole page fetched anew once the bar has nothing more to show."""
    if request.headers.get("HX-Request") == "true":
        response["HX-Refresh"] = "true"
    return response


def _shift(request: HttpRequest, backtest: Backtest) -> int:
    """Return by how much the tuner's line differs from the draft's."""
    asked = request.GET.get("line", "")
    bounds = result.range_of_lines(backtest)
    if not asked or bounds is None:
        return 0
    if not asked.isdecimal() or not bounds[0] <= int(asked) <= bounds[1]:
        raise BadRequest("`line` must be a score from 0 to 100.")
    return int(asked) - bounds[2]


def _result(backtest: Backtest, user: User, shift: int) -> dict[str, Any]:
    summary, sales = backtest.summary, capacity(clock.now())
    counts = dict(backtest.entries.order_by().values_list("kind").annotate(Count("pk")))
    labels = dict(RejectionReason.objects.values_list("slug", "label"))
    bounds = result.range_of_lines(backtest)
    return {
        "summary": summary,
        "verdict": result.verdict(summary, counts),
        "tiles": result.tiles(summary, counts, reverse("backtests:leads", args=[backtest.pk])),
        "weekly": result.weekly(summary),
        "decisions": result.decisions(summary, labels),
        "loads": result.loads(summary, sales, user),
        "settings": result.tuner(backtest, sales, shift),
        "sales": sales,
        "a_week": f"{sales.a_week():.1f}",
        "days_held": f"{sales.days_held:.1f}" if sales.days_held else "",
        "line": bounds[2] + shift if bounds else None,
        "gained": _lines(_visible(backtest, "gained", user)[:8]),
        "lost": _lines(_visible(backtest, "lost", user)[:8]),
        "counts": counts,
    }


def _visible(backtest: Backtest, kind: str, user: User) -> QuerySet[BacktestEntry]:
    """Return the entries of leads the user may see, in id order."""
    rows = backtest.entries.filter(KINDS[kind][1], lead__in=Lead.objects.visible_to(user))
    return rows.select_related("lead__company").order_by("id")


def _lines(rows: Any) -> list[dict[str, Any]]:
    return [
        {
            "lead": row.lead,
            "live_on": row.live_on,
            "draft_on": row.draft_on,
            "rule": row.draft_rule or row.live_rule,
            "outcome": _outcome(row),
        }
        for row in rows
    ]


def _outcome(row: BacktestEntry) -> str:
    if row.is_won:
        return "Won"
    if row.is_sql:
        return "SQL"
    return row.decision.capitalize() or "Undecided"


@requires("backtests.read")
@require_safe
def backtest_leads(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    backtest = get_object_or_404(Backtest.objects.select_related("definition"), pk=pk)
    kind = request.GET.get("kind", "gained")
    if kind not in KINDS:
        raise BadRequest(f"`kind` must be one of {', '.join(KINDS)}.")
    rows = _visible(backtest, kind, request.user)
    try:
        page = keyset_page(rows, order=("id",), cursor=request.GET.get("cursor", ""), size=SHOWN)
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong
    labels = dict(RejectionReason.objects.values_list("slug", "label"))
    lines = _lines(page.rows)
    for line, row in zip(lines, page.rows, strict=True):
        line["reason"] = labels.get(row.reason, row.reason) if row.decision != "accepted" else ""
    return render(
        request,
        "backtests/leads.html",
        {
            "backtest": backtest,
            "title": KINDS[kind][0],
            "kinds": [(label, f"?kind={name}", name == kind) for name, (label, _) in KINDS.items()],
            "lines": lines,
            "said": f"{len(page.rows)} on this page",
            "first_url": f"?kind={kind}" if page.previous else "",
            "previous_url": f"?kind={kind}&cursor={page.previous}" if page.previous else "",
            "next_url": f"?kind={kind}&cursor={page.next}" if page.next else "",
        },
    )
