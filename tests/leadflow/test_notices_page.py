import pytest
from django.urls import reverse

from handoff.models import Notice
from handoff.personal import NoticePreference
from leads.models import AuditEntry, Organisation
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
    opened = client.get(reverse("leadflow:notice_open", args=[own.pk]))
    assert opened.url == f"/leads/{own.lead_id}/"
    own.refresh_from_db()
    assert own.read_at
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


def test_other_peoples_notices_cannot_be_opened(client):
    others = notify(make_user("rep"))
    client.force_login(make_user("rep"))

    assert client.get(reverse("leadflow:notice_open", args=[others.pk])).status_code == 404


def test_what_is_turned_off_here_is_neither_shown_nor_counted(client):
    user = make_user("rep")
    notify(user, "Hidden away")
    Notice.objects.update(in_app=False)
    client.force_login(user)

    page = client.get(reverse("leadflow:notices")).content.decode()

    assert "Hidden away" not in page
    assert "No notice yet" in page
    assert "Nothing unread" in client.get(reverse("leadflow:notices") + "?unread").content.decode()


def test_each_chooses_how_to_be_told(client):
    user = make_user("rep")
    client.force_login(user)
    path = reverse("leadflow:notice_settings")
    names = list(client.get(path).context["form"].fields)
    chosen = {name: "now" for name in names if name.startswith("mail_")} | {
        "app_offered": "on",
        "mail_woken": "digest",
    }

    assert client.post(path, chosen).status_code == 302

    rows = {row.kind: (row.in_app, row.mail) for row in NoticePreference.objects.filter(user=user)}
    assert (rows["offered"], rows["woken"], rows["digest"]) == (
        (True, "now"),
        (False, "digest"),
        (True, "now"),
    )
    assert AuditEntry.objects.get(action="preferences.edit").changes["woken"] == [
        "in app, mail now",
        "mail digest",
    ]


def test_an_offer_must_reach_its_rep_and_a_digest_must_exist(client):
    user = make_user("rep")
    client.force_login(user)
    path = reverse("leadflow:notice_settings")
    chosen = {name: "off" for name in client.get(path).context["form"].fields if name.startswith("mail_")}

    answer = client.post(path, chosen | {"mail_woken": "digest"})

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"mail_offered", "mail_woken"}
    assert not NoticePreference.objects.exists()


def test_the_address_of_the_calendar_is_shown_once(client):
    user = make_user("rep")
    client.force_login(user)

    address = client.post(reverse("leadflow:calendar_new")).context["address"]

    assert client.get(address).status_code == 200
    assert address not in client.get(reverse("leadflow:notice_settings")).content.decode()
    client.post(reverse("leadflow:calendar_close"))
    assert client.get(address).status_code == 404
