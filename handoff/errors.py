"""What can be wrong with something asked of a handoff; each says it in a sentence fit for a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from leads.models import User


class NotAllowed(Exception):
    """This user may not do that to this handoff."""


class HandoffConflict(Exception):
    """Somebody or the clock was faster; nothing was written.

    `code` is the handoff's status now, or "expired" for an offer past its deadline; `who` is empty when it
    was the clock.
    """

    def __init__(
        self, code: str, message: str, *, who: User | None = None, when: datetime | None = None
    ) -> None:
        self.code, self.current_status, self.who, self.when = code, code, who, when
        super().__init__(message)


class CapacityReached(Exception):
    """The rep has no free seat; a manager may say to override that."""

    def __init__(self, name: str, seats: int, capacity: int) -> None:
        self.seats, self.capacity = seats, capacity
        super().__init__(
            f"{name} has {seats} of {capacity} seats taken. Choose somebody else, or override it."
        )


class Invalid(Exception):
    """What was entered cannot be used; `problems` maps each field to what is wrong and the way out."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))
