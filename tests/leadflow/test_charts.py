"""Geometry, to the coordinate; the numbers of the design where it has them."""

import pytest

from leadflow import charts
from leadflow.charts import Bar, HeatCell, Series, Tick


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 3), (1, 3), (3, 3), (4, 6), (25, 30), (30, 30), (31, 60), (75, 75), (100, 120), (7, 9)],
)
def test_nice_top_is_round_and_not_below_the_highest(highest, top):
    assert charts.nice_top(highest) == top


@pytest.mark.parametrize("highest", [1, 2, 17, 99, 100, 101, 12345, 10**6])
def test_nice_top_divides_into_three_whole_steps(highest):
    top = charts.nice_top(highest)

    assert top >= highest
    assert top % 3 == 0


def test_line_chart_places_points_in_the_middle_of_their_period():
    chart = charts.line_chart(
        ["1 Jan", "8 Jan"], [Series("MQL", [0, 3], "mql", is_area=True)], label="Two weeks"
    )

    line = chart.lines[0]
    assert line.path == "M25 100 L75 0"
    assert line.area == "M25 100 L75 0 L75 100 L25 100Z"
    assert line.open_path == ""
    assert line.dot == "M75 0h.01"
    assert chart.grid == "M0 0H100M0 33.33H100M0 66.67H100M0 100H100"
    assert [tick.label for tick in chart.y_ticks] == ["3", "2", "1", "0"]


def test_line_chart_draws_what_is_not_over_apart_and_joins_it():
    chart = charts.line_chart(
        ["a", "b", "c", "d"], [Series("SQL", [3, 3, 0, None], "sql", open_from=2)], label="Open"
    )

    line = chart.lines[0]
    assert line.path == "M12.5 0 L37.5 0"
    assert line.open_path == "M37.5 0 L62.5 100"
    assert line.dot == "M37.5 0h.01"
    assert chart.rows == [["a", "3"], ["b", "3"], ["c", "0 so far"], ["d", "–"]]


def test_line_chart_marks_stand_before_their_period():
    chart = charts.line_chart(
        [str(week) for week in range(26)],
        [Series("MQL", [1] * 26)],
        label="Marks",
        marks=[(7, "Definition 6")],
    )

    assert chart.marks == [Tick("Definition 6", "26.92")]
    assert chart.mark_path == "M26.92 -6V100"


def test_line_chart_names_the_ends_and_the_quarters():
    chart = charts.line_chart([str(week) for week in range(26)], [], label="Ticks")

    assert [(tick.label, tick.at, tick.anchor, tick.is_minor) for tick in chart.x_ticks] == [
        ("0", "0", "start", False),
        ("6", "25", "middle", True),
        ("12", "48.08", "middle", False),
        ("19", "75", "middle", True),
        ("25", "100", "end", False),
    ]


def test_line_chart_of_nothing_has_axes_and_no_lines():
    chart = charts.line_chart([], [Series("MQL", [])], label="Nothing yet", marks=[(0, "Definition 1")])

    assert chart.lines[0].path == chart.lines[0].dot == ""
    assert chart.x_ticks == []
    assert chart.marks == []
    assert chart.rows == []
    assert chart.grid


def test_line_chart_of_one_period_is_a_dot_in_the_middle():
    chart = charts.line_chart(["Today"], [Series("MQL", [2], is_area=True)], label="One")

    assert chart.lines[0].dot == "M50 33.33h.01"
    assert chart.x_ticks == [Tick("Today", "50")]


def test_line_chart_that_is_open_from_the_start_has_a_dot_only():
    line = charts.line_chart(["Today"], [Series("MQL", [2], open_from=0)], label="One").lines[0]

    assert (line.path, line.open_path, line.dot) == ("", "", "M50 33.33h.01")


def test_bars_are_measured_against_the_longest():
    rows = charts.bars([Bar("No need", 34), Bar("Wrong person", 27), Bar("Other", 0)])

    assert [(row.figure, row.width) for row in rows] == [("34", "100"), ("27", "79.41"), ("0", "0")]


def test_bars_may_have_a_fixed_top_and_never_leave_it():
    rows = charts.bars([Bar("a", 5), Bar("b", 30, figure="30 a week")], top=20)

    assert [(row.figure, row.width) for row in rows] == [("5", "25"), ("30 a week", "100")]


@pytest.mark.parametrize("rows", [[], [Bar("Nothing", 0)]])
def test_bars_without_a_length_divide_by_nothing(rows):
    assert [row.width for row in charts.bars(rows)] == ["0"] * len(rows)


def test_share_is_a_dot_on_its_interval():
    row = charts.share("Hand-raiser", 27, 33, url="/x/")

    assert (row.figure, row.basis, row.likely) == ("82%", "27 of 33", "likely 66–91%")
    assert row.point == "M81.82 5h.01"
    assert row.whisker == "M65.61 5H91.39M65.61 2V8M91.39 2V8"
    assert not row.is_weak


def test_share_of_few_is_a_count():
    row = charts.share("Form, product", 3, 6)

    assert (row.figure, row.basis, row.likely, row.is_weak) == ("3 of 6", "", "likely 19–81%", True)


def test_share_of_nothing_is_a_dash():
    row = charts.share("New rule", 0, 0)

    assert (row.figure, row.point, row.whisker, row.likely) == ("–", "", "", "")


def test_target_path():
    assert charts.target_path(0.52) == "M52 0V10"
    assert charts.target_path(None) == ""


def test_heat_scale_has_the_bins_of_the_design():
    scale = charts.heat_scale([0.06, 0.41])

    assert (scale.low, scale.high, scale.key) == (10, 40, "under 10% to 40% and more")
    shown = {7: 0, 10: 1, 14: 1, 19: 2, 22: 3, 24: 3, 29: 4, 33: 4, 34: 5, 39: 5, 40: 6, 41: 6}
    assert {percent: scale.bin(percent / 100) for percent in shown} == shown


@pytest.mark.parametrize("fractions", [[], [0.0], [0.5], [1.0], [0.03, 0.04]])
def test_heat_scale_of_hardly_anything_still_has_seven_bins(fractions):
    scale = charts.heat_scale(fractions)

    assert scale.low < scale.high
    assert {scale.bin(step / 100) for step in range(101)} <= set(range(7))


def test_heat_cell_says_what_it_knows():
    scale = charts.heat_scale([0.06, 0.41])

    assert charts.heat_cell(9, 64, scale, url="/x/") == HeatCell(
        "14%", "heat-1", "9 of 64, likely 8–25%", "/x/"
    )
    assert charts.heat_cell(20, 52, scale, is_ripe=False) == HeatCell("20 so far", "heat-open")
    assert charts.heat_cell(3, 9, scale) == HeatCell("3 of 9", "heat-few")
    assert charts.heat_cell(0, 37, scale, has_begun=False) == HeatCell("–", "heat-none")
    assert charts.heat_cell(0, 0, scale) == HeatCell("–", "heat-none")


def test_sparkline_shows_the_course():
    spark = charts.sparkline([0, 9, 18])

    assert (spark.path, spark.last) == ("M2 20L32 11L62 2", "M62 2h.01")


def test_sparkline_does_not_blow_up_small_changes():
    assert charts.sparkline([50, 52, 51]).path == "M2 20L32 14L62 17"


@pytest.mark.parametrize(("values", "path"), [([], ""), ([7], "M2 20")])
def test_sparkline_of_hardly_anything(values, path):
    assert charts.sparkline(values).path == path
