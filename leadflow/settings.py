"""Settings, from the environment alone; `.env` beside `manage.py` is read if present.

`.env.example` lists every variable. Without any, this is the embedded default: one machine, SQLite
under `var/`, and a broker that `manage.py up` brings along.
"""

import logging
import sys
from pathlib import Path
from typing import Any

import environ

from leadflow import configuration
from leadflow.logging import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Where this runs -------------------------------------------------------------------------------

DATABASE_URL = env("DATABASE_URL", default="")
REDIS_URL = env("REDIS_URL", default="")
VAR_DIR = Path(env("LEADFLOW_VAR", default=str(BASE_DIR / "var")))
PROCESS = env("LEADFLOW_PROCESS", default="")
TESTING = "pytest" in sys.modules
DEBUG = env.bool("DEBUG", default=False)
# Local: reached from this machine only, so no HTTPS is demanded and a key is made up and kept.
LOCAL = env.bool("LEADFLOW_LOCAL", default=DEBUG or not DATABASE_URL)
PRODUCTION = not (LOCAL or TESTING)
HTTPS = env.bool("LEADFLOW_HTTPS", default=PRODUCTION)

SECRET_KEY = configuration.secret_key(
    env("SECRET_KEY", default="signs-nothing-but-tests" if TESTING else ""),
    production=PRODUCTION,
    file=VAR_DIR / "secret_key",
)
# The container's own health check asks for localhost.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- What it is made of ----------------------------------------------------------------------------

INSTALLED_APPS = [
    "leads",
    "scoring",
    "handoff",
    "leadflow",
    "leadflow.dashboard",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "heroicons",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "axes",
    "csp",
    "django_structlog",
]

MIDDLEWARE = [
    "leadflow.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "leadflow.middleware.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "leadflow.toasts.ToastMiddleware",
    "leadflow.organisation.OrganisationMiddleware",
    "leadflow.middleware.OutageMiddleware",
    # Last, so that it sees the answer to a failed sign-in first.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "leadflow.urls"
WSGI_APPLICATION = "leadflow.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.static", "leadflow.templatetags.leadflow"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "leadflow.navigation.navigation",
            ],
        },
    }
]

# --- Data ------------------------------------------------------------------------------------------

DATABASES = {
    "default": configuration.database(DATABASE_URL, process=PROCESS, sqlite_file=VAR_DIR / "leadflow.sqlite3")
}
# Per process on purpose: no request may fail or wait because Redis does.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Imports and exports; the database's neighbour on one machine, a shared volume on several.
MEDIA_ROOT = VAR_DIR / "files"
# Intake reads bodies itself, with caps of its own; these are the caps for pages.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# A definition may have 500 rules, and the editor shows up to ten fields for each; the size above bounds the rest.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# --- People ----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "leads.User"
# E-mails of users are unique whatever their case, by a constraint on Lower(email) this check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if TESTING:
    # A slow hash is the point of one; tests sign in thousands of times.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PASSWORD_RESET_TIMEOUT = 60 * 60

AXES_ENABLED = not TESTING
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# So Django calls it when it authenticates, though the model says "email"; else nobody is locked out.
AXES_USERNAME_FORM_FIELD = "username"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"

SESSION_COOKIE_AGE = 7 * 24 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS

# --- What a browser may do -------------------------------------------------------------------------

SECURE_SSL_REDIRECT = HTTPS
# Health checks come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# How many proxies of our own stand in front; only then are their headers believed.
TRUSTED_PROXIES = env.int("LEADFLOW_TRUSTED_PROXIES", default=0)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    AXES_IPWARE_PROXY_COUNT = TRUSTED_PROXIES
    AXES_IPWARE_META_PRECEDENCE_ORDER = ["HTTP_X_FORWARDED_FOR", "REMOTE_ADDR"]
