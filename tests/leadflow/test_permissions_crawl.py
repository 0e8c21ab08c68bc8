"""Every address, by every method, for everybody, on own and on others' things: the answer is the matrix's (I24)."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.leadflow.matrix import MATRIX, SEEN, Public, Row
from tests.leadflow.world import MISSING, Actor, World, build

pytestmark = pytest.mark.timeout(900)
READING, OTHERS = ("GET", "POST", "PATCH"), ("PUT", "DELETE", "HEAD", "OPTIONS")
ROWS = sorted(name for name, row in MATRIX.items() if isinstance(row, Row))
PAGES = [name for name in ROWS if not name.startswith("api:")]
APIS = [name for name in ROWS if name.startswith("api:")]


@pytest.fixture
def world(db: None, settings: Any) -> World:
    """The world to crawl; each request's effects are undone after it."""
    settings.LEADFLOW_UNDO_SECONDS, settings.LEADFLOW_RATE_API = 8, "1000000/min"
    if connection.vendor == "postgresql":
        connection.cursor().execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return build()


def names(patterns: list[Any], space: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from names(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}"


def test_matrix_has_a_row_for_every_address_and_no_other() -> None:
    assert set(names(get_resolver().url_patterns)) == set(MATRIX)


def call(actor: Actor, method: str, path: str) -> Any:
    cache.clear()
    cookies = copy.deepcopy(actor.client.cookies)
    with transaction.atomic():
        response = actor.client.generic(
            method, path, b"{}" if path.startswith("/api/") else b"",
            content_type="application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded",
            headers={"If-Match": "*", **actor.headers},
        )  # fmt: skip
        transaction.set_rollback(True)
    actor.client.cookies = cookies  # signing out is undone as well
    return response


def address(world: World, name: str, row: Row, place: str) -> str:
    if not row.thing:
        return reverse(name, args=[arg for arg in row.args if arg != "{thing}"]) + row.query
    number = world.numbers.get((name, place), world.numbers.get((row.thing, place), MISSING))
    if place == "missing":
        number = MISSING if isinstance(world.numbers.get((name, "own"), 0), int) else "no-such-thing"
    return reverse(name, args=[number if arg == "{thing}" else arg for arg in row.args])


def places(row: Row) -> list[str]:
    if not row.thing:
        return [""]
    everywhere = sorted({place for seen in SEEN[row.thing].values() for place in seen})
    return [*everywhere, "missing"]


def sees(actor: Actor, row: Row, place: str) -> bool:
    if not row.thing:
        return True
    if actor.far and row.thing != "common":
        return place == "other"
    return place in SEEN[row.thing][actor.letter]


def expected(actor: Actor, name: str, row: Row, method: str, place: str) -> set[int]:
    """Return the statuses that would be right; nothing is sent, so a write that is allowed may answer 4xx."""
    is_api = name.startswith("api:")
    if not actor.letter:
        return {401} if is_api else {302}
    allowed = actor.letter in row.roles(method)
    if not row.roles(method):
        return {403, 405}
    if not allowed or not _in_scope(actor, row, method):
        return {403}
    if not sees(actor, row, place):
        # The API looks at what was sent before it looks for the thing; that tells nothing of the thing.
        return {404, 415, 422} if is_api and method in ("POST", "PATCH") else {404}
    return FINE if method in ("GET", "HEAD") else FINE | {202, 409, 412, 415, 422}


FINE = {200, 201, 302}
# Django's form views take PUT for POST, and answer OPTIONS.
FORM_VIEWS = {
    "leadflow:sign_in", "leadflow:sign_out", "leadflow:password_change", "leadflow:password_reset",
    "leadflow:password_reset_sent", "leadflow:new_password",
}  # fmt: skip


def _in_scope(actor: Actor, row: Row, method: str) -> bool:
    needed = row.scopes.get({"HEAD": "GET"}.get(method, method), "-")
    if actor.scopes is None:
        return True
    if needed == "any":
        return bool(actor.scopes - {"events:write", "forms:submit", "metrics:read"})
    return needed != "-" and set(needed.split()) <= actor.scopes


def row_of(name: str) -> Row:
    row = MATRIX[name]
    assert isinstance(row, Row)
    return row


def wrong(world: World, actors: list[Actor], name: str, methods: tuple[str, ...]) -> list[str]:
    """Return every request whose answer is not the matrix's, in words."""
    row = row_of(name)
    found = []
    for place in places(row):
        path = address(world, name, row, place)
        for actor in actors:
            for method in methods:
                response, right = call(actor, method, path), expected(actor, name, row, method, place)
                if response.status_code not in right:
                    found.append(
                        f"{actor.name} {method} {path} ({place}): {response.status_code}, not {sorted(right)}"
                    )
    return found


def test_pages_open_to_whom_the_matrix_says(world: World) -> None:
    assert [fault for name in PAGES for fault in wrong(world, world.actors, name, ("GET", "POST"))] == []


def test_endpoints_open_to_whom_the_matrix_says(world: World) -> None:
    assert [fault for name in APIS for fault in wrong(world, world.actors, name, READING)] == []


def test_endpoints_open_to_the_scopes_the_matrix_says(world: World) -> None:
    faults = []
    for name in APIS:
        methods = tuple(method for method in READING if row_of(name).roles(method))
        faults += wrong(world, world.keys, name, methods)

    assert faults == []


def test_other_methods_open_nothing(world: World) -> None:
    few = [actor for actor in world.actors if actor.name in ("nobody", "rep", "admin")]
    addresses = [name for name in ROWS if name not in FORM_VIEWS]

    assert [fault for name in addresses for fault in wrong(world, few, name, OTHERS)] == []


def test_public_addresses_never_fail(world: World) -> None:
    faults = []
    for name, row in MATRIX.items():
        if isinstance(row, Public):
            path = reverse(name, args=row.args)
            for actor, method in itertools.product(world.actors, (*READING, *OTHERS)):
                status = call(actor, method, path).status_code
                if not _right_in_public(name, row, method, status):
                    faults.append(f"{actor.name} {method} {path}: {status}")

    assert faults == []


def _right_in_public(name: str, row: Public, method: str, status: int) -> bool:
    # Not ready is an answer too: there is no worker here.
    sound = status < 500 or name == "readyz"
    if method in row.methods or method == "HEAD" or name in FORM_VIEWS:
        return sound
    return status in (204, 403, 405)


def test_others_things_answer_like_missing_ones(world: World) -> None:
    faults = []
    for name in ROWS:
        row = row_of(name)
        if "other" not in places(row) or row.thing == "pool":
            continue
        for actor, method in itertools.product(world.actors, READING):
            if actor.letter and actor.letter in row.roles(method) and not sees(actor, row, "other"):
                hidden, missing = (address(world, name, row, place) for place in ("other", "missing"))
                answers = [told(call(actor, method, path), path) for path in (hidden, missing)]
                if answers[0] != answers[1] or answers[0][0] not in (404, 415, 422):
                    faults.append(f"{actor.name} {method} {hidden}: {answers}")

    assert faults == []


def told(response: Any, path: str) -> tuple[int, str]:
    """Return what a response says, without what differs between any two: the address asked for, tokens."""
    body = response.content.decode().replace(path, "PATH")
    return response.status_code, re.sub(r'"request_id": ?"\w+"|data-csrf="\w+"|value="\w{64}"', "", body)
