"""The form that starts a draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from leads.definitions import live_definition
from leads.enums import DefinitionStatus
from leads.models import Definition
from scoring.engine import SignalFacts
from scoring.starting import TEMPLATES, from_templates

FROM_LIVE, FROM_VERSION, FROM_TEMPLATES = "live", "version", "templates"


def _sets(section: str) -> list[tuple[str, str]]:
    return [(key, f"{label}: {hint}") for key, label, hint in TEMPLATES[section]]


class StartForm(forms.Form):
    """Where a draft starts. After `is_valid`, `source` is the version, or None for templates."""

    start = forms.ChoiceField(
        label="Start from", initial=FROM_LIVE, widget=forms.RadioSelect,
        choices=[
            (FROM_LIVE, "The rules in force"), (FROM_VERSION, "Another version, for example to go back to it"),
            (FROM_TEMPLATES, "Rule sets chosen below, with the standard points"),
        ],
    )  # fmt: skip
    version = forms.TypedChoiceField(label="Version", required=False, coerce=int, empty_value=None)
    mql = forms.MultipleChoiceField(
        label="MQL rule sets", required=False, choices=_sets("mql"), widget=forms.CheckboxSelectMultiple
    )
    sql = forms.MultipleChoiceField(
        label="SQL rule sets", required=False, choices=_sets("sql"), widget=forms.CheckboxSelectMultiple
    )
    note = forms.CharField(
        label="Note", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What this is for, in a sentence. Whoever approves it reads this first.",
    )  # fmt: skip
    source: Definition | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = Definition.objects.exclude(status=DefinitionStatus.DISCARDED).only(
            "version", "note", "status"
        )
        self.fields["version"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a version"),
            *((one.version, f"Definition {one.version}, {one.get_status_display().lower()}") for one in versions[:200]),
        ]  # fmt: skip
        if self.initial.get("version"):
            self.initial["start"] = FROM_VERSION

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        start = data.get("start")
        if start == FROM_LIVE:
            self.source = live_definition()
            if self.source is None:
                self.add_error("start", "No definition is in force yet. Start from rule sets instead.")
        elif start == FROM_VERSION:
            self.source = Definition.objects.filter(version=data.get("version") or 0).first()
            if self.source is None:
                self.add_error("version", "Choose the version to start from.")
        elif start == FROM_TEMPLATES and not data.get("mql"):
            self.add_error("mql", "Choose at least one; without any, nobody would become an MQL.")
        return data

    def document(self, signals: Mapping[str, SignalFacts]) -> dict[str, Any]:
        """Return the document put together from the chosen templates."""
        return from_templates(self.cleaned_data["mql"], self.cleaned_data["sql"], signals)
