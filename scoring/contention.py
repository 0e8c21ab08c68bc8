"""Telling a busy or absent database from a lead that cannot be scored."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Serialization failure, deadlock, lock timeout.
PASSING_CODES = frozenset({"40001", "40P01", "55P03"})
ATTEMPTS = 3


def is_contention(error: OperationalError) -> bool:
    """Tell whether the same transaction may well succeed if it is tried again."""
    code = getattr(error.__cause__, "pgcode", None)
    return code in PASSING_CODES or "locked" in str(error)


def with_retries(work: Callable[[], T]) -> T:
    """Run a transaction, up to three times if others stood in its way."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except OperationalError as error:
            if attempt == ATTEMPTS or not is_contention(error):
                raise
            logger.info("scoring gave way to another transaction, attempt %d: %s", attempt, error)
            # Apart by chance, so that two that met once do not meet again.
            time.sleep(0.05 * 2**attempt * random.random())
    raise AssertionError("unreachable")
