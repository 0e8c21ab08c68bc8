"""Name events by the signal catalogue: the first entry that matches, and the object it is about (R11)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

from django.db.models import F
from django.db.models.signals import post_delete, post_save

from leads.models import Organisation, Signal

AUTOMATED = "automated"
MAX_OBJECT = 200
# Entries whose object also tells which product somebody asked about: "<form>#<product>".
_WITH_PRODUCT = ("form", "demo_request")
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A catalogue entry ready for matching."""

    id: int
    slug: str
    label: str
    type: str
    names: frozenset[str]
    paths: re.Pattern[str] | None
    object_from: tuple[str, ...]
    is_engagement: bool

    def matches(self, kind: str, name: str, path: str) -> bool:
        """Tell whether an event of this type, lower-case name and lower-case path is this signal."""
        if kind != self.type:
            return False
        if not self.names and self.paths is None:
            return True
        return name in self.names or bool(self.paths and path and self.paths.match(path))


class Catalogue:
    """The active entries in their order, with a memory of what they said."""

    def __init__(self, version: str, signals: Iterable[Signal]) -> None:
        self.version = version
        self.entries = [_compile(signal) for signal in signals if signal.match]
        self.by_slug = {entry.slug: entry for entry in self.entries}
        self.by_id = {entry.id: entry for entry in self.entries}
        self._known: dict[tuple[str, str, str], Entry | None] = {}

    def match(self, kind: str, name: str, path: str) -> Entry | None:
        """Return the first entry that matches, or None."""
        key = (kind, name, path)
        try:
            return self._known[key]
        except KeyError:
            pass
        lower_name, lower_path = name.strip().lower(), path.lower()
        found = next((entry for entry in self.entries if entry.matches(kind, lower_name, lower_path)), None)
        if len(self._known) >= _REMEMBERED:
            self._known = {}
        self._known[key] = found
        return found


def _compile(signal: Signal) -> Entry:
    match = signal.match
    paths = [str(pattern).lower() for pattern in match.get("paths") or ()]
    return Entry(
        id=signal.pk,
        slug=signal.slug,
        label=signal.label,
        type=str(match.get("type", "track")),
        names=frozenset(str(name).strip().lower() for name in match.get("names") or ()),
        paths=re.compile("|".join(translate(pattern) for pattern in paths)) if paths else None,
        object_from=tuple(str(path) for path in signal.object_from or ()),
        is_engagement=signal.is_engagement,
    )


def path_of(properties: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Return the path of the page an event is about, without query and closing slash; "" if it names none."""
    page = context.get("page")
    for holder in (properties, page if isinstance(page, dict) else {}):
        given = holder.get("path")
        if isinstance(given, str) and given:
            return _plain_path(given)
        url = holder.get("url")
        if isinstance(url, str) and url:
            _, mark, rest = url.partition("://")
            host_and_path = rest if mark else url
            _, slash, path = host_and_path.partition("/")
            return _plain_path(slash + path) if mark else _plain_path(url)
    return ""


def _plain_path(path: str) -> str:
    if "?" in path or "#" in path:
        path = path.partition("?")[0].partition("#")[0]
    return (path.rstrip("/") or "/")[:MAX_OBJECT]


def object_key(
    entry: Entry, name: str, path: str, properties: Mapping[str, Any], context: Mapping[str, Any]
) -> str:
    """Return what an event is about: the first of the entry's `object_from` that has a value."""
    key = ""
    for source in entry.object_from:
        if source == "path":
            key = path or (name if entry.type == "page" else "")
        elif source == "name":
            key = _text(properties.get("name")) or name
        else:
            key = _text(_look_up(properties, source)) or _from_context(context, source)
        if key:
            break
    if entry.slug in _WITH_PRODUCT and "product" not in entry.object_from:
        product = product_of(properties)
        key = f"{key[: MAX_OBJECT - len(product) - 1]}#{product}" if product else key
    return key[:MAX_OBJECT]


def product_of(properties: Mapping[str, Any]) -> str:
    """Return the product a form asked about, or ""."""
    for name in ("product", "product_interest", "productInterest"):
        if text := _text(properties.get(name)):
            return text[:100]
    return ""


def _look_up(holder: Mapping[str, Any], path: str) -> Any:
    if path in holder:
        return holder[path]
    found: Any = holder
    for part in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _from_context(context: Mapping[str, Any], source: str) -> str:
    if source != "campaign":
        return ""
    campaign = context.get("campaign")
    return _text(campaign.get("name")) if isinstance(campaign, dict) else ""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


_current: Catalogue | None = None
_lock = threading.Lock()


def current(version: str) -> Catalogue:
    """Return the catalogue, read again if `version` (see `leads.intake.setting`) is not that of our copy."""
    global _current
    with _lock:
        if _current is None or _current.version != version:
            _current = Catalogue(version, Signal.objects.filter(is_active=True))
        return _current


def bump(**kwargs: Any) -> None:
    """Tell every process that the catalogue changed; called when a signal is saved or deleted."""
    global _current
    # Making the row if need be: a version that did not move would hide the change.
    Organisation.objects.filter(id=Organisation.current().pk).update(
        catalogue_version=F("catalogue_version") + 1
    )
    with _lock:
        _current = None


def connect() -> None:
    """Notice changes of the catalogue from now on."""
    post_save.connect(bump, sender=Signal, dispatch_uid="catalogue")
    post_delete.connect(bump, sender=Signal, dispatch_uid="catalogue")
