from datetime import date

import pytest

from handoff.whynow import sentence

DAY = date(2026, 3, 12)
PROFILE = {
    "job_title": "Head of Data Platform",
    "company": "Nordhavn Logistics",
    "industry": "logistics",
    "employees": 1200,
}


def action(signal="demo_checklist", **fields):
    defaults = {"label": "Label", "object": "", "product": "", "on": "2026-03-12", "days": 1}
    return {"signal": signal, **defaults, **fields}


def test_actions_come_first_then_who_they_are():
    told = [action(), action("pricing_page", days=2), action("guide", object="Start")]

    assert sentence("Maren", told, PROFILE, DAY) == (
        "Maren took the demo checklist on 12 March and looked at pricing on 2 days, last on 12 March. "
        "They are Head of Data Platform at Nordhavn Logistics (logistics, 1,200 people)."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            action("webinar", object="Late feeds, calm mornings"),
            "attended the webinar “Late feeds, calm mornings”",
        ),
        (action("webinar"), "attended the webinar"),
        (
            action("form", object="Product form", product="Pipelines"),
            "sent the form “Product form”, naming Pipelines,",
        ),
        (action("product_content"), "read product content"),
        (action("tradeshow"), "visited us"),
        (action("own_signal", label="Calculator used"), "gave us “Calculator used”"),
    ],
)
def test_each_signal_has_its_verb(given, said):
    assert sentence("Maren", [given], {}, DAY) == f"Maren {said} on 12 March."


def test_another_year_is_named():
    assert (
        sentence("", [action(on="2025-12-01")], {}, DAY) == "They took the demo checklist on 1 December 2025."
    )


def test_nothing_done_and_little_known_is_said_as_it_is():
    assert sentence("Maren", [], {"job_title": "CTO"}, DAY) == "Maren is CTO."
    assert sentence("", [], {"company": "Lumen"}, DAY) == "They are at Lumen."
    assert sentence("", [], {}, DAY) == ""
