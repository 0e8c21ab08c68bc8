import pytest
from django.urls import reverse

from handoff.models import Notice
from leads.models import Organisation
from tests.factories import AT, make_lead, make_user

pytestmark = pytest.mark.django_db


def notify(user, text="Maren Solberg waits for you"):
    return Notice.objects.create(user=user, kind="woken", lead=make_lead(), text=text, created_at=AT)


def test_notices_show_only_ones_own_and_lead_on(client):
    user = make_user("marketer")
    own = notify(user)
    notify(make_user("rep"), "Somebody else's")
    client.force_login(user)

    page = client.get(reverse("leadflow:notices")).content.decode()

    assert "Maren Solberg waits for you" in page
    assert f"/leads/{own.lead_id}/" in page
    assert "Somebody else" not in page


def test_notices_take_as_many_queries_for_three_as_for_one(client, django_assert_max_num_queries):
    user = make_user("marketer")
    Organisation.current()
    client.force_login(user)
    notify(user)
    with django_assert_max_num_queries(6) as one:
        client.get(reverse("leadflow:notices"))
    notify(user), notify(user)
    with django_assert_max_num_queries(6) as three:
        client.get(reverse("leadflow:notices"))

    assert len(three) == len(one)


def test_marking_as_read_leaves_other_peoples_unread(client):
    user, other = make_user("rep"), make_user("rep")
    own, others = notify(user), notify(other)
    client.force_login(user)

    client.post(reverse("leadflow:notices_read"))

    own.refresh_from_db(), others.refresh_from_db()
    assert own.read_at
    assert others.read_at is None


def test_no_notice_says_when_there_will_be_one(client):
    client.force_login(make_user("rep"))

    assert "No notice yet" in client.get(reverse("leadflow:notices")).content.decode()


def test_a_forged_cursor_is_a_bad_request(client):
    client.force_login(make_user("rep"))

    assert client.get(reverse("leadflow:notices") + "?cursor=x").status_code == 400
