"""A new installation: catalogue, reasons and the standard definition, as after the first migration."""

from __future__ import annotations

import importlib
from datetime import timedelta
from types import SimpleNamespace

from django.apps import apps
from django.core.cache import cache

from leadflow import work
from leads import clock
from leads.models import Definition
from scoring.documents import standard_document
from scoring.publishing import publish
from tests.factories import make_catalogue


def new_company() -> SimpleNamespace:
    """Put back what a flush took away and publish the standard definition."""
    cache.clear()
    make_catalogue()
    seeds = importlib.import_module("handoff.migrations.0004_rejection_reasons")
    seeds.add_reasons(apps, None)
    if not Definition.objects.exists():
        publish(standard_document(), at=clock.now() - timedelta(days=200), by=None)
    work.until_idle()
    return SimpleNamespace(definition=Definition.objects.get())
