"""The sentence a rep reads first: what the lead did, when, then who they are. No database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

# What somebody did who gave the signal; {object} is the page, asset or event in question.
VERBS = {
    "demo_request": "asked for a demo",
    "direct_conversation": "spoke with us",
    "ppc_call": "called from an advert",
    "trial": "started a trial",
    "chat": "chatted with us",
    "business_profile": "wrote to us through the business profile",
    "referral": "was referred to us",
    "pricing_guide": "took the pricing guide",
    "demo_checklist": "took the demo checklist",
    "comparison_sheet": "took the comparison sheet",
    "product_content": "read “{object}”",
    "guide": "downloaded “{object}”",
    "webinar": "attended the webinar “{object}”",
    "webinar_question": "asked a question in the webinar “{object}”",
    "webinar_registered": "signed up for the webinar “{object}”",
    "tradeshow": "visited us at {object}",
    "form": "sent the form “{object}”",
    "pricing_page": "looked at pricing",
    "product_page": "looked at product pages",
    "email_reply": "answered our e-mail",
}
TOLD = 2


def sentence(
    first_name: str, actions: Sequence[Mapping[str, Any]], profile: Mapping[str, Any], today: date
) -> str:
    """Say why now; `actions` are those of a context note, the most telling first."""
    did = " and ".join(_did(action, today) for action in actions[:TOLD])
    are = _are(profile)
    subject = first_name or "They"
    if not did:
        return f"{subject} {'is' if first_name else 'are'} {are}." if are else ""
    return f"{subject} {did}." + (f" They are {are}." if are else "")


def _did(action: Mapping[str, Any], today: date) -> str:
    thing = action["object"]
    verb = VERBS.get(action["signal"], f"gave us “{action['label']}”")
    if not thing and "{object}" in verb:
        verb = (
            verb.replace(" “{object}”", "")
            .replace(" at {object}", "")
            .replace("read", "read product content")
        )
    done = verb.format(object=thing)
    if action.get("product"):
        done += f", naming {action['product']},"
    last = date.fromisoformat(action["on"])
    when = f"on {last.day} {last:%B}" + ("" if last.year == today.year else f" {last.year}")
    return f"{done} on {action['days']} days, last {when}" if action["days"] > 1 else f"{done} {when}"


def _are(profile: Mapping[str, Any]) -> str:
    title, company = profile.get("job_title"), profile.get("company")
    people = f"{profile['employees']:,} people" if profile.get("employees") else ""
    details = ", ".join(part for part in (profile.get("industry"), people) if part)
    work = f"{title} at {company}" if title and company else title or (f"at {company}" if company else "")
    return f"{work} ({details})" if work and details else work
