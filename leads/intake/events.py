"""What intake passes around: an event on its way in, an item that was turned away, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from leads.capture import Touch
from leads.enums import Outcome
from leads.intake.catalogue import Entry

# Why an item ended where it did, beside the codes of rejected items.
UNMATCHED = "unmatched"
TOO_OLD = "too_old"
AUTOMATED = "automated"
SUPPRESSED = "suppressed"
CONFLICT = "duplicate_conflict"


@dataclass(slots=True)
class IncomingEvent:
    """One event to record. Whose it is, is said by `lead_id`, `user_id`, `email` (normalised) and `anonymous_id`,
    of which the first that is known decides.

    Everything below `known_on` is filled in by `leads.intake.recording`.
    """

    type: str  # track, page, screen, identify, group, alias; at most 10 characters
    occurred_at: datetime
    name: str = ""
    index: int = 0
    message_id: str = ""  # "": given by us, so a repeat cannot be told
    lead_id: int | None = None
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""  # alias: the id this person had before
    email: str = ""
    own_email: str = ""  # from the properties: the person's if the event is a signal, or names nobody else
    phone: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)  # identify and group: what they say of the person
    sent_as: str = ""  # the time as the sender wrote it: unlike `occurred_at` the same on every retry
    flags: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    known_on: date | None = None  # only for histories: the day the lead is taken to have had it

    classified: bool = False
    entry: Entry | None = None
    machine: str = ""  # what gives it away as a machine's (leads.intake.signatures)
    object_key: str = ""
    touch: Touch | None = None
    outcome: str = Outcome.COUNTED
    reason: str = ""
    owner_id: int | None = None
    hint_id: int | None = None
    fingerprint: str = ""
    properties_json: str = "{}"
    context_json: str = "{}"

    @property
    def is_engagement(self) -> bool:
        """Tell whether this makes a suspect a lead."""
        return self.outcome == Outcome.COUNTED and self.entry is not None and self.entry.is_engagement


@dataclass(frozen=True, slots=True)
class Run:
    """What holds for a whole batch."""

    source_id: int
    received_at: datetime
    known_on: date  # the day on which leads come to have what is recorded now


@dataclass(slots=True)
class Rejection:
    """An item that cannot be recorded, with why and, for the list of dead letters, the item itself."""

    index: int
    code: str
    pointer: str = ""
    detail: str = ""
    item: str = ""


@dataclass(slots=True)
class ItemResult:
    """What became of one item (I25)."""

    index: int
    outcome: str
    reason: str = ""
    event_id: str = ""
    warnings: list[str] = field(default_factory=list)
    pointer: str = ""
    detail: str = ""

    @property
    def is_accepted(self) -> bool:
        """Tell whether the sender is done with it; only a rejected item was not taken."""
        return self.outcome != Outcome.REJECTED


class Unacceptable(Exception):
    """One item cannot be taken; the others of its batch go on."""

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.pointer, self.detail = code, pointer, detail
