"""Puts a fault into a function of the product, for tests that show that another test notices it."""

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest


def mutate(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], old: str, new: str, *, times: int = 1
) -> None:
    """Replace `old` by `new` in the source of a function, wherever it is called from, until the test ends.

    Fails unless the source holds `old` so many times, so that no mutant outlives what it mutates.
    """
    target = inspect.unwrap(function)
    source = textwrap.dedent(inspect.getsource(target))
    assert source.count(old) == times, f"{target.__qualname__} holds {source.count(old)} times {old!r}"
    module = compile(
        source.replace(old, new), target.__code__.co_filename, "exec",
        flags=__future__.annotations.compiler_flag, dont_inherit=True,
    )  # fmt: skip
    (code,) = (
        one for one in module.co_consts if isinstance(one, CodeType) and one.co_name == target.__name__
    )
    monkeypatch.setattr(target, "__code__", code)
