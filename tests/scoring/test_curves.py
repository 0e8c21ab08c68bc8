from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scoring.curves import engagement_curve
from scoring.documents import parse, standard_document
from scoring.engine import score
from tests.scoring.build import DAY, count

SPAN = [DAY - timedelta(days=age) for age in range(13, 0, -1)]

rows = st.builds(
    lambda age, late, **fields: count(age=age, known=age - late, **fields),
    signal=st.sampled_from(["visit", "guide", "email_open", "pricing_page", "session", "unsubscribe"]),
    age=st.integers(-1, 80),
    late=st.sampled_from([0, 0, 0, 0, 1, 30]),
    n=st.sampled_from([1, 1, 2, 5, -1]),
    obj=st.sampled_from(["", "/a", "/b"]),
)


@given(st.lists(rows, max_size=20), st.booleans())
def test_a_curve_is_the_engine_s_score_day_by_day(counts, only_punctual):
    if only_punctual:
        counts = [row for row in counts if row.known_on == row.occurred_on]
    definition = parse(standard_document())

    curve = engagement_curve(counts, definition, SPAN)

    assert curve == [score({}, counts, definition, day).engagement for day in SPAN]
