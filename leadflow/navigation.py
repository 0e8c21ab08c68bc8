"""The side navigation: which places each role sees, and the few counts that call for somebody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import IntegerField, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from leads.enums import Role
from leads.models import SavedView, User
from leads.permissions import can

THEMES = ("light", "dark")
_CAP = 1000  # counting stops here, whatever the number of rows
_VIEWS = 12


@dataclass(frozen=True)
class Place:
    """One entry: where it leads, who may go (`action`), which count stands beside it, which key after `g`."""

    label: str
    name: str
    icon: str
    view: str = ""
    action: str = ""
    count: str = ""
    tone: str = ""
    go: str = ""


@dataclass
class Item:
    """A place as the page shows it."""

    label: str
    url: str
    icon: str
    count: int | None = None
    tone: str = ""
    go: str = ""
    current: str = ""

    @property
    def shown_count(self) -> str:
        return f"{self.count:,}" if (self.count or 0) < _CAP else f"{_CAP - 1}+"


@dataclass
class Group:
    title: str
    items: list[Item] = field(default_factory=list)


@dataclass
class Navigation:
    groups: list[Group]
    search_url: str
    team: str = ""


_QUEUE = Place("Lead queue", "leads:queue", "list", action="leads.read", go="q")
_SUSPECTS = Place("Suspects", "leads:queue", "users", view="suspects", action="leads.read")
_IMPORTS = Place("Imports", "leads:imports", "upload", action="imports")
_RETURNED = Place("Back from sales", "leads:queue", "back", view="returned", count="returned", tone="warn")
_NEAR = Place("Close to MQL", "leads:queue", "target", view="near-mql")
_NEW = Place("New this week", "leads:queue", "star", view="new")
_RAISED = Place("Hand-raised, check fit", "leads:queue", "flag", view="hand-raised")
_WAITING = Place("MQLs without a rep", "leads:queue", "clock", view="mql-waiting")
_NURTURE = Place("Nurture", "leads:queue", "sprout", view="nurture")
_VANISHING = Place("About to vanish", "leads:queue", "warn", view="vanishing")
_DEFINITIONS = Place("Definitions", "scoring:definitions", "sliders", action="definitions.read")
_BACKTESTS = Place("Back-tests", "backtests:list", "eye", action="backtests.read")
_SIGNALS = Place("Signals", "leads:signals", "pulse", action="signals.read")
_QUARANTINE = Place("Quarantine", "leads:quarantine", "ring", action="events.quarantine")
_SOURCES = Place("Sources", "leads:sources", "globe", action="sources.read")
_REASONS = Place("Rejection reasons", "handoff:reasons", "tag", action="reasons.read")
_TRACKS = Place("Nurture tracks", "handoff:tracks", "sprout", action="reasons.read")
_ROUTING = Place("Routing", "handoff:routing", "route", action="routing.read", go="r")
_CLOCKS = Place("Clocks", "handoff:clocks", "clock", action="routing.read")
_AWAY = Place("Out of office", "handoff:my_absences", "calendar", action="reps.own_capacity")
_REPS = Place("Reps and capacity", "handoff:reps", "users", action="routing.read", go="c")
_REPORTS = Place("Reports", "dashboard:conversion", "chart", action="reports.read", go="d")
_LIFT = Place("Lift and calibration", "dashboard:lift", "target", action="reports.read")
_BOARD = Place("Handoffs", "handoff:board", "inbox", action="handoffs.reassign", go="i")
_UNROUTED = Place("Needs routing", "handoff:board", "flag", view="waiting", count="unrouted", tone="warn")
_NOTICES = Place("Notices", "leadflow:notices", "bell", count="unread", tone="info")
_INBOX = Place("Inbox", "handoff:inbox", "inbox", action="handoffs.respond", count="inbox", go="i")
_MY_LEADS = Place("My leads", "leads:queue", "users", action="leads.read", go="q")
_RESULTS = Place("My results", "dashboard:conversion", "chart", action="reports.read", go="d")
_OPERATIONS = Place("Operations", "leadflow:operations", "gear", action="operations.read")
_USERS = Place("Users and teams", "leadflow:users", "user", action="users.read")
_KEYS = Place("API keys", "leadflow:api_keys", "key", action="apikeys.manage")
_WEBHOOKS = Place("Webhooks", "leadflow:webhooks", "send", action="webhooks.manage")
_AUDIT = Place("Audit log", "leadflow:audit", "file", action="audit.read")
_SAVED = "Saved views"  # a group whose items are the user's own

MENUS: dict[str, list[tuple[str, list[Place]]]] = {
    Role.MARKETER: [
        ("", [_QUEUE, _SUSPECTS, _IMPORTS, _RETURNED, _NOTICES]),
        ("Queues", [_NEW, _NEAR, _RAISED, _WAITING, _NURTURE, _VANISHING]),
        (_SAVED, []),
        ("Rules", [_DEFINITIONS, _BACKTESTS, _SIGNALS, _REASONS, _TRACKS, _ROUTING, _REPORTS, _LIFT]),
        ("Running it", [_SOURCES, _QUARANTINE, _OPERATIONS]),
    ],
    Role.REP: [
        ("", [_INBOX, _MY_LEADS, _NURTURE, _VANISHING, _NOTICES, _AWAY]),
        (_SAVED, []),
        ("Reference", [_DEFINITIONS, _RESULTS]),
    ],
    Role.MANAGER: [
        ("", [_REPORTS, _BOARD, _UNROUTED, _QUEUE, _VANISHING, _NOTICES]),
        (_SAVED, []),
        ("Rules", [_DEFINITIONS, _BACKTESTS, _LIFT, _ROUTING, _CLOCKS, _REPS, _REASONS]),
        ("Team", [_USERS, _IMPORTS, _AUDIT]),
    ],
    Role.ADMIN: [
        ("", [_OPERATIONS, _QUEUE, _SUSPECTS, _BOARD, _REPORTS, _IMPORTS, _NOTICES]),
        (_SAVED, []),
        (
            "Rules",
            [_DEFINITIONS, _BACKTESTS, _LIFT, _SIGNALS, _QUARANTINE, _REASONS, _TRACKS, _ROUTING, _REPS],
        ),
        ("Access", [_USERS, _KEYS, _SOURCES, _WEBHOOKS, _AUDIT]),
    ],
}
# Where each role's day begins.
LANDING = {Role.MARKETER: _QUEUE, Role.REP: _INBOX, Role.MANAGER: _REPORTS, Role.ADMIN: _OPERATIONS}


def link(name: str, view: str = "") -> str:
    """Return the address of a named page, or "" where this installation has no such page."""
    try:
        url = reverse(name)
    except NoReverseMatch:
        return ""
    return f"{url}?view={view}" if view else url


def landing_url(user: User) -> str:
    """Return where this user's day begins."""
    first = [LANDING[Role(user.role)], *(place for _, places in MENUS[user.role] for place in places)]
    return next(
        filter(None, (link(place.name, place.view) for place in first)), link("leadflow:password_change")
    )


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the menu (made only if a page shows it), the theme and what toasts need."""
    theme = request.COOKIES.get("theme", "")
    theme = theme if theme in THEMES else ""
    return {
        "navigation": SimpleLazyObject(lambda: build(request)),
        "theme": theme,
        "next_theme": {"": "light", "light": "dark", "dark": "system"}[theme],
        "sprite": static("icons.svg"),
        "undo_seconds": settings.LEADFLOW_UNDO_SECONDS,
    }


def build(request: HttpRequest) -> Navigation:
    """Make the signed-in user's menu; two queries, whatever stands in it."""
    user = request.user
    if not isinstance(user, User):
        return Navigation([], "")
    counts = _counts(user)
    groups = []
    for title, places in MENUS[user.role]:
        items = _saved_views(user) if title == _SAVED else list(_items(user, places, counts))
        if items:
            groups.append(Group(title, items))
    _mark_current(request, [item for group in groups for item in group.items])
    return Navigation(groups, link("leadflow:search"), counts.get("team__name") or "")


