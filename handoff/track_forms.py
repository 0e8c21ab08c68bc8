"""The form of a nurture track."""

from __future__ import annotations

from typing import Any

from django import forms

from handoff.models import NextPath, RejectionReason
from leads.definitions import live_definition
from leads.models import NurtureTrack, Signal


class TrackForm(forms.ModelForm):
    """A nurture track; which MQL rules there are, the live definition says."""

    rules = forms.MultipleChoiceField(
        label="For MQLs by",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked takes any.",
    )
    reasons = forms.MultipleChoiceField(
        label="Turned down for", required=False, widget=forms.CheckboxSelectMultiple,
        help_text="None ticked takes any.",
    )  # fmt: skip
    wake_signal = forms.ChoiceField(label="Wakes on the signal", required=False)

    class Meta:
        model = NurtureTrack
        fields = (
            "name", "purpose", "rules", "reasons", "wakes_by_date", "days", "wake_signal", "position", "is_active",
        )  # fmt: skip
        labels = {
            "purpose": "What they get meanwhile", "wakes_by_date": "Comes back on a day, too",
            "days": "Days until then", "position": "Place in the order", "is_active": "In use",
        }  # fmt: skip
        help_texts = {
            "days": "Left empty, as many as the rejection reason says.",
            "position": "The first track that fits is taken.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons = RejectionReason.objects.filter(next_path=NextPath.NURTURE, is_active=True)
        self._offer("rules", mql_rules())
        self._offer("reasons", list(reasons.values_list("slug", "label")))
        signals = Signal.objects.filter(is_active=True).order_by("label").values_list("slug", "label")
        self._offer("wake_signal", [("", "Any that shows intent"), *signals])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Offer these, and what was chosen before even where it is no longer there."""
        chosen = getattr(self.instance, name)
        known = {value for value, _ in choices}
        gone = [one for one in ([chosen] if isinstance(chosen, str) else chosen) if one not in known]
        self.fields[name].choices = [*choices, *((one, f"{one} (no longer there)") for one in gone)]  # type: ignore[attr-defined]

    def clean_days(self) -> int | None:
        days: int | None = self.cleaned_data["days"]
        if days is not None and not 1 <= days <= 730:
            raise forms.ValidationError("Give 1 to 730 days, or leave it empty.")
        return days

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("wakes_by_date") and not data.get("wake_signal"):
            self.add_error("wakes_by_date", "Nobody rests for ever: let a day or a certain signal wake them.")
        return data


def mql_rules() -> list[tuple[str, str]]:
    """Return id and label of each MQL rule set of the live definition, and those by hand."""
    definition = live_definition()
    rule_sets = definition.document.get("mql", {}).get("rule_sets", []) if definition else []
    return [*((one["id"], one["label"]) for one in rule_sets), ("manual", "By hand")]
