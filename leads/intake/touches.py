"""Where somebody came from: campaign values, else the advert's click id, else the page that linked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from leads.capture import Touch

_CLICK_IDS = {"gclid": "google", "msclkid": "bing", "fbclid": "facebook", "li_fat_id": "linkedin"}
_SEARCH = (
    "google.",
    "bing.",
    "duckduckgo.",
    "ecosia.",
    "yahoo.",
    "baidu.",
    "yandex.",
    "startpage.",
    "qwant.",
)
_SOCIAL = (
    "linkedin.",
    "lnkd.in",
    "facebook.",
    "twitter.",
    "t.co",
    "x.com",
    "instagram.",
    "youtube.",
    "reddit.",
    "xing.",
)


def touch_of(properties: Mapping[str, Any], context: Mapping[str, Any]) -> Touch | None:
    """Return the touch an event shows, or None if it shows none, as a direct visit does."""
    campaign = context.get("campaign")
    if isinstance(campaign, dict) and campaign:
        touch = Touch(_text(campaign, "source"), _text(campaign, "medium"), _text(campaign, "name"))
        if touch != Touch():
            return touch
    page = context.get("page")
    holders = (properties, page) if isinstance(page, dict) else (properties,)
    query = next(
        (text for holder in holders for name in ("search", "url") if "?" in (text := _text(holder, name))), ""
    )
    if query and (found := _from_query(query)):
        return found
    referrer = next((text for holder in holders if (text := _text(holder, "referrer"))), "")
    return _from_referrer(referrer, *(_text(holder, "url") for holder in holders)) if referrer else None


def _from_query(text: str) -> Touch | None:
    query = text.partition("?")[2].partition("#")[0]
    if not query:
        return None
    values = dict(parse_qsl(query[:2000], max_num_fields=None))
    touch = Touch(*(values.get(f"utm_{name}", "").strip() for name in ("source", "medium", "campaign")))
    if touch != Touch():
        return touch
    source = next((source for click_id, source in _CLICK_IDS.items() if click_id in values), None)
    return Touch(source, "cpc") if source else None


def _from_referrer(referrer: str, *urls: str) -> Touch | None:
    host = _host(referrer)
    if not host or host in map(_host, urls):
        return None
    if any(host.startswith(name) or f".{name}" in host for name in _SEARCH):
        return Touch(host, "organic")
    if any(host == name or host.startswith(name) or f".{name}" in host for name in _SOCIAL):
        return Touch(host, "social")
    return Touch(host, "referral")


def _host(url: str) -> str:
    if "//" not in url:
        return ""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value.strip() if isinstance(value, str) else ""
