"""What every target has in common: a message in, an answer out, or a DeliveryError that says what now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Message:
    """One fact as it is sent; the same for every try."""

    uid: str
    kind: str
    sequence: int
    at: datetime
    source: str  # the installation's address
    subject: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a destination answered: its status, and the beginning of what it said."""

    status: int
    text: str = ""
    retry_after: int = 0  # seconds, if it asked for them


class DeliveryError(Exception):
    """A message did not arrive, or nobody said it did. A permanent one is not tried again.

    With `gone` the destination wants no more messages at all.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, answer: Answer | None = None, gone: bool = False
    ) -> None:
        super().__init__(text)
        self.permanent, self.answer, self.gone = permanent, answer, gone


class Target(Protocol):
    """Sends one message to an address; touches no database, so that many can be under way at once."""

    signs: bool

    def send(self, url: str, message: Message, secrets: Sequence[str], at: datetime) -> Answer:
        """Send it and return the answer; raise DeliveryError."""


def judge(answer: Answer) -> Answer:
    """Return an answer that means "received"; raise DeliveryError for any other."""
    if 200 <= answer.status < 300:
        return answer
    if answer.status == 410:
        raise DeliveryError("It answered 410 Gone: no more messages wanted.", answer=answer, gone=True)
    if 300 <= answer.status < 400:
        raise DeliveryError(f"It answered {answer.status}; redirects are not followed.", answer=answer)
    raise DeliveryError(f"It answered {answer.status}.", answer=answer)