else:
    AXES_IPWARE_META_PRECEDENCE_ORDER = ["REMOTE_ADDR"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
# The image collects and fingerprints its files; anywhere else they are served from where they lie.
_COLLECTED = BASE_DIR / "staticfiles"
STATIC_COLLECTED = (_COLLECTED / "staticfiles.json").is_file() or "collectstatic" in sys.argv
STATIC_ROOT = _COLLECTED if STATIC_COLLECTED else None
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
WHITENOISE_AUTOREFRESH = DEBUG
if STATIC_COLLECTED:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "leadflow.static_files.FingerprintedFiles"},
    }

# --- Language and time -----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_TZ = True
# Everything is stored and computed in UTC; the organisation's time zone is data.
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = None

# --- E-mail ----------------------------------------------------------------------------------------

EMAIL_URL = env.email_url("EMAIL_URL", default="consolemail://" if LOCAL else "smtp://localhost:25")
vars().update(EMAIL_URL)
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Leadflow <leadflow@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
ANYMAIL = {"WEBHOOK_SECRET": env("ANYMAIL_WEBHOOK_SECRET", default="")}

# --- API -------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "leadflow.api.schema.Schema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["leadflow.api.parsing.StrictJSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["leadflow.api.permissions.Allowed"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "leadflow.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "leadflow.api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Leadflow",
    "DESCRIPTION": "Lead management between marketing and sales.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "Stage": "leads.enums.Stage",
        "Status": "leads.enums.Status",
        "Outcome": "leads.enums.Outcome",
        "DefinitionStatus": "leads.enums.DefinitionStatus",
        "HandoffStatus": "handoff.models.HandoffStatus",
    },
}

# --- Work in the background ------------------------------------------------------------------------

CELERY_BROKER_URL = configuration.broker_url(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = configuration.broker_options(PROCESS)
CELERY_BROKER_CONNECTION_RETRY = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
# The row is the work: a task whose worker died is simply delivered again, and may run twice.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # KiB; a child above is replaced after its task
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_TIME_LIMIT = 600
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "score"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    "scoring.tasks.run_backtests": {"queue": "bulk"},
    "scoring.tasks.count_qualifying": {"queue": "bulk"},
    "scoring.tasks.*": {"queue": "score"},
    "handoff.tasks.deliver_*": {"queue": "deliver"},
    "handoff.tasks.run_replays": {"queue": "bulk"},  # may take minutes
    "handoff.tasks.*": {"queue": "route"},
    "leads.tasks.*": {"queue": "bulk"},
    "leadflow.tasks.*": {"queue": "route"},
}
# Seconds between sweeps. Each finds by itself whatever was missed, so a message nobody took in time
# is worth nothing: it expires before the one after next is due.
_SWEEPS = {
    "scoring.tasks.score_pending": 5,
    "scoring.tasks.nightly_rollover": 300,
    "scoring.tasks.expire_overrides": 60,
    "scoring.tasks.count_qualifying": 60,
    "scoring.tasks.run_backtests": 30,
    "handoff.tasks.route_waiting": 10,
    "handoff.tasks.sweep_clocks": 20,
    "handoff.tasks.settle_decisions": 5,
    "handoff.tasks.qualify_by_rule": 30,
    "handoff.tasks.run_replays": 30,
    "handoff.tasks.deliver_notices": 10,
    "handoff.tasks.deliver_webhooks": 5,
    "handoff.tasks.forget_facts": 3600,
    "handoff.tasks.write_digests": 300,
    "leads.tasks.resume_imports": 60,
    "leads.tasks.update_seen": 10,
    "leads.tasks.look_for_automation": 15,
    "leads.tasks.reclassify": 30,
    "leads.tasks.wake_nurture": 600,
    "leadflow.tasks.heartbeat": 10,
    "leadflow.tasks.forget_answers": 3600,
}
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    task: {"task": task, "schedule": seconds, "options": {"expires": 2 * seconds}}
    for task, seconds in _SWEEPS.items()
}
# Imports are seldom; without this their worker would look dead.
CELERY_BEAT_SCHEDULE["heartbeat-bulk"] = {
    "task": "leadflow.tasks.heartbeat",
    "schedule": 20,
    "options": {"expires": 40, "queue": "bulk"},
}
# The plain scheduler keeps no file: after a restart every sweep simply starts anew.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"

