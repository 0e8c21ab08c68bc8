import pytest
from django.http import HttpResponse
from django.urls import path
from django.utils import timezone

from leadflow.organisation import current_organisation
from leads.models import Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def _zone(request):
    names = [timezone.get_current_timezone_name(), *[current_organisation().time_zone for _ in range(3)]]
    return HttpResponse(" ".join(names))


urlpatterns = [path("zone/", _zone), path("api/zone/", _zone)]


@pytest.fixture(autouse=True)
def _berlin():
    Organisation.current()
    Organisation.objects.update(time_zone="Europe/Berlin")


def test_pages_live_in_the_zone_of_the_organisation_for_one_query(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = client.get("/zone/")

    assert set(response.text.split()) == {"Europe/Berlin"}
    assert timezone.get_current_timezone_name() == "UTC"


def test_programs_live_in_utc(client):
    assert client.get("/api/zone/").text.split()[0] == "UTC"


def test_outside_a_request_it_is_read_afresh():
    Organisation.objects.update(time_zone="Asia/Tokyo")

    assert current_organisation().time_zone == "Asia/Tokyo"
