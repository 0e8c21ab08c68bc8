"""Imports of lists: upload, start, and how far one has come. For people signed in; keys send leads directly."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers as s
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import page_of
from leadflow.api.representations import email_of
from leadflow.api.views.leads import unusable
from leads import clock
from leads.imports import jobs
from leads.imports.reading import MAX_BYTES, NotReadable, too_large
from leads.models import ImportJob

# What a form adds around the file it sends.
ENVELOPE = 64 * 1024


class ImportOut(s.Serializer[Any]):
    """One uploaded list and how far its import has come."""

    id = s.IntegerField()
    kind = s.ChoiceField(ImportJob.Kind.choices)
    filename = s.CharField()
    state = s.ChoiceField(ImportJob.State.choices)
    by = s.CharField(allow_null=True)
    rows_total = s.IntegerField()
    rows_done = s.IntegerField()
    created = s.IntegerField()
    updated = s.IntegerField()
    skipped = s.IntegerField()
    refused = s.IntegerField()
    error = s.CharField(allow_blank=True)
    created_at = s.DateTimeField()
    started_at = s.DateTimeField(allow_null=True)
    finished_at = s.DateTimeField(allow_null=True)


_PLAIN = [str(name) for name in ImportOut().fields if name != "by"]


def import_json(job: ImportJob) -> dict[str, Any]:
    """Return one import; load it with `by`."""
    return {**{name: getattr(job, name) for name in _PLAIN}, "by": email_of(job.by)}


class ImportEndpoint(Endpoint):
    tag = "imports"

    def rows(self) -> Any:
        return ImportJob.objects.visible_to(self.actor).exclude(content_hash="").select_related("by")

    def job(self, pk: int) -> ImportJob:
        """Return the import if it is this caller's to see; else 404, as for one that is not there."""
        found: ImportJob | None = self.rows().filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return found


class UploadBody(fields.Body):
    kind = s.ChoiceField(ImportJob.Kind.choices)
    file = s.FileField(max_length=300, help_text="CSV, with commas, semicolons or tabs.")


class ImportList(ImportEndpoint):
    parser_classes = (MultiPartParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # By its announced length, before any of it is read.
        length = request.META.get("CONTENT_LENGTH") or "0"
        super().initial(request, *args, **kwargs)
        if length.isdigit() and int(length) > MAX_BYTES + ENVELOPE:
            raise Refused(413, "too_large", str(too_large()))

    @operation("imports", query=fields.PageQuery, output=ImportOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List imports, the latest first."""
        return page_of(request, query, self.rows(), import_json)

    @operation("imports", body=UploadBody, output=ImportOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Upload a list. It waits for a start; its columns can be looked through on its page."""
        file: UploadedFile = body["file"]
        try:
            job = jobs.upload(
                file.chunks(), filename=file.name or "", kind=body["kind"], by=self.actor, at=clock.now()
            )
        except NotReadable as wrong:
            raise unusable("file", wrong.code, str(wrong)) from wrong
        return import_json(job)


class ImportDetail(ImportEndpoint):
    @operation("imports", output=ImportOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Read how far an import has come."""
        return import_json(self.job(pk))


class ImportStart(ImportEndpoint):
    @operation("imports", output=ImportOut, status=202)
    def post(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Let an import run. The very same file in progress answers that import."""
        job = self.job(pk)
        if job.state != ImportJob.State.PREVIEW:
            raise Refused(409, "conflict", f"The import is {job.get_state_display().lower()} already.")
        try:
            return import_json(jobs.start(job, at=clock.now()))
        except NotReadable as wrong:
            raise unusable("", wrong.code, str(wrong)) from wrong
