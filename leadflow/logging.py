"""How Leadflow logs: one JSON object a line in production, readable lines on a terminal."""

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


_SECRET_PATH = re.compile(r"/calendar/[\w-]+")


def without_query(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut query strings off logged requests, and the secret out of a calendar's address."""
    request = event.get("request")
    if isinstance(request, str):
        event["request"] = _SECRET_PATH.sub("/calendar/…", request.partition("?")[0])
    if isinstance(said := event.get("event"), str):
        event["event"] = _SECRET_PATH.sub("/calendar/…", said)
    return event


def logging_settings(*, level: str, json: bool) -> dict[str, Any]:
    """Return Django's LOGGING and set structlog up to write through it."""
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": _formatter, "json": json}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Its own handlers would print every line a second time.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # django-structlog logs every request with its status; this would repeat each 404.
            "django.request": {"level": "ERROR"},
            # Scanners ask for any host; each would leave a traceback.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # So do these for each task received, sent and finished.
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }


def _formatter(json: bool) -> structlog.stdlib.ProcessorFormatter:
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        # Plain: the pretty tracebacks print local variables, and people's data with them.
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, colors=False)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_query, *last],
    )
