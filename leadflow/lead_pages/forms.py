"""The forms of the lead page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms

from leads.enums import Status
from leads.models import Conversation, Lead
from leads.normalise import BadEmail, normalise_email, normalise_phone


class NoteForm(forms.Form):
    text = forms.CharField(label="Note", max_length=5000, widget=forms.Textarea(attrs={"rows": 3}))
    for_sales = forms.BooleanField(label="Show it to sales with the handoff", required=False)


class ConversationForm(forms.Form):
    kind = forms.ChoiceField(label="What was it", choices=Conversation.Kind.choices)
    reached = forms.BooleanField(label="We spoke with them", required=False, initial=True)
    summary = forms.CharField(
        label="What was said", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )


class MoveForm(forms.Form):
    """Where a marketer puts a lead by hand; the door decides whether it is legal."""

    MOVES = (
        ("lead", "Lead: qualified in some manner"),
        ("mql", "MQL: hand to sales now"),
        ("nurture", "Nurture: rest until a day or a new signal"),
        ("disqualified", "Disqualify: does not fit us"),
    )
    to = forms.ChoiceField(label="Move to", choices=MOVES, widget=forms.RadioSelect)
    reason = forms.CharField(label="Reason", max_length=300)
    wake_on = forms.DateField(
        label="Wake up on", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="For nurture; 90 days from now if left empty.",
    )  # fmt: skip

    @property
    def status(self) -> str:
        to: str = self.cleaned_data["to"]
        return to if to in Status.values else Status.ACTIVE


OVERRIDE_DAYS = 30


class OverrideForm(forms.Form):
    """A score set by hand; `today` is the day it starts."""

    score = forms.IntegerField(label="Score to show", min_value=0, max_value=100)
    reason = forms.CharField(label="Reason", max_length=300)
    expires_on = forms.DateField(
        label="Expires on", widget=forms.DateInput(attrs={"type": "date"}), input_formats=["%Y-%m-%d"],
        help_text="From this day the computed score is shown again.",
    )  # fmt: skip

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        kwargs["initial"] = {"expires_on": today + timedelta(days=OVERRIDE_DAYS)}
        super().__init__(*args, **kwargs)


PROFILE_FIELDS = (
    "first_name", "last_name", "job_title", "industry", "employees", "country", "tech_stack", "data_maturity",
    "product_interest",
)  # fmt: skip


class LeadForm(forms.Form):
    """A lead by hand: an e-mail or a phone, and whatever is known. `lead` is the one being edited."""

    email = forms.CharField(label="E-mail", required=False, max_length=320)
    phone = forms.CharField(label="Phone", required=False, max_length=40)
    first_name = forms.CharField(label="First name", required=False, max_length=100)
    last_name = forms.CharField(label="Last name", required=False, max_length=100)
    company = forms.CharField(label="Company", required=False, max_length=200)
    job_title = forms.CharField(label="Job title", required=False, max_length=200)
    industry = forms.CharField(label="Industry", required=False, max_length=100)
    employees = forms.IntegerField(
        label="Company size",
        required=False,
        min_value=0,
        max_value=10_000_000,
        help_text="People, as a whole number",
    )
    country = forms.CharField(
        label="Country", required=False, max_length=60, help_text="Its name or two letters, for example DE"
    )
    tech_stack = forms.CharField(
        label="Tech stack", required=False, max_length=500, help_text="Words with commas between"
    )
    data_maturity = forms.CharField(label="Data maturity", required=False, max_length=50)
    product_interest = forms.CharField(label="Product interest", required=False, max_length=100)

    def __init__(self, *args: Any, lead: Lead | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lead = lead
        if lead is not None:
            for name in ("email", "company"):
                del self.fields[name]
            self.fields["version"] = forms.IntegerField(widget=forms.HiddenInput)

    def clean_email(self) -> str:
        try:
            return normalise_email(self.cleaned_data["email"]) if self.cleaned_data["email"] else ""
        except BadEmail as wrong:
            raise forms.ValidationError(str(wrong)) from wrong

    def clean_phone(self) -> str:
        return normalise_phone(self.cleaned_data["phone"])

    def clean(self) -> dict[str, Any]:
        reachable = self.cleaned_data.get("email") or self.cleaned_data.get("phone") or "email" in self.errors
        if self.lead is None and not reachable:
            self.add_error("email", "Give an e-mail address or a phone number, so that we can reach them.")
        return self.cleaned_data
