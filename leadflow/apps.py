from django.apps import AppConfig


class LeadflowConfig(AppConfig):
    """The project itself: roles, API keys, audit and operations."""

    name = "leadflow"
    verbose_name = "Leadflow"
