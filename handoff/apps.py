from django.apps import AppConfig


class HandoffConfig(AppConfig):
    name = "handoff"
    verbose_name = "Handoff"

    def ready(self) -> None:
        from handoff import receivers  # noqa: F401, PLC0415 - receivers connect once the models are loaded
