from django.apps import AppConfig
from django.db.backends.signals import connection_created


class DashboardConfig(AppConfig):
    """Pages that join what leads, scoring and handoff know."""

    name = "leadflow.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        from leadflow.dashboard import percentiles  # noqa: PLC0415 - expressions need the apps loaded

        connection_created.connect(percentiles.install, dispatch_uid="dashboard.percentiles")