# What `manage.py work` calls, in this order, until a whole round finds nothing more to do.
LEADFLOW_WORK_STEPS = [
    "leads.seen.drain",
    "leads.automation.drain",
    "leads.reclassify.drain",
    "scoring.rescoring.drain",
    "scoring.overrides.expire_due",
    "handoff.workflow.settle_due",
    "handoff.routing.drain",
    "handoff.clocks.sweep",
    "handoff.byrule.sweep",
    "handoff.digests.write_due",
    "handoff.mailing.deliver_due",
    "handoff.delivering.deliver_due",
    "handoff.replays.drain",
    "leads.imports.runner.drain",
    "scoring.backtest_runs.drain",
    "scoring.qualifying.drain",
]

# --- Leadflow itself -------------------------------------------------------------------------------

LEADFLOW_VERSION = "0.1.0"
# Where people reach this installation; links in e-mails and webhooks start with it.
LEADFLOW_PUBLIC_URL = env("LEADFLOW_PUBLIC_URL", default=f"http://127.0.0.1:{env('PORT', default='8000')}")
# Demo users have a published password, so they exist only where nobody else can reach.
LEADFLOW_DEMO = env.bool("LEADFLOW_DEMO", default=not PRODUCTION)
LEADFLOW_UNDO_SECONDS = env.int("LEADFLOW_UNDO_SECONDS", default=8)
# Keys the hash that keeps an erased person out; kept apart, so that it can outlive SECRET_KEY.
LEADFLOW_ERASURE_KEY = env("LEADFLOW_ERASURE_KEY", default="") or SECRET_KEY
LEADFLOW_RATE_API = env("LEADFLOW_RATE_API", default="1200/min")
LEADFLOW_RATE_FORMS = env("LEADFLOW_RATE_FORMS", default="30/min")
# Events a source may send to each web process; generous, as an SDK that is told to wait falls behind.
LEADFLOW_RATE_EVENTS = env("LEADFLOW_RATE_EVENTS", default="1200000/min")
# The hour, in the organisation's time zone, from which the daily digests go out.
LEADFLOW_DIGEST_HOUR = env.int("LEADFLOW_DIGEST_HOUR", default=7)
# Webhooks to this machine or a private network, and without TLS: for trying out, never in production.
LEADFLOW_ALLOW_LOCAL_WEBHOOKS = env.bool("LEADFLOW_ALLOW_LOCAL_WEBHOOKS", default=False)
# Seconds until a webhook is tried again after the first, second, … failure; then it is given up.
LEADFLOW_WEBHOOK_BACKOFF = [
    int(step)
    for step in env.list(
        "LEADFLOW_WEBHOOK_BACKOFF",
        default=["5", "60", "300", "1800", "7200", "18000", "36000", "50400", "72000"],
    )
]
LEADFLOW_WEBHOOK_DISABLE_HOURS = env.int("LEADFLOW_WEBHOOK_DISABLE_HOURS", default=72)
LEADFLOW_WEBHOOK_DAYS = env.int("LEADFLOW_WEBHOOK_DAYS", default=30)
LEADFLOW_EXPECT_WORKER = env.bool("LEADFLOW_EXPECT_WORKER", default=PRODUCTION)
LEADFLOW_WORKER_SILENT_SECONDS = env.int("LEADFLOW_WORKER_SILENT_SECONDS", default=90)
LEADFLOW_BACKLOG_SECONDS = env.int("LEADFLOW_BACKLOG_SECONDS", default=900)

LOGGING = logging_settings(
    level=env("LEADFLOW_LOG_LEVEL", default="WARNING" if TESTING else "INFO"),
    json=env.bool("LEADFLOW_LOG_JSON", default=PRODUCTION),
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
# A sweep that found nothing is no news, and there is one every second.
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_TASK_SUCCESS_LOG_LEVEL = logging.DEBUG
# Its name for what becomes of a sweep nobody took in time.
DJANGO_STRUCTLOG_CELERY_TASK_RETRY_LOG_LEVEL = logging.INFO
