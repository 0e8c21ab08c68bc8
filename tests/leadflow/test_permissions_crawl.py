"""Every address, by every method, for everybody, on own and on others' things: the answer is the matrix's (I24)."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test.utils import override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.leadflow.matrix import MATRIX, SEEN, Public, Row
from tests.leadflow.world import MISSING, Actor, World, build

READING, OTHERS = ("GET", "POST", "PATCH"), ("PUT", "DELETE", "HEAD", "OPTIONS")
ROWS = sorted(name for name, row in MATRIX.items() if isinstance(row, Row))
PAGES = [name for name in ROWS if not name.startswith("api:")]
APIS = [name for name in ROWS if name.startswith("api:")]


@pytest.fixture(scope="module")
def world(django_db_setup: Any, django_db_blocker: Any) -> Iterator[World]:
    """One world for the whole crawl; each request's effects are undone after it."""
    with (
        django_db_blocker.unblock(),
        override_settings(LEADFLOW_UNDO_SECONDS=8, LEADFLOW_RATE_API="1000000/min"),
        transaction.atomic(),
    ):
        yield build()
        transaction.set_rollback(True)


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
        return reverse(name, args=[arg for arg in row.args if arg != "{thing}"])
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


def wrong(world: World, actors: list[Actor], name: str, methods: tuple[str, ...]) -> list[str]:
    """Return every request whose answer is not the matrix's, in words."""
    row = MATRIX[name]
    assert isinstance(row, Row)
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


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_to_whom_the_matrix_says(world: World, name: str) -> None:
    assert wrong(world, world.actors, name, ("GET", "POST")) == []


@pytest.mark.parametrize("name", APIS)
def test_endpoint_opens_to_whom_the_matrix_says(world: World, name: str) -> None:
    assert wrong(world, world.actors, name, READING) == []


@pytest.mark.parametrize("name", APIS)
def test_endpoint_opens_to_the_scopes_the_matrix_says(world: World, name: str) -> None:
    row = MATRIX[name]
    assert isinstance(row, Row)
    methods = tuple(method for method in READING if row.roles(method))

    assert wrong(world, world.keys, name, methods) == []


@pytest.mark.parametrize("name", [name for name in ROWS if name not in FORM_VIEWS])
def test_other_methods_open_nothing(world: World, name: str) -> None:
    few = [actor for actor in world.actors if actor.name in ("nobody", "rep", "admin")]

    assert wrong(world, few, name, OTHERS) == []


@pytest.mark.parametrize("name", sorted(name for name, row in MATRIX.items() if isinstance(row, Public)))
def test_public_address_never_fails(world: World, name: str) -> None:
    row = MATRIX[name]
    assert isinstance(row, Public)
    path = reverse(name, args=row.args)

    for actor in world.actors:
        for method in (*READING, *OTHERS):
            status = call(actor, method, path).status_code
            # Not ready is an answer too: there is no worker here.
            assert status < 500 or name == "readyz", f"{actor.name} {method} {path}: {status}"
            if method not in row.methods and method != "HEAD" and name not in FORM_VIEWS:
                assert status in (204, 403, 405), f"{actor.name} {method} {path}: {status}"


def told(response: Any, number: Any) -> str:
    """Return what a response says, without what differs between any two: the number asked for, tokens."""
    body = response.content.decode().replace(str(number), "N")
    return re.sub(r'"request_id": ?"\w+"|data-csrf="\w+"|value="\w{64}"', "", body)


@pytest.mark.parametrize(
    "name", [name for name in ROWS if MATRIX[name].thing in ("lead", "handoff", "company", "rep")]
)  # type: ignore[union-attr]
def test_others_things_answer_like_missing_ones(world: World, name: str) -> None:
    row = MATRIX[name]
    assert isinstance(row, Row)
    for actor in world.actors:
        for method in READING:
            if actor.letter not in row.roles(method) or not actor.letter or sees(actor, row, "other"):
                continue
            other, missing = (address(world, name, row, place) for place in ("other", "missing"))
            hidden, absent = call(actor, method, other), call(actor, method, missing)
            number = other.rstrip("/").split("/")
            assert hidden.status_code == absent.status_code
            assert hidden.status_code in (404, 422)
            assert told(hidden, next(part for part in number if part.isdigit())) == told(absent, MISSING)
