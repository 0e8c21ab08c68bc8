"""Forms for the signal catalogue and the sources."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import slugify

from leads.models import Signal, Source

EVENT_TYPES = [("track", "An event (track)"), ("page", "A page view"), ("screen", "An app screen")]


def lines(text: str) -> list[str]:
    """Return the lines of a text area without blanks, in order, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


class SignalForm(forms.ModelForm):
    """One entry of the catalogue; what it matches is written one name or path a line."""

    type = forms.ChoiceField(label="Arrives as", choices=EVENT_TYPES)
    # Not "matches": a field hides the method of the same name of its form from every script.
    patterns = forms.CharField(
        label="Event names, or page paths", required=False, widget=forms.Textarea(attrs={"rows": 4}), max_length=4000,
        help_text="One a line. In paths, * stands for anything. Nothing here matches every page view.",
    )  # fmt: skip
    object_from = forms.CharField(
        label="Named after these properties", required=False, max_length=500,
        help_text="With commas between; the first that is there tells which page, asset or form it was.",
    )  # fmt: skip

    class Meta:
        model = Signal
        fields = (
            "label",
            "position",
            "intent",
            "funnel_stage",
            "topic",
            "is_engagement",
            "is_hand_raise",
            "is_active",
        )
        labels = {
            "label": "Name", "position": "Place in the order", "intent": "Buying intent",
            "funnel_stage": "Funnel stage",
            "is_engagement": "Counts as engagement", "is_hand_raise": "Is a hand-raise", "is_active": "In use",
        }  # fmt: skip
        help_texts = {
            "position": "The first entry that matches names an event, so the special come before the general.",
            "is_engagement": "Opens, bounces and unsubscribes do not; they never make a suspect a lead.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        match = self.instance.match or {}
        self.fields["type"].initial = match.get("type", "track")
        self.fields["patterns"].initial = "\n".join(match.get("names") or match.get("paths") or [])
        self.fields["object_from"].initial = ", ".join(self.instance.object_from or [])

    def clean_label(self) -> str:
        label: str = self.cleaned_data["label"].strip()
        slug = slugify(label).replace("-", "_")[:50]
        if not slug:
            raise forms.ValidationError("A name needs at least one letter or digit.")
        if not self.instance.pk and Signal.objects.filter(slug=slug).exists():
            raise forms.ValidationError(f"There is a signal of that name already ({slug}).")
        return label

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        wanted = lines(data.get("patterns", ""))
        if data.get("type") == "track" and not wanted:
            self.add_error("patterns", "Name at least one event; otherwise every event would be this signal.")
        if any(len(one) > 128 for one in wanted):
            self.add_error("patterns", "A name or path has at most 128 characters.")
        return data

    def save(self, commit: bool = True) -> Signal:
        signal: Signal = super().save(commit=False)
        kind, wanted = self.cleaned_data["type"], lines(self.cleaned_data["patterns"])
        signal.match = {"type": kind} | (
            {("names" if kind == "track" else "paths"): wanted} if wanted else {}
        )
        signal.object_from = [
            one.strip() for one in self.cleaned_data["object_from"].split(",") if one.strip()
        ]
        if not signal.pk:
            signal.slug = slugify(signal.label).replace("-", "_")[:50]
        if commit:
            signal.save()
        return signal


class SourceForm(forms.ModelForm):
    origins = forms.CharField(
        label="Browser origins", required=False, widget=forms.Textarea(attrs={"rows": 3}), max_length=2000,
        help_text="One a line, for example https://www.example.com. Empty lets any site send.",
    )  # fmt: skip

    class Meta:
        model = Source
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["origins"].initial = "\n".join(self.instance.allowed_origins or [])

    def clean_origins(self) -> list[str]:
        origins = lines(self.cleaned_data["origins"])
        for origin in origins:
            scheme, _, host = origin.partition("://")
            if scheme not in ("http", "https") or not host or "/" in host:
                raise forms.ValidationError(
                    f"“{origin}” is not an origin. Write https:// and the host, without a path."
                )
        return origins
