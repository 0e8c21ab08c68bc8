"""Signing in and out, passwords, themes and landing pages."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from leads.enums import Role
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"
SIGN_IN = reverse("leadflow:sign_in")


@pytest.fixture(autouse=True)
def _no_links_sent_yet():
    cache.clear()


def sign_in(client: Client, email: str, password: str = PASSWORD, **data: str):
    return client.post(SIGN_IN, {"username": email, "password": password, **data})


def test_sign_in_page_is_shown(client):
    response = client.get(SIGN_IN)

    assert response.status_code == 200
    assert "Forgot the password?" in response.text


def test_sign_in_leads_home_whatever_the_case_of_the_address(client):
    make_user(email="lea@example.test")

    response = sign_in(client, " LEA@Example.test ")

    assert response.status_code == 302
    assert response.url == "/"


@pytest.mark.parametrize("kind", ["wrong", "unknown", "disabled"])
def test_sign_in_answers_every_failure_the_same(client, kind):
    make_user(email="lea@example.test", is_active=kind != "disabled")
    email = "nobody@example.test" if kind == "unknown" else "lea@example.test"

    response = sign_in(client, email, "not it" if kind == "wrong" else PASSWORD)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["__all__"]
    assert "do not go together" in response.text
    assert email in response.text


@pytest.mark.parametrize(
    "target", ["//evil.test", "https://evil.test/", "javascript:alert(1)", "/\\evil.test", "\\\\evil"]
)
def test_sign_in_ignores_a_next_of_another_site(client, target):
    make_user(email="lea@example.test")

    response = sign_in(client, "lea@example.test", next=target)

    assert response.url == "/"


def test_sign_in_goes_back_to_where_one_came_from(client):
    make_user(email="lea@example.test")

    response = sign_in(client, "lea@example.test", next="/leads/?view=new")

    assert response.url == "/leads/?view=new"


@pytest.mark.parametrize("email", ["a\x00b@example.test", "x" * 400 + "@example.test", "", "💥"])
def test_sign_in_survives_odd_addresses(client, email):
    assert sign_in(client, email).status_code == 200


def test_sign_in_refuses_a_huge_password(client):
    make_user(email="lea@example.test")

    response = sign_in(client, "lea@example.test", "x" * 5000)

    assert "at most 4,096 characters" in response.text


def test_sign_in_is_locked_after_five_failures(client, settings):
    settings.AXES_ENABLED = True
    make_user(email="lea@example.test")

    answers = [sign_in(client, "lea@example.test", "wrong").status_code for _ in range(5)]
    # The spelling does not open it again, nor does the right password.
    locked = sign_in(client, "Lea@example.test")

    assert answers == [200, 200, 200, 200, 429]
    assert locked.status_code == 429
    assert "opens again in 15 minutes" in locked.text


def test_sign_out_needs_a_post(client):
    client.force_login(make_user())

    assert client.get(reverse("leadflow:sign_out")).status_code == 405
    assert client.post(reverse("leadflow:sign_out")).url == SIGN_IN
    assert client.get("/").url == f"{SIGN_IN}?next=/"


@pytest.mark.parametrize("role", Role.values)
def test_home_leads_every_role_somewhere(client, role):
    client.force_login(make_user(role))

    response = client.get("/", follow=True)

    assert response.status_code == 200
    assert len(response.redirect_chain) == 1


def test_reset_answers_known_and_unknown_addresses_alike(client):
    make_user(email="lea@example.test")

    known = client.post(reverse("leadflow:password_reset"), {"email": "Lea@example.test"})
    unknown = client.post(reverse("leadflow:password_reset"), {"email": "nobody@example.test"})

    assert known.url == unknown.url == reverse("leadflow:password_reset_sent")
    assert [message.to for message in mail.outbox] == [["lea@example.test"]]


def test_reset_fills_nobodys_mailbox(client):
    make_user(email="lea@example.test")

    answers = {
        client.post(reverse("leadflow:password_reset"), {"email": address}).url
        for address in ["lea@example.test", "LEA@example.test"] * 3
    }

    assert answers == {reverse("leadflow:password_reset_sent")}
    assert len(mail.outbox) == 3


def test_reset_link_names_the_configured_address_and_sets_a_password(client, settings):
    settings.LEADFLOW_PUBLIC_URL = "https://leads.example.test"
    make_user(email="lea@example.test")
    client.post(
        reverse("leadflow:password_reset"), {"email": "lea@example.test"}, headers={"host": "localhost"}
    )
    link = next(line for line in mail.outbox[0].body.splitlines() if line.startswith("http"))
    path = link.removeprefix("https://leads.example.test")

    page = client.get(path, follow=True)
    chosen = " spaces are kept "
    answer = client.post(
        page.request["PATH_INFO"], {"new_password1": chosen, "new_password2": chosen}, follow=True
    )

    assert "Sign in with it" in answer.text
    assert sign_in(client, "lea@example.test", chosen.strip()).status_code == 200
    assert sign_in(client, "lea@example.test", chosen).status_code == 302
    assert "used up" in client.get(path, follow=True).text


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("seven77", "at least 8 characters"),
        ("password123", "too common"),
        ("x" * 4097, "at most 4,096 characters"),
        ("", "Type a password."),
    ],
)
def test_change_refuses_weak_passwords_beside_the_field(client, password, said):
    client.force_login(make_user())

    response = client.post(
        reverse("leadflow:password_change"),
        {"old_password": PASSWORD, "new_password1": password, "new_password2": password},
    )

    assert response.status_code == 200
    assert said in response.text
    assert 'aria-invalid="true"' in response.text


def test_change_keeps_spaces_and_stays_signed_in(client):
    user = make_user()
    client.force_login(user)
    chosen = "  two spaces before and after  "

    response = client.post(
        reverse("leadflow:password_change"),
        {"old_password": PASSWORD, "new_password1": chosen, "new_password2": chosen},
        follow=True,
    )

    user.refresh_from_db()
    assert user.check_password(chosen)
    assert "Your password is changed" in response.text


def test_theme_is_kept_in_a_cookie_and_sent_with_the_page(client):
    client.force_login(make_user())

    response = client.post(reverse("leadflow:theme"), {"theme": "dark", "next": "/password/"})

    assert response.url == "/password/"
    assert client.cookies["theme"].value == "dark"
    assert '<html lang="en" data-theme="dark">' in client.get("/password/").text


def test_theme_as_the_system_drops_the_cookie(client):
    client.cookies["theme"] = "dark"

    response = client.post(reverse("leadflow:theme"), {"theme": "system", "next": "//evil.test"})

    assert response.url == "/"
    assert client.cookies["theme"].value == ""


def test_theme_cookie_with_rubbish_is_ignored(client):
    client.cookies["theme"] = '"><script>'

    assert "data-theme=" not in client.get(SIGN_IN).text.split("<head>")[0]
