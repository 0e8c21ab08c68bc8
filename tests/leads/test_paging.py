import base64
import json

import pytest

from leads.models import Lead
from leads.paging import BadCursor, keyset_page
from tests.factories import make_lead

pytestmark = pytest.mark.django_db
ORDER = ("-score", "-id")


def scores(page):
    return [lead.score for lead in page.rows]


@pytest.fixture
def leads():
    return [make_lead(score=score) for score in (5, 9, 9, 1, 7, 9, 3)]


def test_pages_forth_and_back_show_every_row_once(leads):
    first = keyset_page(Lead.objects.all(), order=ORDER, cursor="", size=3)
    second = keyset_page(Lead.objects.all(), order=ORDER, cursor=first.next, size=3)
    third = keyset_page(Lead.objects.all(), order=ORDER, cursor=second.next, size=3)
    back = keyset_page(Lead.objects.all(), order=ORDER, cursor=third.previous, size=3)
    start = keyset_page(Lead.objects.all(), order=ORDER, cursor=back.previous, size=3)

    assert [scores(page) for page in (first, second, third)] == [[9, 9, 9], [7, 5, 3], [1]]
    assert (first.previous, third.next) == (None, None)
    assert back.rows == second.rows
    assert start.rows == first.rows
    assert start.previous is None


def test_a_page_takes_one_query(leads, django_assert_num_queries):
    cursor = keyset_page(Lead.objects.all(), order=ORDER, cursor="", size=2).next

    with django_assert_num_queries(1):
        keyset_page(Lead.objects.all(), order=ORDER, cursor=cursor, size=2)


def test_dates_and_names_order_too(leads):
    for order in (("-created_at", "-id"), ("last_name", "id")):
        first = keyset_page(Lead.objects.all(), order=order, cursor="", size=4)
        second = keyset_page(Lead.objects.all(), order=order, cursor=first.next, size=4)

        assert sorted(lead.pk for lead in first.rows + second.rows) == sorted(lead.pk for lead in leads)


def forged(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["x", "§§", "AAAA", "a" * 5000, forged([0, 5]), forged([7, 5, 1]), forged([0, None, 1]), forged([0, "x", 1]),
     forged([0, 1, 2**80]), forged([0, [], 1]), forged({"a": 1}), forged(3)],
)  # fmt: skip
def test_a_forged_cursor_is_refused(leads, cursor):
    with pytest.raises(BadCursor):
        keyset_page(Lead.objects.all(), order=ORDER, cursor=cursor, size=3)
