import pytest
from django.test import Client
from django.urls import reverse

from leads.enums import Role
from scoring.passes import start_full_pass
from scoring.publishing import save_draft
from tests.factories import AT, make_user
from tests.scoring.test_passes import softer
from tests.scoring.world import good_lead, publish_standard

pytestmark = pytest.mark.django_db


@pytest.fixture(params=Role.values)
def client(request) -> Client:
    client = Client()
    client.force_login(make_user(request.param), "django.contrib.auth.backends.ModelBackend")
    return client


def test_definitions_page_shows_the_live_rules_in_words(client):
    publish_standard()

    page = client.get(reverse("scoring:definitions"))

    assert page.status_code == 200
    for text in (
        "Definition 1, live since", "the score is at least 65", "Pricing page", "halves every 21 days",
        "Every MQL is handed to sales at once.", "number of employees 200 to 5,000",
    ):  # fmt: skip
        assert text in page.content.decode()


def test_another_version_has_an_address_of_its_own(client):
    publish_standard()
    save_draft(softer(), at=AT, note="Guides count less")

    page = client.get(reverse("scoring:definition", args=[2]))

    assert "Definition 2, draft, not live" in page.content.decode()
    assert client.get(reverse("scoring:definition", args=[3])).status_code == 404


def test_page_says_that_scores_are_being_worked_out_anew(client):
    publish_standard()
    good_lead()
    start_full_pass("test", AT)

    assert "0 of 1 leads are done" in client.get(reverse("scoring:definitions")).content.decode()


def test_page_without_a_definition_says_what_to_do(client):
    page = client.get(reverse("scoring:definitions"))

    assert "No definition is live yet" in page.content.decode()


def test_page_costs_the_same_however_many_versions(client, django_assert_max_num_queries):
    publish_standard()
    for _ in range(4):
        save_draft(softer(), at=AT, by=make_user())

    client.get(reverse("scoring:definitions"))
    with django_assert_max_num_queries(13):
        client.get(reverse("scoring:definitions"))


def test_anonymous_visitors_sign_in_first():
    answer = Client().get(reverse("scoring:definitions"))

    assert answer.status_code == 302
    assert "/sign-in/" in answer["Location"]
