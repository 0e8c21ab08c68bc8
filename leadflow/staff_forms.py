"""Forms for users and API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from handoff.models import Rep
from leads.enums import Role
from leads.models import Team, User
from leads.permissions import SCOPES

SCOPE_WORDS = {
    "leads:read": "Read leads, without e-mail address and phone",
    "leads:read_pii": "Read e-mail addresses, phones and notes too",
    "leads:write": "Add and change leads, log conversations",
    "leads:export": "Export leads",
    "opps:write": "Qualify to SQL, open and close opportunities",
    "events:read": "Read events",
    "events:write": "Send events, and read nothing",
    "rules:read": "Read definitions, signals and reasons",
    "forms:submit": "Submit forms",
    "handoffs:read": "Read handoffs",
    "handoffs:respond": "Accept, reject, return and defer as the rep",
    "reports:read": "Read reports",
    "privacy:write": "Erase a person, export what is kept of one",
    "audit:read": "Read the audit log",
    "metrics:read": "Read metrics",
}
PERIODS = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "No end")]


class UserForm(forms.Form):
    """Somebody who signs in. `heir` is asked for only where leads would be left behind."""

    name = forms.CharField(
        label="Name", max_length=150, error_messages={"max_length": "A name has at most 150 characters."}
    )
    email = forms.EmailField(label="E-mail", max_length=254, help_text="They sign in with it.")
    role = forms.ChoiceField(label="Role", choices=Role.choices)
    team = forms.ModelChoiceField(Team.objects.order_by("name"), label="Sales team", required=False)
    new_team = forms.CharField(
        label="Or a new team",
        required=False,
        max_length=100,
        help_text="A manager sees the leads of the own team.",
    )
    is_active = forms.BooleanField(label="May sign in", required=False, initial=True)
    heir = forms.ModelChoiceField(Rep.objects.none(), label="Who gets their leads", required=False)

    def __init__(self, *args: Any, user: User | None = None, ask_heir: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if user is None:
            del self.fields["is_active"]
        reps = Rep.objects.filter(user__is_active=True, user__role=Role.REP).select_related("user")
        self.fields["heir"].queryset = reps.exclude(user=user).order_by("user__name")  # type: ignore[attr-defined]
        if not ask_heir:
            self.fields["heir"].widget = forms.HiddenInput()

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        others = User.objects.exclude(pk=self.user.pk) if self.user else User.objects.all()
        if others.filter(email__iexact=email).exists():
            raise forms.ValidationError("Somebody signs in with this address already.")
        return email

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("team") and data.get("new_team"):
            self.add_error("new_team", "Choose a team or name a new one, not both.")
        if data.get("role") == Role.MANAGER and not (data.get("team") or data.get("new_team")):
            self.add_error("team", "A sales manager needs a team: its leads are the ones they see.")
        return data

    def values(self) -> dict[str, Any]:
        """Return the user's fields; a new team is made on the way."""
        data = self.cleaned_data
        team = Team.objects.get_or_create(name=data["new_team"])[0] if data["new_team"] else data["team"]
        return {name: data[name] for name in ("name", "email", "role", "is_active") if name in data} | {
            "team": team
        }


class ConfirmedForm(forms.Form):
    """Asks for the password again: whoever does this must still be the one who signed in."""

    password = forms.CharField(
        label="Your password", strip=False, max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        user = self.request.user
        assert isinstance(user, User)
        # Through the sign-in, so that wrong ones count towards its lock-out.
        if authenticate(self.request, username=user.email, password=password) != user:
            raise forms.ValidationError("That is not your password.")
        return password


class ApiKeyForm(ConfirmedForm):
    name = forms.CharField(label="What it is for", max_length=60)
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True), label="Acts as", help_text="It can never do more than this user."
    )
    scopes = forms.MultipleChoiceField(
        label="May", choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES], widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing it may do."},
    )  # fmt: skip
    days = forms.ChoiceField(label="Works for", choices=PERIODS, required=False, initial="365")

    field_order = ("name", "user", "scopes", "days", "password")
