from django.db import models


class Heartbeat(models.Model):
    """When a worker last finished a task; kept by `leadflow.heartbeat`."""

    name = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
