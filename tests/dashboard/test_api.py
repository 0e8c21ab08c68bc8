"""Reports as plain dicts."""

import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.http import QueryDict

from leadflow.dashboard import api
from leadflow.dashboard.parameters import BadParameter
from tests.factories import AT, make_user

pytestmark = pytest.mark.django_db


def asked(name: str, query: str = "", user=None):
    return api.report(name, user or make_user("admin"), QueryDict(query), AT)


@pytest.mark.parametrize("name", list(api.REPORTS))
def test_every_report_is_plain_data(quarter, name):
    found = asked(name, "days=365")

    assert json.loads(json.dumps(found, cls=DjangoJSONEncoder))["rows"]
    assert len({tuple(row) for row in found["rows"]}) == 1
    assert {key: found[key] for key in ("report", "definition", "sql_means", "time_zone")} == {
        "report": name, "definition": 2, "sql_means": "confirmed by discovery", "time_zone": "UTC",
    }  # fmt: skip


def test_summary_gives_counts_and_rates(quarter):
    # One MQL every fourth day from 3 to 159 days ago: 22 up to 89 days, 18 before. Of each ten, oldest last, the first
    # is undecided and two are turned down: three undecided and five turned down of the 22.
    period, before = asked("summary")["rows"]

    assert (period["mqls"], before["mqls"]) == (22, 18)
    assert (period["accepted"], period["accepted_of"], period["accepted_rate"]) == (14, 19, 0.7368)
    assert period["conversion_days"] == 30


def test_share_of_few_has_no_rate(quarter):
    rows = {row["month"]: row for row in asked("cohorts")["rows"]}

    assert (rows["2026-01"]["mqls"], rows["2026-01"]["converted_30_rate"]) == (7, None)
    assert rows["2026-03"]["ripe_7"] is False


def test_report_keeps_to_the_scope(quarter, manager):
    assert asked("summary", "days=365", manager)["rows"][0]["mqls"] == 30


def test_unknown_report_and_parameter_are_refused(quarter):
    with pytest.raises(KeyError):
        asked("passwords")
    with pytest.raises(BadParameter):
        asked("summary", "tz=UTC")
