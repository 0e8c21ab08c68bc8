"""Reports: the figures of the dashboard, as data."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from leadflow.api import fields
from leadflow.api.errors import InvalidQuery, Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import every
from leadflow.dashboard.api import REPORTS, report
from leadflow.dashboard.parameters import DIMENSIONS, SPANS, BadParameter
from leadflow.problems import FieldError
from leads import clock


class ReportQuery(fields.Query):
    """Checked by the dashboard itself; here for its description and for what is unknown."""

    days = s.ChoiceField(list(SPANS), required=False, help_text="The last so many days; 90 unless told.")
    team = s.IntegerField(required=False, min_value=1, max_value=999_999_999)
    by = s.ChoiceField(list(DIMENSIONS), required=False)
    rows = s.ChoiceField(["all"], required=False)

    def get_fields(self) -> dict[str, Any]:
        # `from` is a word of Python's and cannot be an attribute.
        span = {name: s.DateField(required=False) for name in ("from", "to")}
        return {**super().get_fields(), **span}


class ReportOut(s.Serializer[Any]):
    """One table of the dashboard. The members of a row depend on the report; see docs/reports.md."""

    report = s.CharField()
    as_of = s.DateTimeField()
    to = s.DateField()
    time_zone = s.CharField()
    definition = s.IntegerField(allow_null=True)
    sql_means = s.CharField()
    team = s.IntegerField(allow_null=True)
    by = s.CharField()
    rows = s.ListField(child=s.DictField())

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": s.DateField()}


class ReportNameOut(s.Serializer[Any]):
    name = s.CharField()
    title = s.CharField()


class ReportList(Endpoint):
    tag = "reports"

    @operation("reports.read", output=ReportNameOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the reports there are."""
        return every(REPORTS.items(), lambda entry: {"name": entry[0], "title": entry[1]})


class Report(Endpoint):
    tag = "reports"

    @operation("reports.read", query=ReportQuery, output=ReportOut)
    def get(self, request: Request, query: dict[str, Any], name: str) -> dict[str, Any]:
        """Read one report, over the leads one may see.

        Give `days`, or `from` and `to`; days are those of the organisation's time zone.
        """
        if name not in REPORTS:
            raise Refused(404, "not_found", "There is nothing at this address.")
        asked = request.query_params.copy()
        asked.pop("format", None)
        try:
            return report(name, self.actor, asked, clock.now())
        except BadParameter as wrong:
            raise InvalidQuery(FieldError(f"?{wrong.name}", "invalid", str(wrong))) from wrong
