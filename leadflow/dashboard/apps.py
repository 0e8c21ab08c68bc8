from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Pages that join what leads, scoring and handoff know."""

    name = "leadflow.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"
