"""OpenAPI from the same `Operation` that checks the request."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from leadflow.api.fields import Body
from leadflow.api.operation import WRITING
from leadflow.api.permissions import Operation, operation_of
from leadflow.problems import CONTENT_TYPE

_WORDS = {
    200: "Done.",
    201: "Made.",
    202: "Taken on; it is worked on in the background.",
    400: "The request or one of its parameters cannot be understood.",
    401: "Nobody is signed in, or the key is not valid.",
    403: "The role or the key's scopes do not include this.",
    404: "There is no such thing, or it is not yours to see.",
    406: "The answer is JSON only.",
    409: "It is not in a state for this, or the same request is still running.",
    412: "It has changed since: If-Match names an old version.",
    413: "The request is too large.",
    415: "The body must be JSON.",
    422: "Some of what was sent cannot be used; `errors` says what.",
    428: "If-Match is missing.",
    429: "Too many requests; `Retry-After` says when to go on.",
    503: "The database is away; nothing was saved.",
}


class FieldErrorOut(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer[Any]):
    """A refusal (RFC 9457). `code` is stable; some codes bring members of their own, such as `allowed`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    errors = FieldErrorOut(many=True)  # type: ignore[assignment]
    request_id = serializers.CharField(allow_blank=True)


class Schema(AutoSchema):
    """Reads `Operation`; views need no annotations."""

    @property
    def about(self) -> Operation:
        found = operation_of(self.view, self.method)
        assert found is not None, f"{self.method} {self.path} is no operation"
        return found

    def get_tags(self) -> list[str]:
        return [str(getattr(self.view, "tag", ""))]

    def get_summary(self) -> str:
        return (getattr(self.view, self.method.lower()).__doc__ or "").strip().partition("\n")[0]

    def get_description(self) -> str:  # type: ignore[override]  # as in drf_spectacular
        doc = (getattr(self.view, self.method.lower()).__doc__ or "").strip().partition("\n")[2]
        return " ".join(doc.split())

    def get_operation_id(self) -> str:
        return f"{type(self.view).__name__}_{self.method.lower()}"

    def get_request_serializer(self) -> Any:
        return self.about.body

    def get_override_parameters(self) -> list[Any]:
        query = self.about.query
        parameters: list[Any] = [query] if query().fields else []
        if self.method in WRITING:
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key", str, OpenApiParameter.HEADER,
                    description="Makes a repeat of this request safe: it has one effect and the same answer.",
                )
            )  # fmt: skip
        if 412 in self.about.refusals:
            parameters.append(
                OpenApiParameter(
                    "If-Match",
                    str,
                    OpenApiParameter.HEADER,
                    description="The `ETag` this change is based on.",
                )
            )
        return parameters

    def get_response_serializers(self) -> Any:
        about = self.about
        statuses = {400, 401, 403, 406, 415, 429, 503, *about.refusals}
        if "{" in self.path:
            statuses.add(404)
        if self.method in WRITING:
            statuses |= {409, 413, 422}
        answers: dict[Any, OpenApiResponse] = {
            about.status: OpenApiResponse(about.output, _WORDS[about.status])
        }
        for status in sorted(statuses):
            answers[status, CONTENT_TYPE] = OpenApiResponse(ProblemOut, _WORDS[status])
        return answers

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        answer = super()._get_response_for_code(serializer, status_code, media_types, direction)
        if self.about.many and status_code.startswith("2"):
            for content in answer["content"].values():
                content["schema"] = _page_schema(content["schema"])
        return answer

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer(serializer, direction, bypass_extensions)
        if isinstance(serializer, Body):
            schema["additionalProperties"] = False
        return schema


def _page_schema(item: dict[str, Any]) -> dict[str, Any]:
    address = {"type": "string", "format": "uri", "nullable": True}
    return {
        "type": "object",
        "required": ["next", "previous", "results"],
        "properties": {
            "next": address,
            "previous": address,
            "results": {"type": "array", "items": item},
        },
    }
