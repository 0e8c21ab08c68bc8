import pytest
from django.contrib import messages
from django.http import HttpResponse
from django.urls import include, path

from leadflow.toasts import undo_url
from leadflow.urls import urlpatterns as own
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
HTMX = {"HX-Request": "true"}


def _fragment(request):
    messages.success(request, "Rejected: <wrong person>.", extra_tags="undo:/handoffs/7/undo/")
    return HttpResponse("<p>Row</p>", status=int(request.GET.get("status", 200)))


def _elsewhere(request):
    messages.success(request, "Saved.")
    return HttpResponse("", headers={"HX-Redirect": "/password/"})


urlpatterns = [path("fragment/", _fragment), path("elsewhere/", _elsewhere), path("", include(own))]


@pytest.mark.parametrize(
    ("tags", "url"),
    [
        ("undo:/handoffs/7/undo/", "/handoffs/7/undo/"),
        ("late undo:/x/", "/x/"),
        ("undo://evil.test/", ""),
        ("undo:javascript:alert(1)", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_undo_url_is_a_path_of_this_site(tags, url):
    assert undo_url(tags) == url


def test_fragment_brings_its_toast_along(client):
    response = client.get("/fragment/", headers=HTMX)

    assert response.text.startswith("<p>Row</p>")
    assert 'hx-swap-oob="beforeend:#toasts"' in response.text
    assert "Rejected: &lt;wrong person&gt;." in response.text
    assert 'action="/handoffs/7/undo/"' in response.text


def test_whole_page_shows_the_toast_itself_and_once(client):
    client.force_login(make_user())
    assert "Rejected" not in client.get("/fragment/").text

    page = client.get("/password/", headers=HTMX).text

    assert page.count("Rejected:") == 1
    assert "hx-swap-oob" not in page
    assert "Rejected:" not in client.get("/password/").text


def test_toast_waits_for_the_page_an_answer_leads_to(client):
    client.force_login(make_user())

    assert client.get("/elsewhere/", headers=HTMX).text == ""
    assert "Saved." in client.get("/password/").text


def test_toast_is_not_put_into_an_error(client):
    assert "toast" not in client.get("/fragment/?status=500", headers=HTMX).text
