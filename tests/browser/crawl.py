"""Which pages the browser looks at: every address of the permission matrix, and the states no address alone shows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from types import SimpleNamespace

from django.test import Client
from django.urls import reverse

from leads.enums import Role
from leads.models import User
from tests.leadflow.matrix import MATRIX, SEEN, Row
from tests.leadflow.world import MISSING, World

LETTERS = {Role.ADMIN: "A", Role.MARKETER: "M", Role.MANAGER: "G", Role.REP: "R"}
QUEUES = ("suspects", "new", "near-mql", "hand-raised", "mql-waiting", "returned", "nurture", "vanishing")
# What differs between two answers that look the same: tokens, and where the reader came from.
_TELLTALE = re.compile(r'value="\w{64}"|data-\w+="[^"]*"|data-csrf="\w+"|<time.*?</time>')


def addresses(role: str, made: SimpleNamespace) -> Iterator[str]:
    """Give every address this role may open, on its own things, and then the states worth a look."""
    yield from pages_of(role, made.world)
    yield from _states(LETTERS[Role(role)], made)


def pages_of(role: str, world: World) -> Iterator[str]:
    """Give every address this role may open, with the number of a thing of its own where it needs one."""
    letter = LETTERS[Role(role)]
    for name, row in MATRIX.items():
        if not isinstance(row, Row) or name.startswith("api:") or letter not in row.GET:
            continue
        if not row.thing or "own" in SEEN[row.thing][letter]:
            yield _address(world, name, row)
    if letter in "MA":
        yield from (f"/leads/?view={view}" for view in QUEUES)


def _address(world: World, name: str, row: Row) -> str:
    number = world.numbers.get((name, "own"), world.numbers.get((row.thing, "own"), MISSING))
    return reverse(
        name, args=[number if arg == "{thing}" else arg for arg in row.args if row.thing or arg != "{thing}"]
    )


def _states(letter: str, made: SimpleNamespace) -> Iterator[str]:
    yield from ("/dashboard/leads/?of=mqls", "/dashboard/?days=365")
    yield from (f"/leads/{lead.pk}/?view=all" for lead in (made.accepted.lead, made.sql.lead))
    if letter == "A":
        yield from (f"/leads/?view={view}" for view in QUEUES)
        yield from (
            "/leads/?q=nobody",
            "/leads/?score_min=9&score_max=1",
            "/search/?q=holm",
            "/search/?q=nobody",
        )
        yield from (f"/leads/{made.suspect.pk}/", "/dashboard/?days=nonsense")
    if letter in "GA":
        yield "/handoffs/?view=waiting"
    if letter in "RA":
        yield from (f"/handoffs/{handoff.pk}/" for handoff in (made.offered, made.accepted, made.sql))
    if letter == "R":
        yield from (f"/handoffs/{made.offered.pk}/decide/{slug}/" for slug in ("reject", "return"))
        yield from (f"/handoffs/{made.accepted.pk}/decide/defer/", f"/handoffs/{made.sql.pk}/opportunity/")


class Seen:
    """Lets a page pass once: the same page shown to another role is not looked at again."""

    def __init__(self) -> None:
        self.prints: set[str] = set()

    def unseen(self, user: User, wanted: Iterator[str]) -> tuple[list[str], list[str]]:
        """Return the addresses whose page nobody was shown yet, and what answered with an error."""
        client, fresh, wrong = Client(), [], []
        client.force_login(user)
        for address in dict.fromkeys(wanted):
            answer = client.get(address)
            kind = answer.headers.get("Content-Type", "")
            if answer.status_code >= 400 and "nonsense" not in address:
                wrong.append(f"{address}: {answer.status_code}")
            elif answer.status_code != 302 and kind.startswith("text/html") and self._is_new(answer.content):
                fresh.append(address)
        return fresh, wrong

    def _is_new(self, html: bytes) -> bool:
        main = html.decode().partition("<main")[2]
        mark = hashlib.sha256(_TELLTALE.sub("", main).encode()).hexdigest()
        is_new = bool(main) and mark not in self.prints
        self.prints.add(mark)
        return is_new
