"""The counts a replay grows row by row are those the engine makes of the whole."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from scoring.backtest_counts import Counts, Row
from scoring.engine import DayCount, net_counts

TODAY = date(2026, 3, 1).toordinal()
ROWS = st.lists(
    st.builds(
        Row,
        there=st.integers(TODAY - 5, TODAY),
        signal=st.sampled_from(["visit", "guide"]),
        object_key=st.sampled_from(["", "a", "b"]),
        occurred=st.integers(TODAY - 9, TODAY - 5),
        times=st.integers(-2, 2),
    )
)


@given(rows=ROWS)
def test_rows_added_one_by_one_come_to_what_the_engine_nets(rows):
    grown = Counts()
    for row in rows:
        grown.add([row])

    nets = net_counts(
        [
            DayCount(r.signal, r.object_key, date.fromordinal(r.occurred), date.fromordinal(r.there), r.times)
            for r in rows
        ],
        date.fromordinal(TODAY),
    )
    daily: dict[str, dict[int, int]] = {}
    latest: dict[str, dict[str, int]] = {}
    for (signal, key, occurred), count in nets.items():
        day = occurred.toordinal()
        of_day = daily.setdefault(signal, {})
        of_day[day] = of_day.get(day, 0) + count
        newest = latest.setdefault(signal, {})
        newest[key] = max(newest.get(key, 0), day)
    assert grown.daily == daily
    assert grown.latest == latest
