"""Figures that were costly to count are kept for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache

from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.report import CHEAP, KEPT, scope
from leads.models import User
from scoring.live import live_rules

T = TypeVar("T")


def kept(name: str, user: User, asked: Parameters, count: Callable[[], T]) -> T:
    """Return what `count` gives, or gave a short while ago to somebody who sees the same under the same rules."""
    rules = live_rules()
    version = rules.version if rules else 0
    key = f"learned:{name}:{scope(user)}:{version}:{asked.today}:{asked.period.zone}:{asked.query()}"
    found: T | None = cache.get(key)
    if found is not None:
        return found
    began = time.monotonic()
    fresh = count()
    took = time.monotonic() - began
    if took > CHEAP:
        cache.set(key, fresh, min(KEPT, int(30 * took) + 1))
    return fresh
