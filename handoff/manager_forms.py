"""Forms for routing rules, pools, reps and rejection reasons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import slugify

from handoff.models import RejectionReason, Rep

# Conditions of a rule: name, label, whether a number.
CONDITIONS = (
    ("country", "Countries", "Two letters each: DE, AT, CH"),
    ("region", "Regions", "nordics, dach, benelux, uk_ireland, north_america …"),
    ("industry", "Industries", ""),
    ("product_interest", "Product interest", ""),
    ("source", "Sources", ""),
    ("campaign", "Campaigns", ""),
    ("segment", "Segments", "As the definition names them"),
    ("company", "Named accounts", "Domains of the companies, for example nordhavn.example"),
)


def words(text: str) -> list[str]:
    """Return the entries of a text with commas or lines between, each once."""
    return list(dict.fromkeys(one.strip() for one in text.replace("\n", ",").split(",") if one.strip()))


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
