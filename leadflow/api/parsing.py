"""Bodies, read as strictly as tracking reads its own: what JSON leaves open is refused before anything uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from leadflow.api.errors import Refused
from leadflow.problems import FieldError
from leads.intake import problems
from leads.intake.body import decode, read_wire
from leads.intake.strict_json import MAX_DEPTH, read_object


class StrictJSONParser(BaseParser):
    """One JSON object in UTF-8, with a cap on its size, no key twice and no number or nesting beyond reason."""

    media_type = "application/json"
    max_depth = MAX_DEPTH

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        assert parser_context is not None
        try:
            content, flaw = read_object(decode(read_wire(parser_context["request"])), self.max_depth)
        except problems.Refused as refused:
            raise Refused(refused.status, refused.code, refused.detail, headers=refused.headers) from refused
        if flaw is None:
            return content
        error = FieldError(flaw.pointer or "/", flaw.code, flaw.detail)
        raise Refused(400 if flaw.malformed else 422, flaw.code, flaw.detail, errors=(error,))


class DocumentParser(StrictJSONParser):
    """The same for bodies that hold a definition: its rule sets lie deeper than anything else that is sent."""

    max_depth = 10
