"""Whether this process lives (/healthz), and whether it can serve (/readyz)."""

from django.http import HttpRequest, HttpResponse, JsonResponse


def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the process runs; asks nothing of the database."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> HttpResponse:
    """Answer whether this process can serve."""
    return JsonResponse({"status": "ready"})
