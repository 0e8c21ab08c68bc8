"""Many leads in one request: known ones brought up to date, new ones made, an answer for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from leadflow.api import fields
from leadflow.api.errors import Refused, field_errors
from leadflow.api.operation import operation
from leadflow.api.schema import FieldErrorOut
from leadflow.api.views.leads import LeadEndpoint, NewLeadBody, incoming
from leadflow.problems import FieldError
from leads import clock
from leads.audit import audit
from leads.capture import Captured, capture_leads
from leads.enums import Stage

MOST = 1000
_ROW = NewLeadBody()
_FIELDS = {str(name): field for name, field in _ROW.fields.items() if name != "stage"}


class UpsertBody(fields.Body):
    stage = s.ChoiceField([Stage.SUSPECT, Stage.LEAD], required=False, default=Stage.SUSPECT)
    overwrite = fields.Flag(
        required=False, default=False, help_text="Else known values stay and only unknown ones are filled in."
    )
    leads = s.ListField(
        child=s.DictField(), allow_empty=False, help_text="At most 1,000; fields as for adding one lead."
    )

    def to_internal_value(self, data: Any) -> Any:
        rows = data.get("leads") if isinstance(data, dict) else None
        if isinstance(rows, list) and len(rows) > MOST:
            raise Refused(413, "too_many", f"At most {MOST:,} leads in one request.")
        return super().to_internal_value(data)


class UpsertRowOut(s.Serializer[Any]):
    index = s.IntegerField()
    result = s.ChoiceField(["created", "updated", "unchanged", "refused"])
    lead = s.IntegerField(allow_null=True)
    errors = FieldErrorOut(many=True)  # type: ignore[assignment]


class UpsertOut(s.Serializer[Any]):
    created = s.IntegerField()
    updated = s.IntegerField()
    unchanged = s.IntegerField()
    refused = s.IntegerField()
    results = UpsertRowOut(many=True)


class LeadUpsert(LeadEndpoint):
    @operation("leads.upsert", body=UpsertBody, output=UpsertOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Add or update up to 1,000 leads, matched by e-mail, else by phone.

        A row that cannot be used is refused with its errors; the others go on. Only for those who see all leads.
        """
        at = clock.now()
        checked = [_checked(row) for row in body["leads"]]
        rows = [index for index, (_, errors) in enumerate(checked) if not errors]
        captured = capture_leads(
            [incoming(checked[index][0]) for index in rows],
            stage=body["stage"], at=at, by=self.actor, origin="api", overwrite=body["overwrite"],
        )  # fmt: skip
        answers = {index: _answer(index, one) for index, one in zip(rows, captured, strict=True)}
        results = [answers.get(index) or _refusal(index, errors) for index, (_, errors) in enumerate(checked)]
        counts = dict.fromkeys(("created", "updated", "unchanged", "refused"), 0)
        for answer in results:
            counts[answer["result"]] += 1
        audit("leads.upsert", by=self.actor, at=at, changes={name: (None, n) for name, n in counts.items()})
        return {**counts, "results": results}


def _checked(row: dict[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the row's values and what is wrong with them; field by field, since most rows give few."""
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in row.items():
        field = _FIELDS.get(name)
        if field is None:
            errors.append(FieldError(f"/{name}", "unknown_field", "This field is not known here."))
            continue
        try:
            values[name] = field.run_validation(value)
        except s.ValidationError as wrong:
            errors += _flat(name, wrong)
    return values, errors


def _flat(name: str, wrong: s.ValidationError) -> Iterator[FieldError]:
    return field_errors(wrong.get_full_details(), f"/{name}")


def _answer(index: int, captured: Captured) -> dict[str, Any]:
    if captured.lead is None:
        code = captured.error or "invalid"
        detail = f"This contact cannot be kept: {code.replace('_', ' ')}."
        return _refusal(index, [FieldError("/email", code, detail)])
    result = "created" if captured.created else "updated" if captured.changed else "unchanged"
    return {"index": index, "result": result, "lead": captured.lead.pk, "errors": []}


def _refusal(index: int, errors: list[FieldError]) -> dict[str, Any]:
    return {"index": index, "result": "refused", "lead": None, "errors": [asdict(error) for error in errors]}
