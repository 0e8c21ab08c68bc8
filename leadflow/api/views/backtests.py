"""Back-tests: start one, follow it, read its figures and the leads behind them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import page_of
from leadflow.api.representations import email_of
from leads import clock
from leads.models import Definition, Lead
from scoring.backtest import DAYS, MOST_DAYS, NoHistory
from scoring.backtest_names import reps_by_name
from scoring.backtest_runs import start_backtest
from scoring.documents import InvalidDocument
from scoring.models import Backtest, BacktestEntry


class BacktestOut(s.Serializer[Any]):
    """One back-test; `result` is null until it is done. See docs/scoring.md for the method."""

    id = s.IntegerField()
    definition = s.IntegerField()
    days = s.IntegerField()
    first_day = s.DateField()
    last_day = s.DateField()
    by = s.CharField(allow_null=True)
    created_at = s.DateTimeField()
    finished_at = s.DateTimeField(allow_null=True)
    failed = s.CharField(allow_blank=True)
    leads_total = s.IntegerField()
    leads_done = s.IntegerField()
    result = s.DictField(allow_null=True)


_PLAIN = [str(name) for name in BacktestOut().fields if name not in ("definition", "by", "result")]


def backtest_json(backtest: Backtest) -> dict[str, Any]:
    """Return one back-test; load it with `by`."""
    plain = {name: getattr(backtest, name) for name in _PLAIN}
    return {
        **plain,
        "definition": backtest.version,
        "by": email_of(backtest.by),
        "result": backtest.summary or None,
    }


class StartBody(fields.Body):
    definition = s.IntegerField(min_value=1, max_value=2**31 - 1, help_text="The version to replay.")
    days = s.IntegerField(min_value=1, max_value=MOST_DAYS, default=DAYS, help_text="How far back.")


class BacktestEndpoint(Endpoint):
    tag = "definitions"

    def backtest(self, pk: int) -> Backtest:
        """Return a back-test, or answer 404."""
        found = Backtest.objects.select_related("by").filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return found


class BacktestList(BacktestEndpoint):
    @operation("backtests.read", query=fields.PageQuery, output=BacktestOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List back-tests, the latest first."""
        rows = Backtest.objects.select_related("by").defer("document", "sweep")
        return page_of(request, query, rows, backtest_json)

    @operation("backtests.run", body=StartBody, output=BacktestOut, status=201, refusals=(409,))
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Start a back-test in the background; an equal one already running is returned instead."""
        definition = Definition.objects.filter(version=body["definition"]).first()
        if definition is None:
            raise Refused(409, "no_such_definition", "There is no such version.")
        try:
            started = start_backtest(definition, days=body["days"], at=clock.now(), by=self.actor)
        except (InvalidDocument, NoHistory) as error:
            raise Refused(409, "cannot_replay", str(error)) from error
        return backtest_json(started)


class BacktestDetail(BacktestEndpoint):
    @operation("backtests.read", output=BacktestOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Say how far a back-test is, and its figures once it is done."""
        found = backtest_json(self.backtest(pk))
        if found["result"]:
            result = dict(found["result"])
            found["result"] = {**result, "per_rep": reps_by_name(result.pop("reps", []))}
        return found


class EntryQuery(fields.PageQuery):
    kind = s.ChoiceField(BacktestEntry.Kind.choices, required=False)


class EntryOut(s.Serializer[Any]):
    """A lead that became an MQL under the draft, under the rules live then, or both."""

    lead = s.IntegerField()
    name = s.CharField()
    kind = s.ChoiceField(BacktestEntry.Kind.choices)
    live_on = s.DateField(allow_null=True)
    live_rule = s.CharField(allow_blank=True)
    draft_on = s.DateField(allow_null=True)
    draft_rule = s.CharField(allow_blank=True)
    decision = s.CharField(allow_blank=True)
    reason = s.CharField(allow_blank=True)
    sql = s.BooleanField()
    won = s.BooleanField()


class BacktestLeads(BacktestEndpoint):
    @operation("backtests.read", also=("leads.read",), query=EntryQuery, output=EntryOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List the leads behind the figures, those you may see, in the order of their ids."""
        visible = Lead.objects.visible_to(self.actor)
        rows = self.backtest(pk).entries.filter(lead__in=visible).select_related("lead")
        if "kind" in query:
            rows = rows.filter(kind=query["kind"])
        return page_of(request, query, rows, entry_json, order=("id",))


def entry_json(entry: BacktestEntry) -> dict[str, Any]:
    """Return one lead of a back-test; load it with `lead`."""
    return {
        "lead": entry.lead_id,
        # A lead without a name is called by its address, which is not everybody's to see.
        "name": f"{entry.lead.first_name} {entry.lead.last_name}".strip() or f"Lead {entry.lead_id}",
        "sql": entry.is_sql,
        "won": entry.is_won,
        **{
            name: getattr(entry, name)
            for name in ("kind", "live_on", "live_rule", "draft_on", "draft_rule", "decision", "reason")
        },
    }
