"""The form of how one is told of what: a row for each kind of notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField

from handoff import preferences
from handoff.notices import Kind
from handoff.personal import Mail
from handoff.preferences import Wish
from leads.models import User

ONLY_DIGEST = [(Mail.NOW.value, "Each morning"), (Mail.OFF.value, "No digest")]


@dataclass(frozen=True)
class Line:
    """One kind as the page shows it."""

    kind: str
    label: str
    mail: BoundField
    app: BoundField | None = None


class PreferencesForm(forms.Form):
    """`mail_<kind>` and `app_<kind>` for each kind the user can be told of."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = preferences.wishes_of(user)
        for kind, wish in self.kinds.items():
            label = Kind(kind).label
            choices = ONLY_DIGEST if kind == Kind.DIGEST else self._choices(user)
            self.fields[f"mail_{kind}"] = forms.ChoiceField(
                choices=choices, initial=wish.mail, label=f"{label}: by e-mail",
                widget=forms.Select(attrs={"class": "input", "aria-label": f"{label}: by e-mail"}),
            )  # fmt: skip
            if kind != Kind.DIGEST:
                self.fields[f"app_{kind}"] = forms.BooleanField(
                    required=False, initial=wish.in_app, label=f"{label}: here",
                    widget=forms.CheckboxInput(attrs={"class": "check", "aria-label": f"{label}: here"}),
                )  # fmt: skip

    def _choices(self, user: User) -> list[tuple[str, str]]:
        ways = Mail if preferences.has_digest(user) else (Mail.NOW, Mail.OFF)
        return [(way.value, str(way.label)) for way in ways]

    def lines(self) -> Iterator[Line]:
        for kind in self.kinds:
            app = self[f"app_{kind}"] if kind != Kind.DIGEST else None
            yield Line(kind, str(Kind(kind).label), self[f"mail_{kind}"], app)

    def wishes(self) -> dict[str, Wish]:
        data = self.cleaned_data
        return {kind: Wish(data.get(f"app_{kind}", True), data[f"mail_{kind}"]) for kind in self.kinds}

    def refuse(self, problems: Mapping[str, str]) -> None:
        """Show what is wrong beside the kind it concerns."""
        for kind, problem in problems.items():
            self.add_error(f"mail_{kind}", problem)
