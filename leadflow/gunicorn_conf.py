"""How gunicorn serves Leadflow, on a laptop and in the image alike."""

import gc
import os
from typing import Any

bind = f"{os.environ.get('LEADFLOW_HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("LEADFLOW_WEB_WORKERS", "2"))
threads = int(os.environ.get("LEADFLOW_WEB_THREADS", "4"))
# Loaded once and shared: workers start at once and share most of their memory.
preload_app = True
timeout = 60
# Below the supervisor's and Docker's patience, so that requests under way are answered first.
graceful_timeout = 15
keepalive = 5
max_requests = 20_000
max_requests_jitter = 2_000
limit_request_line = 8190
loglevel = os.environ.get("LEADFLOW_LOG_LEVEL", "info").lower()
# Every request is logged by django-structlog already.
accesslog = None
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Keep what was loaded so far, before workers share it, out of every later search for garbage.

    Such a search came with one in twenty long pages and took longer than the page.
    """
    gc.collect()
    gc.freeze()
