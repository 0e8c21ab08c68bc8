"""Forms of a routing draft: its rules, its pools, trying it and publishing it."""

from __future__ import annotations

from typing import Any

from django import forms

from handoff.errors import Invalid
from handoff.manager_forms import CONDITIONS, words
from handoff.models import Rep
from handoff.replays import MOST_DAYS
from handoff.rules import check_conditions
from handoff.versions import Document
from leads.models import Team, User


class RuleForm(forms.Form):
    """One rule of a draft; `row` holds it as the document does."""

    name = forms.CharField(label="Name", max_length=100)
    pool = forms.ChoiceField(label="To the pool", required=False)
    rep = forms.ModelChoiceField(
        Rep.objects.none(), label="Or to one person", required=False, empty_label="Nobody in particular"
    )
    is_active = forms.BooleanField(label="In use", required=False, initial=True)
    min_score = forms.IntegerField(label="Score at least", required=False, min_value=0, max_value=100)

    def __init__(self, data: Any = None, *, document: Document, row: dict[str, Any] | None = None) -> None:
        self.row = row or {
            "id": None,
            "name": "",
            "conditions": {},
            "pool": None,
            "rep": None,
            "is_active": True,
        }
        conditions = self.row["conditions"]
        super().__init__(data, initial={**self.row, "min_score": conditions.get("min_score")})
        pools = [(pool["name"], pool["name"]) for pool in document["pools"]]
        self.fields["pool"].choices = [("", "No pool"), *pools]  # type: ignore[attr-defined]
        self.fields["rep"].queryset = Rep.objects.select_related("user").order_by("user__name")  # type: ignore[attr-defined]
        for name, label, hint in CONDITIONS:
            self.fields[name] = forms.CharField(
                label=label, required=False, max_length=2000, help_text=hint,
                initial=", ".join(conditions.get(name, [])),
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("pool")) == bool(data.get("rep")):
            self.add_error("pool", "Choose either a pool or one person.")
        conditions: dict[str, Any] = {name: words(data[name]) for name, _, _ in CONDITIONS if data.get(name)}
        if data.get("min_score") is not None:
            conditions["min_score"] = data["min_score"]
        try:
            check_conditions(conditions)
        except Invalid as wrong:
            for field, problem in wrong.problems.items():
                self.add_error(field if field in self.fields else None, problem)
        rep = data.get("rep")
        self.row = {
            "id": self.row["id"], "name": data.get("name", ""), "conditions": conditions,
            "pool": data.get("pool") or None, "rep": rep.pk if rep else None, "is_active": data.get("is_active", False),
        }  # fmt: skip
        return data


class PoolForm(forms.Form):
    """One pool of a draft, with the weight of each member and how many leads they take at once.

    A manager changes the members of the own team; others stay as they are.
    """

    name = forms.CharField(label="Name", max_length=100)
    team = forms.ModelChoiceField(Team.objects.none(), label="Team", empty_label=None)
    is_active = forms.BooleanField(label="In use", required=False, initial=True)

    def __init__(
        self, data: Any = None, *, document: Document, user: User, row: dict[str, Any] | None = None
    ) -> None:
        self.row = row or {"id": None, "name": "", "team": user.team_id, "is_active": True, "members": {}}
        super().__init__(data, initial=self.row)
        self.others = {pool["name"].lower() for pool in document["pools"] if pool is not row}
        teams, reps = Team.objects.order_by("name"), Rep.objects.select_related("user").order_by("user__name")
        if user.is_manager:
            teams, reps = teams.filter(users=user), reps.filter(user__team=user.team)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        self.reps, self.capacity = list(reps.filter(user__is_active=True)), dict(document["capacity"])
        for rep in self.reps:
            self._add_fields(rep)
        # Two columns on a page: a weight stands beside its capacity.
        self.order_fields(
            ["name", "team", *(name for name in self.fields if "_" in name and name != "is_active")]
        )

    def _add_fields(self, rep: Rep) -> None:
        key = str(rep.pk)
        self.fields[f"weight_{key}"] = forms.IntegerField(
            label=f"Weight of {rep.user}", required=False, min_value=1, max_value=100,
            initial=self.row["members"].get(key), help_text="Empty: not in this pool.",
        )  # fmt: skip
        self.fields[f"capacity_{key}"] = forms.IntegerField(
            label=f"Leads {rep.user} takes at once", min_value=0, max_value=1000,
            initial=self.capacity.get(key, rep.capacity),
        )  # fmt: skip

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if name.lower() in self.others:
            raise forms.ValidationError("There is such a pool already.")
        return name

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        members = dict(self.row["members"])
        for rep in self.reps:
            members.pop(str(rep.pk), None)
            if data.get(f"weight_{rep.pk}"):
                members[str(rep.pk)] = data[f"weight_{rep.pk}"]
            if data.get(f"capacity_{rep.pk}") is not None:
                self.capacity[str(rep.pk)] = data[f"capacity_{rep.pk}"]
        team = data.get("team")
        self.row = {
            "id": self.row["id"], "name": data.get("name", ""), "team": team.pk if team else None,
            "is_active": data.get("is_active", False), "members": members,
        }  # fmt: skip
        return data


class PreviewForm(forms.Form):
    email = forms.EmailField(label="E-mail of a lead", required=False)


class ReplayForm(forms.Form):
    days = forms.IntegerField(label="Days back", min_value=1, max_value=MOST_DAYS, initial=90)


class PublishForm(forms.Form):
    note = forms.CharField(label="Why", max_length=300, help_text="Stands in the history of versions.")
