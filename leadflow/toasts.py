"""Messages as toasts, also after an htmx request, whose answer is a fragment without the page around it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

UNDO = "undo:"


def undo_url(extra_tags: str | None) -> str:
    """Return the address of an extra tag "undo:/handoffs/7/undo/", or ""; only paths of this site count."""
    tags = (extra_tags or "").split()
    found = next((tag.removeprefix(UNDO) for tag in tags if tag.startswith(UNDO)), "")
    return found if found.startswith("/") and not found.startswith("//") else ""


class ToastMiddleware:
    """Append pending messages to an htmx fragment, out of band; a whole page shows them itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.headers.get("HX-Request") != "true" or not isinstance(response, HttpResponse):
            return response
        if response.status_code in (200, 409, 422) and _is_fragment(response):
            pending = messages.get_messages(request)
            # Used: the answer was a whole page and has shown them.
            if not getattr(pending, "used", True) and len(pending):
                response.content += render_to_string("_toasts.html", {"out_of_band": True}, request).encode()
        return response


def _is_fragment(response: HttpResponse) -> bool:
    leaves = "HX-Redirect" in response or "HX-Refresh" in response or "HX-Location" in response
    return not leaves and response.headers.get("Content-Type", "").startswith("text/html")
