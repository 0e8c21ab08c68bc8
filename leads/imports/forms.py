"""The forms of the import pages: a file to upload, and what is decided before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from leads.imports import jobs, mapping
from leads.imports.options import Options
from leads.imports.reading import DELIMITERS, ENCODINGS, MAX_BYTES, Format, NotReadable
from leads.models import ImportJob


@dataclass(frozen=True)
class Choice:
    """A choice's label, with what follows from it."""

    label: str
    hint: str

    def __str__(self) -> str:
        return self.label


KINDS = (
    (
        ImportJob.Kind.SUSPECTS,
        Choice("Suspects", "Contacts you believe fit and have not spoken with. No lead until they engage."),
    ),
    (ImportJob.Kind.LEADS, Choice("Leads", "People who engaged, or whom somebody spoke with.")),
    (
        ImportJob.Kind.WEBINAR,
        Choice(
            "Webinar attendees", "Zoom and GoToWebinar reports as they are. Attendance and questions count."
        ),
    ),
    (
        ImportJob.Kind.TRADESHOW,
        Choice("Trade-show list", "A visit counts; whoever asks for a call back raises a hand."),
    ),
)
ENCODING_LABELS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows (cp1252)"}


class UploadForm(forms.Form):
    kind = forms.ChoiceField(label="What is in the list", choices=KINDS, widget=forms.RadioSelect)
    file = forms.FileField(
        label="File",
        help_text="CSV from a spreadsheet, HubSpot, Salesforce, Zoom, GoToWebinar or Meta; commas, semicolons or tabs.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        error_messages={"empty": "No rows: the file is empty.", "required": "Choose a file."},
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {MAX_BYTES // 2**20} MB. Split it and import the parts."
            )
        return file


class OptionsForm(forms.Form):
    """Everything about an import that can be decided; saved on each check, so that nothing typed is lost."""

    encoding = forms.ChoiceField(label="Encoding", required=False)
    delimiter = forms.ChoiceField(
        label="Cells are divided by", choices=[(char, name.capitalize()) for char, name in DELIMITERS.items()],
    )  # fmt: skip
    event = forms.CharField(label="Name of the event", max_length=150)
    held_on = forms.DateField(
        label="Held on", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Rows with a date of their own keep it. Empty means today.",
    )  # fmt: skip
    existing = forms.ChoiceField(
        label="People already here", widget=forms.RadioSelect,
        choices=[
            ("fill", Choice("Fill in what is unknown", "What is known stays as it is.")),
            ("overwrite", Choice("Overwrite with the list", "Filled cells replace what is known, empty ones never.")),
        ],
    )  # fmt: skip
    keep = forms.ChoiceField(
        label="One address in several rows", widget=forms.RadioSelect,
        choices=[
            ("last", Choice("The last row wins", "Every row is taken in; later cells replace earlier ones.")),
            ("first", Choice("The first row wins", "Further rows with the same address are skipped.")),
        ],
    )  # fmt: skip
    history = forms.BooleanField(
        label="This is history", required=False,
        help_text="Scores of the past then count what happened from the day it happened, not from today.",
    )  # fmt: skip

    def __init__(self, job: ImportJob, data: Any = None) -> None:
        self.job, self.options = job, Options.of(job)
        super().__init__(data, initial=self._initial())
        encodings = dict.fromkeys((self.options.encoding, *ENCODINGS))
        self.fields["encoding"] = forms.ChoiceField(
            label="Encoding", choices=[(name, ENCODING_LABELS.get(name, name.upper())) for name in encodings],
            initial=self.options.encoding,
        )  # fmt: skip
        if job.kind not in jobs.NAMED_EVENTS:
            del self.fields["event"]
            self.fields["held_on"].label = "Date of the list"
        for index, header in enumerate(self.options.headers):
            name = f"column_{index}"
            self.fields[name] = forms.ChoiceField(
                label=header or f"Column {index + 1}", choices=mapping.choices(), required=False,
                initial=self.options.fields[index], widget=forms.Select(attrs={"class": "input"}),
            )  # fmt: skip

    def _initial(self) -> dict[str, Any]:
        names = ("encoding", "delimiter", "event", "existing", "keep", "history")
        return {name: getattr(self.options, name) for name in names} | {"held_on": self.options.held_day}

    def columns(self, rows: list[list[str]]) -> list[dict[str, Any]]:
        """Return each column with its field of the form and a few of its values."""
        return [
            {
                "field": self[f"column_{index}"],
                "values": _values(rows, index),
            }
            for index, header in enumerate(self.options.headers)
        ]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        found = mapping.problems(self.chosen_fields(data), self.options.headers)
        for problem in found:
            self.add_error(None, problem)
        return data

    def chosen_fields(self, data: dict[str, Any]) -> list[str]:
        return [data.get(f"column_{index}", "") for index in range(len(self.options.headers))]

    def save(self) -> bool:
        """Write the decisions on the import; True if the file had to be read anew, which makes a new mapping."""
        data, options = self.cleaned_data, self.options
        form = Format(data.get("encoding") or options.encoding, data.get("delimiter") or options.delimiter)
        reread = form != Format(options.encoding, options.delimiter)
        for name in ("event", "existing", "keep", "history"):
            if name in data:
                setattr(options, name, data[name])
        options.held_on = data["held_on"].isoformat() if data.get("held_on") else ""
        options.fields = self.chosen_fields(data)
        self.job.settings = options.as_json()
        if reread:
            try:
                jobs.examine(self.job, form)
            except NotReadable as error:
                self.add_error("encoding", f"So read, the file makes no sense. {error}")
                return False
        else:
            self.job.save(update_fields=["settings"])
        return reread


def _values(rows: list[list[str]], index: int) -> list[str]:
    """Return up to three different values of a column."""
    filled = (row[index].strip() for row in rows if index < len(row) and row[index].strip())
    return list(dict.fromkeys(filled))[:3]
