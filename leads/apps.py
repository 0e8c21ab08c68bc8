from django.apps import AppConfig


class LeadsConfig(AppConfig):
    name = "leads"
    verbose_name = "Leads"

    def ready(self) -> None:
        from leads.intake import catalogue  # noqa: PLC0415 - needs the models

        catalogue.connect()
