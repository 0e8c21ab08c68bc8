"""Forms for routing rules, pools, reps and rejection reasons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import slugify

from handoff.models import Pool, PoolMember, RejectionReason, Rep, RoutingRule
from leads.models import User

# Conditions of a rule: name, label, whether a number.
CONDITIONS = (
    ("country", "Countries", "Two letters each: DE, AT, CH"),
    ("region", "Regions", "nordics, dach, benelux, uk_ireland, north_america …"),
    ("industry", "Industries", ""),
    ("product_interest", "Product interest", ""),
    ("source", "Sources", ""),
    ("campaign", "Campaigns", ""),
    ("company", "Named accounts", "Domains of the companies, for example nordhavn.example"),
)


def words(text: str) -> list[str]:
    """Return the entries of a text with commas or lines between, each once."""
    return list(dict.fromkeys(one.strip() for one in text.replace("\n", ",").split(",") if one.strip()))


class RuleForm(forms.ModelForm):
    min_score = forms.IntegerField(label="Score at least", required=False, min_value=0, max_value=1000)
    to_rep = forms.ModelChoiceField(Rep.objects.none(), label="Or to one person", required=False)

    class Meta:
        model = RoutingRule
        fields = ("name", "position", "pool", "is_active")
        labels = {"position": "Place in the order", "pool": "To the pool", "is_active": "In use"}
        help_texts = {"position": "The first rule whose conditions all hold takes the lead."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pool"].required = False
        self.fields["to_rep"].queryset = Rep.objects.select_related("user")  # type: ignore[attr-defined]
        self.fields["to_rep"].initial = self.instance.rep_id
        conditions = self.instance.conditions or {}
        self.fields["min_score"].initial = conditions.get("min_score")
        for name, label, hint in CONDITIONS:
            self.fields[name] = forms.CharField(
                label=label,
                required=False,
                max_length=2000,
                help_text=hint,
                initial=", ".join(conditions.get(name, [])),
            )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("pool")) == bool(data.get("to_rep")):
            self.add_error("pool", "Choose either a pool or one person.")
        self.instance.rep = data.get("to_rep")
        conditions: dict[str, Any] = {name: words(data[name]) for name, _, _ in CONDITIONS if data.get(name)}
        if data.get("min_score") is not None:
            conditions["min_score"] = data["min_score"]
        self.instance.conditions = conditions
        return data


class PoolForm(forms.ModelForm):
    """A pool and the weight of each rep in it; an empty weight leaves the rep out."""

    class Meta:
        model = Pool
        fields = ("name", "team", "is_active")
        labels = {"is_active": "In use"}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reps = Rep.objects.select_related("user").order_by("user__name")
        if user.is_manager:
            reps = reps.filter(user__team=user.team)
            self.fields["team"].queryset = self.fields["team"].queryset.filter(pk=user.team_id)  # type: ignore[attr-defined]
        weights = dict(self.instance.members.values_list("rep_id", "weight")) if self.instance.pk else {}
        self.reps = list(reps)
        for rep in self.reps:
            self.fields[f"weight_{rep.pk}"] = forms.IntegerField(
                label=f"Weight of {rep.user}",
                required=False,
                min_value=1,
                max_value=100,
                initial=weights.get(rep.pk),
            )

    def save(self, commit: bool = True) -> Pool:
        pool: Pool = super().save(commit)
        for rep in self.reps:
            weight = self.cleaned_data.get(f"weight_{rep.pk}")
            if weight:
                PoolMember.objects.update_or_create(pool=pool, rep=rep, defaults={"weight": weight})
            else:
                PoolMember.objects.filter(pool=pool, rep=rep).delete()
        return pool


class RepForm(forms.ModelForm):
    territory = forms.CharField(
        label="Territories",
        required=False,
        max_length=500,
        help_text="Countries or regions with commas between; empty takes any.",
    )

    class Meta:
        model = Rep
        fields = ("capacity", "is_available", "away_until", "calendar")
        labels = {"is_available": "Taking leads", "away_until": "Away until", "calendar": "Working hours"}
        help_texts = {
            "capacity": "Seats: offers, and accepted leads without first contact that are not deferred."
        }
        widgets = {"away_until": forms.DateInput(attrs={"type": "date"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["territory"].initial = ", ".join(self.instance.territories or [])
        self.fields["capacity"].max_value = 1000  # type: ignore[attr-defined]

    def clean_capacity(self) -> int:
        capacity: int = self.cleaned_data["capacity"]
        if capacity > 1000:
            raise forms.ValidationError(
                "A capacity of more than 1,000 is no limit. Give a number up to 1,000."
            )
        return capacity

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.instance.territories = words(data.get("territory", ""))
        return data


class ReasonForm(forms.ModelForm):
    class Meta:
        model = RejectionReason
        fields = (
            "label",
            "next_path",
            "nurture_days",
            "gives_turn_back",
            "needs_note",
            "position",
            "is_active",
        )
        labels = {
            "label": "Reason", "next_path": "What happens next", "nurture_days": "Days in nurture",
            "needs_note": "Asks for a sentence", "gives_turn_back": "A bad lead: the rep gets another turn",
            "position": "Place in the list", "is_active": "In use",
        }  # fmt: skip

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"].strip()
        slug = slugify(label)[:50]
        if not slug:
            raise forms.ValidationError("A reason needs at least one letter or digit.")
        if not self.instance.pk and RejectionReason.objects.filter(slug=slug).exists():
            raise forms.ValidationError("There is such a reason already.")
        return label

    def save(self, commit: bool = True) -> RejectionReason:
        reason: RejectionReason = super().save(commit=False)
        reason.slug = reason.slug or slugify(reason.label)[:50]
        if commit:
            reason.save()
        return reason
