import pytest

from handoff import letters
from handoff.models import Handoff, Notice
from tests.factories import make_offer, make_rep

pytestmark = pytest.mark.django_db

NOTE = {
    "profile": {"job_title": "CTO", "company": "Nordhavn"},
    "source": {"source": "google", "campaign": "Spring"},
    "product_interest": "Analytics",
    "why": {
        "now": "Maren took the checklist.",
        "rule_label": "Content",
        "sentence": "Pricing guide.",
        "version": 3,
    },
    "score": {"score": 72, "fit": 30, "engagement": 42},
    "actions": [{"label": "Pricing page", "object": "/pricing", "count": 3, "on": "2026-03-11"}],
    "forms": [{"answers": {"Need": "<script>alert(1)</script>", "items": "no {{ tag }}"}}],
    "comments": [{"text": "Met at the fair", "by": "Mia"}],
    "known": [{"label": "Budget", "text": "25–50 k"}],
    "ask": [{"ask": "When do you decide?"}],
    "earlier": [{"number": 1, "owner": "Jonas", "decision": "rejected", "end_reason": "No timeline"}],
}


def letter():
    offer = make_offer(make_rep("Jonas"), first_name="Maren", email="maren@x.test")
    Handoff.objects.filter(pk=offer.pk).update(context=NOTE)
    notice = Notice.objects.select_related("user", "handoff__lead__company", "lead").get(kind="offered")
    return letters.compose(notice)


def test_an_offer_carries_its_note_readable_without_html():
    body = letter().body

    for said in (
        "Maren took the checklist.", "Why an MQL: Content. Pricing guide. (definition 3)",
        "Score 72: fit 30, engagement 42", "WHO\nMaren, CTO, Nordhavn\nE-mail: maren@x.test",
        "Source: google, Spring", "Interested in: Analytics", "- Pricing page: /pricing, 3 times, last 2026-03-11",
        "- Need: <script>alert(1)</script>", "- items: no {{ tag }}", '"Met at the fair" Mia', "- Budget: 25–50 k",
        "- When do you decide?", "- Cycle 1, Jonas, rejected. No timeline",
    ):  # fmt: skip
        assert said in body


def test_the_html_says_the_same_and_runs_nothing():
    mail = letter()
    html = mail.alternatives[0][0]

    assert "&lt;script&gt;" in html
    assert "<script" not in html
    for said in ("Maren took the checklist.", "25–50 k", "When do you decide?", "No timeline"):
        assert said in html
    assert mail.message().get_content_type() == "multipart/alternative"
