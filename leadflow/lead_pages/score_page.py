"""One lead's score explained: as of any day and version, how it came about, and what may come of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leads import clock
from leads.models import Definition, Lead, User
from leads.permissions import requires
from scoring.explain import breakdown, outlook
from scoring.overrides import override_on
from scoring.timeline import ScorePoint, score_timeline

SHOWN = 40


class AsOfForm(forms.Form):
    """Which day, and under which version; both may be left out."""

    on = forms.DateField(
        required=False,
        label="As of",
        widget=forms.DateInput(attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
    )
    version = forms.ModelChoiceField(
        Definition.objects.none(),
        to_field_name="version",
        required=False,
        empty_label="the live one",
        label="Under",
    )

    def __init__(self, data: Any, *, lead: Lead, today: date) -> None:
        super().__init__(data)
        self.lead, self.today = lead, today
        version = self.fields["version"]
        assert isinstance(version, forms.ModelChoiceField)
        version.queryset = Definition.objects.all()

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"] or self.today
        if on > self.today:
            raise forms.ValidationError("That day is still to come. Pick today or a day before.")
        return on


@requires("score.read")
@require_safe
def lead_score(request: HttpRequest, pk: int) -> HttpResponse:
    assert isinstance(request.user, User)
    lead = get_object_or_404(Lead.objects.visible_to(request.user), pk=pk)
    today = clock.today()
    form = AsOfForm(request.GET or None, lead=lead, today=today)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    on, version = asked.get("on") or today, asked.get("version")
    context = {
        "lead": lead,
        "form": form,
        "on": on,
        "breakdown": breakdown(lead, on, version),
        "override": override_on(lead, on),
        "points": list(reversed(_side_by_side(lead, today)))[:SHOWN],
        "outlook": outlook(lead, today),
    }
    return render(request, "leads/score.html", context, status=422 if form.errors else 200)


def _side_by_side(lead: Lead, today: date) -> list[tuple[ScorePoint, int | None]]:
    """Return the changes of the score, each with that day's score as it is known now where it differs."""
    then, now = score_timeline(lead, today), score_timeline(lead, today, hindsight=True)
    found = []
    for point in then:
        seen = [other.score for other in now if other.day <= point.day]
        found.append((point, seen[-1] if seen and seen[-1] != point.score else None))
    return found