def _items(user: User, places: list[Place], counts: dict[str, Any]) -> Iterator[Item]:
    for place in places:
        url = link(place.name, place.view)
        if url and (not place.action or can(user, place.action)):
            count = counts.get(place.count) if place.count else None
            yield Item(place.label, url, place.icon, count, place.tone, place.go)


def _saved_views(user: User) -> list[Item]:
    queue = link("leads:queue")
    views = SavedView.objects.visible_to(user)[:_VIEWS] if queue else []
    return [Item(view.name, f"{queue}?{view.query}", "bookmark") for view in views]


def _mark_current(request: HttpRequest, items: list[Item]) -> None:
    """Mark the page itself, else the place it lies under: a lead lies under the queue."""
    here = request.get_full_path()
    exact = next((item for item in items if item.url == here), None)
    if exact:
        exact.current = "page"
        return
    # A saved view or a queue with further filters still is that queue.
    view = request.GET.get("view", "")
    for item in items:
        path, _, query = item.url.partition("?")
        if path == request.path and query == (f"view={view}" if view else ""):
            item.current = "page"
            return
    above = [
        item
        for item in items
        if "?" not in item.url and item.url != "/" and request.path.startswith(item.url)
    ]
    if above:
        max(above, key=lambda item: len(item.url)).current = "true"


class _CappedCount(Subquery):
    """The number of rows of a query, as one column of another; counting stops at the cap."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by().values("pk")[:_CAP])


def _counts(user: User) -> dict[str, Any]:
    """Count what waits for this user, all in one query."""
    queued = Handoff.objects.filter(status=HandoffStatus.QUEUED)
    stuck = ~Q(queue_reason__in=[QueueReason.NEW, QueueReason.RETURNED, QueueReason.NOT_SALES_READY])
    columns = {"unread": _CappedCount(Notice.objects.filter(user=user, read_at=None).shown())}
    if user.is_rep:
        to_do = Handoff.objects.visible_to(user).open().exclude(deferred_until__isnull=False)
        columns["inbox"] = _CappedCount(to_do)
    if user.is_manager or user.is_admin:
        columns["unrouted"] = _CappedCount(queued.visible_to(user).filter(stuck))
    if user.is_marketer:
        columns["returned"] = _CappedCount(queued.filter(queue_reason=QueueReason.RETURNED))
    return dict(User.objects.filter(pk=user.pk).values("team__name", **columns).first() or {})
