import pytest

from leads.enums import Role
from leads.models import AuditEntry, Event
from tests.factories import make_catalogue, make_lead, make_rep
from tests.leads.test_quarantine import counts, page, send, sound

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead():
    make_catalogue()
    return make_lead()


def test_there_and_back_with_a_result_for_each(signed_in, lead):
    marketer, (event,) = signed_in(Role.MARKETER), send(lead, page("/pricing"))

    out = marketer.post("events/quarantine/", {"ids": [event.pk, 10**9]}).json()
    again = marketer.post("events/quarantine/", {"ids": [event.pk]}).json()
    back = marketer.post("events/release/", {"ids": [event.pk, event.pk]}).json()

    assert [(one["id"], one["done"], one["code"]) for one in out["results"]] == [
        (event.pk, True, ""),
        (10**9, False, "not_found"),
    ]
    assert (again["done"], again["results"][0]["code"]) == (0, "nothing_to_do")
    assert (back["done"], back["refused"]) == (1, 0)
    assert sum(count for _, _, count in counts(lead)) == 1
    assert sound() == []
    entries = AuditEntry.objects.filter(action__startswith="events.").order_by("pk")
    assert [(one.action, one.by) for one in entries] == [
        ("events.quarantine", marketer.user),
        ("events.release", marketer.user),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422), ({"ids": []}, 422), ({"ids": ["1"]}, 422), ({"ids": [0]}, 422), ({"ids": 7}, 422),
        ({"ids": [1], "reason": "x"}, 422), ({"ids": [1] * 1001}, 413),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["quarantine", "release"])
def test_what_makes_no_sense_is_refused(signed_in, verb, body, status):
    assert signed_in(Role.ADMIN).post(f"events/{verb}/", body).status_code == status


@pytest.mark.parametrize("verb", ["quarantine", "release"])
def test_neither_reps_nor_keys_may(api, signed_in, lead, verb):
    (event,) = send(lead, page("/pricing"))

    done = [
        caller.post(f"events/{verb}/", {"ids": [event.pk]}) for caller in (api, signed_in(make_rep().user))
    ]

    assert [one.status_code for one in done] == [403, 403]
    assert Event.objects.get(pk=event.pk).outcome == "counted"


def test_one_request_repeated_has_one_effect(signed_in, lead):
    admin, (event,) = signed_in(Role.ADMIN), send(lead, page("/pricing"))

    first, second = (
        admin.post("events/quarantine/", {"ids": [event.pk]}, Idempotency_Key="k-1") for _ in range(2)
    )

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.json()["done"] == 1
    assert AuditEntry.objects.filter(action="events.quarantine").count() == 1
