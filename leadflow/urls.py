"""Every address; each app brings its own list."""

from django.urls import URLPattern, URLResolver, include, path

from leadflow import health, notices_page

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("calendar/<slug:secret>.ics", notices_page.calendar, name="calendar"),
    path("api/v1/", include("leadflow.api.urls")),
    path("v1/", include("leads.urls_tracking")),
    path("", include("leadflow.page_urls")),
    path("", include("scoring.urls")),
    path("", include("leadflow.handoff_pages.urls")),
    path("", include("leadflow.dashboard.urls")),
    path("", include("leadflow.backtests.urls")),
    path("", include("leadflow.lead_pages.urls")),
]

handler400 = "leadflow.errors.bad_request"
handler403 = "leadflow.errors.forbidden"
handler404 = "leadflow.errors.not_found"
handler500 = "leadflow.errors.server_error"
