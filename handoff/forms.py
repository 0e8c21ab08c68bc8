"""What a rep or manager fills in to decide about a handoff."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django import forms

from handoff import sentences
from handoff.models import NextPath, RejectionReason, Rep
from handoff.outcomes import MISSING
from leads import nurture
from leads.models import NurtureTrack

PATHS = {
    NextPath.DISQUALIFY: "Disqualified: no rule promotes them again.",
    NextPath.FIX_DATA: "Back to marketing, who mend the data.",
    NextPath.REROUTE: "Offered to another rep; back to you, once, only if nobody else can take it.",
}


class Label(str):
    """A choice's label that carries its consequence."""

    hint = ""

    def __new__(cls, text: str, hint: str = "") -> Label:
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
        label="If the data must be mended: what?", required=False, choices=list(MISSING.items()),
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    note = forms.CharField(
        label="What did you learn?", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    wake_on = forms.DateField(
        label="If they are nurtured: look again on", required=False,
        widget=forms.DateInput(attrs={"type": "date"}), help_text="Left empty, the day named beside the reason.",
    )  # fmt: skip

    def __init__(self, *args: Any, rule: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reasons, tracks = RejectionReason.objects.filter(is_active=True), nurture.active_tracks()
        field = self.fields["reason"]
        field.queryset = reasons  # type: ignore[attr-defined]
        field.choices = [  # type: ignore[attr-defined]
            (reason.slug, Label(reason.label, _consequence(reason, tracks, rule, today)))
            for reason in reasons
        ]


def _consequence(reason: RejectionReason, tracks: list[NurtureTrack], rule: str, today: date) -> str:
    """Say what follows from a reason for a lead that `rule` made an MQL."""
    if reason.next_path != NextPath.NURTURE:
        return PATHS[NextPath(reason.next_path)]
    track = nurture.choose(tracks, rule, reason.slug)
    day = track.wake_on(today, reason.nurture_days) if track else today + timedelta(days=reason.nurture_days)
    signal = f"“{track.wake_signal.replace('_', ' ')}”" if track and track.wake_signal else "a new signal"
    until = f"on {signal} or on {sentences.day(day, today)}" if day else f"on {signal}"
    return f"Nurture{f', {track}' if track else ''}. Wakes {until}."


class ReturnForm(forms.Form):
    missing = forms.MultipleChoiceField(
        label="What is missing?", choices=list(MISSING.items()), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Say what is missing, so that marketing can mend it."},
    )  # fmt: skip
    note = forms.CharField(
        label="In your words", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


# Soft next steps a deferred lead comes back for, with the days after which each is usual.
SOFT_STEPS = {
    "Education call": ("Explain how others solve it; no selling.", 14),
    "Technical follow-up": ("Answer what their engineers asked.", 7),
    "Check-in": ("Ask whether the plan still stands.", 30),
}


class DeferForm(forms.Form):
    """A day and a soft next step: one of the usual ones, own words, or both."""

    step = forms.ChoiceField(
        label="Soft next step", required=False, widget=forms.RadioSelect,
        choices=[(name, Label(name, f"{what} Usually in {days} days.")) for name, (what, days) in SOFT_STEPS.items()],
    )  # fmt: skip
    next_step = forms.CharField(label="In your words", required=False, max_length=250)
    until = forms.DateField(
        label="Comes back on", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Left empty, the usual day of the step.",
    )  # fmt: skip

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_until(self) -> date | None:
        until: date | None = self.cleaned_data["until"]
        if until and until <= self.today:
            raise forms.ValidationError("Pick a day after today.")
        if until and until > self.today + timedelta(days=365):
            raise forms.ValidationError("Pick a day within the next year. Later than that is for nurture.")
        return until

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        step, words = data.get("step") or "", (data.get("next_step") or "").strip()
        if not (step or words) and "step" not in self.errors:
            self.add_error("step", "Say what happens next, however small.")
        data["next_step"] = ": ".join(filter(None, [step, words]))
        if not data.get("until") and "until" not in self.errors:
            data["until"] = self.today + timedelta(days=SOFT_STEPS[step][1] if step in SOFT_STEPS else 14)
        return data


def _choose_from(field: forms.Field, reps: Any, states: Mapping[int, str]) -> None:
    """Offer these reps, each with what `states` says of them by id."""

    def label(rep: Rep) -> str:
        return f"{rep}, {states[rep.pk]}"

    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = reps
    field.label_from_instance = label  # type: ignore[method-assign, assignment]


class ReassignForm(forms.Form):
    """Who gets the lead instead; `states` say of each rep, by id, what stands beside the name."""

    rep = forms.ModelChoiceField(Rep.objects.none(), label="To")
    reason = forms.CharField(label="Why", max_length=300)
    override = forms.BooleanField(label="Even if they are at capacity", required=False)

    def __init__(self, *args: Any, reps: Any, states: Mapping[int, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self.fields["rep"], reps, states)


class ReassignManyForm(forms.Form):
    # Part of the board's form, whose other buttons need none of this.
    use_required_attribute = False

    rep = forms.ModelChoiceField(Rep.objects.none(), label="To", empty_label="Choose a rep")
    reason = forms.CharField(
        label="Why", max_length=140, help_text="For the reps who lose them and the one who gets them."
    )
    beyond = forms.CharField(
        label="Why beyond their capacity", max_length=140, required=False,
        help_text="Empty: once every seat is taken, the others stay as they are.",
    )  # fmt: skip

    def __init__(self, *args: Any, reps: Any, states: Mapping[int, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self.fields["rep"], reps, states)


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
