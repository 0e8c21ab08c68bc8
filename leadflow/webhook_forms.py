"""Forms for webhooks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms

from handoff.destinations import addresses
from handoff.outgoing import CHOICES, Destination
from leadflow.staff_forms import ConfirmedForm

KINDS = [
    ("webhook", "Signed webhook: JSON for a program, with a signature it can verify"),
    ("slack", "Slack-compatible channel: a sentence with a link, for people"),
]


class WebhookForm(ConfirmedForm):
    """A destination, new or changed. The address is kept where none is typed: it may hold a secret."""

    name = forms.CharField(label="Name", max_length=60)
    kind = forms.ChoiceField(label="Kind", choices=KINDS, widget=forms.RadioSelect)
    url = forms.CharField(
        label="Address", max_length=addresses.LONGEST, widget=forms.URLInput(attrs={"autocomplete": "off"}),
        help_text="Starts with https://, and can be reached from the internet.",
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label="Send", choices=CHOICES, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event to send."},
    )  # fmt: skip

    field_order = ("name", "kind", "url", "events", "password")

    def __init__(self, *args: Any, destination: Destination | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.destination = destination
        if destination:
            del self.fields["kind"]
            self.fields["url"].required = False
            self.fields["url"].label = "New address"
            self.fields["url"].help_text = f"Leave it empty to keep {shown_address(destination)}."

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        others = Destination.objects.filter(name=name)
        if self.destination:
            others = others.exclude(pk=self.destination.pk)
        if others.exists():
            raise forms.ValidationError("There is a webhook of this name already.")
        return name

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url:
            try:
                addresses.check(url)
            except addresses.NotAllowed as refused:
                raise forms.ValidationError(str(refused), code="address_not_allowed") from refused
        return url


def shown_address(destination: Destination) -> str:
    """Return the address as it may be shown: what follows the host can be a secret."""
    parts = urlsplit(destination.url)
    return f"{parts.scheme}://{parts.netloc}/…"
