"""Serializers that only check. A body is read strictly, a query string leniently in type but not in names."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from leadflow.api.errors import InvalidQuery, Refused, field_errors
from leadflow.problems import FieldError

MAX_ID = 2**63 - 1


class Text(serializers.CharField):
    """A text as JSON has it: numbers and booleans are none. Control characters other than line ends are refused."""

    default_error_messages = {
        "wrong_type": "This must be a text.",
        "control_character": "This holds a control character.",
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("wrong_type")
        value: str = super().to_internal_value(data)
        if any(unicodedata.category(c) == "Cc" and c not in "\n\r\t\x00" for c in value):
            self.fail("control_character")
        return value


class Line(Text):
    """A text of one line."""

    default_error_messages = {"line_break": "This must be one line."}

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if any(c in value for c in "\n\r\t"):
            self.fail("line_break")
        return value


class Whole(serializers.IntegerField):
    """A whole number as JSON has it: neither 1.0 nor "1" nor true."""

    default_error_messages = {"wrong_type": "This must be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("wrong_type")
        value: int = super().to_internal_value(data)
        return value


class Flag(serializers.BooleanField):
    """True or false as JSON has them, no words for them."""

    default_error_messages = {"wrong_type": "This must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("wrong_type")
        return bool(data)


class Body(serializers.Serializer[Any]):
    """What a request may send; a field it does not know is an error."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and not isinstance(data, QueryDict):
            unknown = [name for name in data if name not in self.fields or self.fields[name].read_only]
            if unknown:
                text = ErrorDetail("This field is not known here.", code="unknown_field")
                raise serializers.ValidationError({name: [text] for name in sorted(unknown)})
        return super().to_internal_value(data)


class IdsBody(Body):
    """A body that names several rows; more than `most` of `what` are refused at once, before each is read."""

    most: int
    what: str
    ids = serializers.ListField(child=Whole(min_value=1, max_value=MAX_ID), allow_empty=False)

    def to_internal_value(self, data: Any) -> Any:
        ids = data.get("ids") if isinstance(data, dict) else None
        if isinstance(ids, list) and len(ids) > self.most:
            raise Refused(413, "too_many", f"At most {self.most:,} {self.what} in one request.")
        return super().to_internal_value(data)


class Query(serializers.Serializer[Any]):
    """The parameters a request may have: each known and given once."""

    @classmethod
    def read(cls, params: QueryDict) -> dict[str, Any]:
        """Return what was asked for, by name; raise InvalidQuery."""
        query = cls(data={name: values[-1] for name, values in params.lists()})
        errors = [error for name, values in params.lists() for error in query._wrong_use(name, values)]
        if not errors and not query.is_valid():
            found = serializers.ValidationError(query.errors).get_full_details()
            errors = [_as_parameter(error) for error in field_errors(found)]
        if errors:
            raise InvalidQuery(*errors)
        return query.validated_data

    def _wrong_use(self, name: str, values: list[str]) -> list[FieldError]:
        if name == "format":  # DRF's own; it has chosen the answer's format by now
            return []
        if name not in self.fields:
            known = ", ".join(self.fields) or "none"
            detail = f"There is no parameter {name[:60]!r} here. There are: {known}."
            return [FieldError(f"?{name[:60]}", "unknown_parameter", detail)]
        if len(values) > 1:
            return [FieldError(f"?{name}", "repeated_parameter", f"Give {name} once.")]
        return []


def _as_parameter(error: FieldError) -> FieldError:
    name = error.pointer.strip("/").split("/")[0]
    detail = f"{name}: {error.detail}" if name else error.detail
    return FieldError(f"?{name}" if name else "?", error.code, detail)


class PageQuery(Query):
    """The parameters of every list."""

    cursor = serializers.CharField(required=False, max_length=500, help_text="From `next` or `previous`.")
    page_size = serializers.IntegerField(
        required=False, min_value=1, help_text="At most 200, which is also what more than that gives."
    )


class SpanQuery(Query):
    """Checks that no `…_from` lies after its `…_to`."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name, start in attrs.items():
            end = attrs.get(name.removesuffix("_from") + "_to") if name.endswith("_from") else None
            if end is not None and start > end:
                raise serializers.ValidationError({name: "This lies after its end."}, code="empty_span")
        return attrs
