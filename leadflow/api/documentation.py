"""The API described: OpenAPI for programs, a page for people. Public, as the code is."""

from __future__ import annotations

import json
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_document(), content_type="application/json")


@cache
def _document() -> bytes:
    # It depends on the code alone, and takes a good part of a second to make.
    generator = SchemaGenerator()
    return json.dumps(generator.get_schema(request=None, public=True), default=str).encode()


@ensure_csrf_cookie  # whoever is signed in may try requests out from there
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "leadflow/api_docs.html")
