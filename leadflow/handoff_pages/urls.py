"""Addresses of the handoff pages, named `handoff:…`."""

from django.urls import include, path

from leadflow.handoff_pages import detail

app_name = "handoff"

urlpatterns = [
    path("handoffs/<int:pk>/", detail.handoff_page, name="handoff_detail"),
    path("", include("handoff.urls")),
]
