"""What a rep or manager fills in to decide about a handoff."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms

from handoff.models import NextPath, RejectionReason, Rep

PATHS = {
    NextPath.NURTURE: "Nurture. Wakes on a new signal or in {days} days.",
    NextPath.DISQUALIFY: "Disqualified: no rule promotes them again.",
    NextPath.FIX_DATA: "Back to marketing, who mend the data.",
    NextPath.REROUTE: "Offered to another rep.",
}
MISSING = [
    ("contact", "A way to reach them"),
    ("role", "Their role in the decision"),
    ("need", "What they want to solve"),
    ("company", "Which company they are at"),
]


class Label(str):
    """A choice's label that carries its consequence."""

    hint = ""

    def __new__(cls, text: str, hint: str) -> Label:
        label = super().__new__(cls, text)
        label.hint = hint
        return label


def _moment(label: str, **kwargs: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, widget=widget, **kwargs)


class AcceptForm(forms.Form):
    next_step = forms.CharField(label="Next step", required=False, max_length=300)
    next_step_at = _moment("When", required=False)


class RejectForm(forms.Form):
    reason = forms.ModelChoiceField(
        RejectionReason.objects.none(), label="What is wrong with this lead?", to_field_name="slug",
        widget=forms.RadioSelect, empty_label=None,
        error_messages={"required": "Choose a reason: it decides what happens to this lead next."},
    )  # fmt: skip
    missing = forms.MultipleChoiceField(
        label="If the data must be mended: what?", required=False, choices=MISSING,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    note = forms.CharField(
        label="What did you learn?", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons = RejectionReason.objects.filter(is_active=True)
        field = self.fields["reason"]
        field.queryset = reasons  # type: ignore[attr-defined]
        field.choices = [(reason.slug, Label(reason.label, _consequence(reason))) for reason in reasons]  # type: ignore[attr-defined]


def _consequence(reason: RejectionReason) -> str:
    return PATHS[NextPath(reason.next_path)].format(days=reason.nurture_days)


class ReturnForm(forms.Form):
    missing = forms.MultipleChoiceField(
        label="What is missing?", choices=MISSING, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Say what is missing, so that marketing can mend it."},
    )  # fmt: skip
    note = forms.CharField(
        label="In your words", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


class DeferForm(forms.Form):
    until = forms.DateField(label="Comes back on", widget=forms.DateInput(attrs={"type": "date"}))
    next_step = forms.CharField(label="Soft next step", max_length=300)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["until"].initial = today + timedelta(days=14)

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until <= self.today:
            raise forms.ValidationError("Pick a day after today.")
        if until > self.today + timedelta(days=366):
            raise forms.ValidationError("Pick a day within the next year.")
        return until


class ReassignForm(forms.Form):
    rep = forms.ModelChoiceField(Rep.objects.none(), label="To")
    reason = forms.CharField(label="Why", max_length=300)
    override = forms.BooleanField(label="Even if they are at capacity", required=False)

    def __init__(self, *args: Any, reps: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rep"].queryset = reps  # type: ignore[attr-defined]


class OpportunityForm(forms.Form):
    name = forms.CharField(label="Name", max_length=200)
    amount = forms.DecimalField(label="Amount", required=False, min_value=0, max_digits=12, decimal_places=2)
    currency = forms.CharField(label="Currency", min_length=3, max_length=3)
    close_on = forms.DateField(label="Expected close", widget=forms.DateInput(attrs={"type": "date"}))

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"].upper()
        if not currency.isascii() or not currency.isalpha():
            raise forms.ValidationError("Write the currency as three letters, for example EUR.")
        return currency


class CloseForm(forms.Form):
    outcome = forms.ChoiceField(
        label="How did it end?", choices=[("won", "Won"), ("lost", "Lost")], widget=forms.RadioSelect
    )
    reason = forms.CharField(label="Why", required=False, max_length=200)
