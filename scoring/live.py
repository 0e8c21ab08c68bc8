"""The rules in force, parsed and compiled once per version; the caches are small and bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from leads.definitions import live_text
from leads.models import Definition, Signal
from scoring.documents import parse
from scoring.engine import SignalFacts
from scoring.rulebook import Rulebook
from scoring.sql import CompiledRules, compile_rules

CACHED = 16


@dataclass(frozen=True)
class Rules:
    """One version of the definition in parsed form; `text` is its document in a canonical spelling."""

    version: int
    rulebook: Rulebook
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """A copy of the document, free to be changed."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    def compiled(self, catalogue: Catalogue) -> CompiledRules:
        """Return the SQL of these rules for this catalogue and database."""
        return _compiled(self.text, tuple(sorted(catalogue.ids.items())), connection.vendor)


@dataclass(frozen=True)
class Catalogue:
    """The signal catalogue as scoring needs it."""

    ids: Mapping[str, int]
    slugs: Mapping[int, str]
    facts: Mapping[str, SignalFacts]

    @classmethod
    def load(cls) -> Catalogue:
        """Read the catalogue; one statement."""
        rows = list(Signal.objects.values_list("id", "slug", "label", "intent", "is_engagement"))
        return cls(
            ids={slug: pk for pk, slug, *_ in rows},
            slugs={pk: slug for pk, slug, *_ in rows},
            facts={slug: SignalFacts(label, intent, engages) for _, slug, label, intent, engages in rows},
        )


def live_rules() -> Rules | None:
    """Return the rules in force, or None before the first definition was published."""
    live = live_text()
    if live is None:
        return None
    version, stored = live
    text = _canonical(stored)
    return Rules(version, _parsed(text), text)


def rules_of(definition: Definition) -> Rules:
    """Return a stored definition in parsed form; raises InvalidDocument for a broken draft."""
    return rules_from(definition.document, definition.version)


def rules_from(document: Mapping[str, Any], version: int = 0) -> Rules:
    """Return any document in parsed form; raises InvalidDocument."""
    text = _spelled(document)
    return Rules(version, _parsed(text), text)


def _spelled(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


@lru_cache(maxsize=CACHED)
def _canonical(stored: str) -> str:
    return _spelled(json.loads(stored))


@lru_cache(maxsize=CACHED)
def _parsed(text: str) -> Rulebook:
    return parse(json.loads(text))


@lru_cache(maxsize=CACHED)
def _compiled(text: str, signal_ids: tuple[tuple[str, int], ...], vendor: str) -> CompiledRules:
    return compile_rules(_parsed(text), dict(signal_ids), vendor)
