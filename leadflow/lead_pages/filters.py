"""The filters and orders of the queue page, read from its address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict

from leads.enums import Stage, Status
from leads.models import User
from leads.models.people import LeadQuerySet
from leads.search import BadQuery, check_query, matching

ORDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "score": ("by score", ("-shown_score", "-id")),
    "created": ("newest first", ("-created_at", "-id")),
    "seen": ("last signal first", ("-last_seen_at", "-id")),
    "rising": ("rising fastest first", ("-momentum", "-id")),
    "falling": ("falling fastest first", ("momentum", "id")),
    "name": ("by name", ("last_name", "id")),
}
GRADES = [("A", "A"), ("B", "A or B"), ("C", "A, B or C")]
SEEN = [(1, "today"), (7, "7 days"), (14, "14 days"), (30, "30 days"), (90, "90 days")]
BY_HAND = [("yes", "Yes"), ("no", "No")]
TRENDS = [("rising", "Rising"), ("falling", "Falling")]


class FilterForm(forms.Form):
    """Every filter is optional; a repeated parameter is an error, so that an address has one meaning."""

    q = forms.CharField(label="Name, e-mail or company", required=False, max_length=200)
    stage = forms.ChoiceField(label="Stage", required=False, choices=[("", "Any"), *Stage.choices])
    status = forms.ChoiceField(label="Status", required=False, choices=[("", "Any"), *Status.choices])
    grade = forms.ChoiceField(label="Fit", required=False, choices=[("", "Any"), *GRADES])
    score_min = forms.IntegerField(label="Score from", required=False, min_value=0, max_value=1000)
    score_max = forms.IntegerField(label="Score to", required=False, min_value=0, max_value=1000)
    by_hand = forms.ChoiceField(label="Set by hand", required=False, choices=[("", "Any"), *BY_HAND])
    trend = forms.ChoiceField(label="Momentum", required=False, choices=[("", "Any"), *TRENDS])
    seen = forms.TypedChoiceField(
        label="Last signal within", required=False, coerce=int, empty_value=None,
        choices=[("", "Any time"), *SEEN],
    )  # fmt: skip
    source = forms.CharField(label="Source", required=False, max_length=100)
    campaign = forms.CharField(label="Campaign", required=False, max_length=150)
    owner = forms.TypedChoiceField(label="Owner", required=False, coerce=int, empty_value=None)

    def __init__(self, data: QueryDict, user: User) -> None:
        super().__init__(data)
        owners = User.objects.filter(role="rep", is_active=True)
        owners = owners.filter(team=user.team) if user.is_manager else owners
        self.has_owner = not user.is_rep
        if self.has_owner:
            choices = [(0, "Nobody"), *owners.values_list("pk", "name")]
            self.fields["owner"].choices = [("", "Anybody"), *choices]  # type: ignore[attr-defined]
        else:
            del self.fields["owner"]

    def clean(self) -> dict[str, Any]:
        for name in self.fields:
            if isinstance(self.data, QueryDict) and len(self.data.getlist(name)) > 1:
                self.add_error(name, "Give this filter once.")
        low, high = self.cleaned_data.get("score_min"), self.cleaned_data.get("score_max")
        if low is not None and high is not None and low > high:
            self.add_error("score_max", f"The score cannot be at most {high} and at least {low}.")
        return self.cleaned_data

    def apply(self, leads: LeadQuerySet, at: datetime) -> LeadQuerySet:
        """Keep the leads the valid form asks for."""
        wanted = self.cleaned_data
        leads = leads.filter(**{name: wanted[name] for name in ("stage", "status") if wanted.get(name)})
        leads = leads.filter(
            **{f"{name}__iexact": wanted[name] for name in ("source", "campaign") if wanted.get(name)}
        )
        if wanted.get("grade"):
            leads = leads.filter(grade__lte=wanted["grade"])
        if wanted.get("score_min") is not None:
            leads = leads.filter(shown_score__gte=wanted["score_min"])
        if wanted.get("score_max") is not None:
            leads = leads.filter(shown_score__lte=wanted["score_max"])
        if wanted.get("by_hand"):
            leads = leads.filter(override_score__isnull=wanted["by_hand"] == "no")
        if wanted.get("trend"):
            leads = leads.filter(Q(momentum__gt=0) if wanted["trend"] == "rising" else Q(momentum__lt=0))
        if wanted.get("seen"):
            leads = leads.filter(last_seen_at__gte=at - timedelta(days=wanted["seen"]))
        if wanted.get("owner") is not None:
            leads = leads.filter(owner_id=wanted["owner"] or None)
        return matching(leads, wanted["q"]) if wanted.get("q") else leads

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"]
        try:
            check_query(text)
        except BadQuery as wrong:
            raise forms.ValidationError(str(wrong)) from wrong
        return text

    def chips(self) -> list[dict[str, str]]:
        """Return each filter in force as label, value in words and the address without it."""
        return [
            {
                "label": str(self.fields[name].label),
                "value": self._words(name),
                "without": without(self.data, name),
            }
            for name in self.fields
            if self.cleaned_data.get(name) not in (None, "")
        ]

    def _words(self, name: str) -> str:
        value = self.cleaned_data[name]
        choices = dict(getattr(self.fields[name], "choices", []))
        return str(choices.get(value, choices.get(str(value), value)))


def without(query: Any, *names: str, **changed: str) -> str:
    """Return the address of this queue with some parameters dropped or changed, back on its first page."""
    rest = query.copy()
    for name in ("cursor", *names, *changed):
        rest.pop(name, None)
    for name, value in changed.items():
        rest[name] = value
    return f"?{rest.urlencode()}"
