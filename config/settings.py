"""Settings by meaning. What differs between machines comes from the environment (config/env.py) and is never guessed.

Wiring. `config.production` adds what only a public installation has. No code after this file's imports but assignments.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from celery.schedules import crontab

from config.databases import read_database
from config.env import (
    MOST_PROBES,
    read_flag,
    read_folders,
    read_hosts,
    read_number,
    read_redis,
    read_secret,
    read_text,
    read_words,
)
from config.gdal_libraries import find_library

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(read_text("PENUMBRA_STATE_DIR", str(BASE_DIR / "var")))

# --- geography -------------------------------------------------------------------------------------------------------
GDAL_LIBRARY_PATH = find_library("gdal")
GEOS_LIBRARY_PATH = find_library("geos_c")

# --- identity and secrets --------------------------------------------------------------------------------------------
SECRET_KEY = read_secret("PENUMBRA_SECRET_KEY")
HASH_KEY = read_secret("PENUMBRA_HASH_KEY")
"""Keys the references and digests of the ledger, what makes a scene the same scene, idempotency and the cursors of pages.
Keep it for the life of the installation: after a change none of these can be linked to what was written before."""
AUTH_USER_MODEL = "accounts.User"
TOKEN_LIFETIME = timedelta(days=read_number("PENUMBRA_TOKEN_DAYS", 90, most=36_500))
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]

# guardian's wide defaults stay off: no anonymous account, and only monitor/privacy/scope.py asks it anything
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = False
# its authentication backend would let User.has_perm answer about objects: a second way to ask what scope.py decides
# CSRF: no cookie signs anybody in, so there is no request to forge
SILENCED_SYSTEM_CHECKS = ["guardian.W001", "security.W003"]

# --- what runs -------------------------------------------------------------------------------------------------------
DEBUG = read_flag("PENUMBRA_DEBUG", False)
ALLOWED_HOSTS = read_words("PENUMBRA_ALLOWED_HOSTS") or ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.gis",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "config",
    "accounts",
    "monitor",
    "tasks",
]
MIDDLEWARE = [
    "monitor.api.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES: list[dict[str, object]] = []

# --- data ------------------------------------------------------------------------------------------------------------
DATABASES = {"default": read_database(read_text("PENUMBRA_DB_ROLE", "web"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LEDGER_PASSWORD = read_secret("PENUMBRA_DB_PASSWORD_LEDGER")
LEDGER_TIMEOUT_S = read_number("PENUMBRA_LEDGER_TIMEOUT_S", 3, most=MOST_PROBES)
"""How long a request waits for its ledger entry before it is refused with 503."""
LEDGER_COMPLETIONS_WAIT_MS = read_number("PENUMBRA_LEDGER_COMPLETIONS_WAIT_MS", 50, least=0)
"""How long completions of published blocks wait for others, to be written together; 0: each is written before its answer."""
LEDGER_KEY_FILE = Path(read_text("PENUMBRA_LEDGER_KEY_FILE", str(STATE_DIR / "ledger-key" / "key")))
"""The log's private keys, read by the sealer only. What it signed last is kept beside it."""
SEAL_S = read_number("PENUMBRA_SEAL_S", 1)
"""Seconds between two looks at what is new in the ledger. Receipts promise a place within 60 seconds."""
WITNESSES = read_words("PENUMBRA_WITNESSES")
WITNESS_S = read_number("PENUMBRA_WITNESS_S", 60)
REDIS_TIMEOUT_S = read_number("PENUMBRA_REDIS_TIMEOUT_S", 3)
"""How long a request waits for its counter before it is refused with 503."""
COUNTERS_URL = read_redis("REDIS_URL", ("redis", "rediss", "unix"))
COUNTERS_PREFIX = "penumbra"
"""Where requests are counted, under keys that begin so. Nothing else is kept between them: no answer outlives a right."""
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
VAULT_DIR = Path(read_text("PENUMBRA_VAULT_DIR", str(STATE_DIR / "vault")))
"""Features of scenes and model files: exact things outside PostgreSQL. Readable by the worker's account only."""

# --- imagery ---------------------------------------------------------------------------------------------------------
IMAGERY_ROOTS = read_folders("PENUMBRA_IMAGERY_ROOTS")
"""Local folders that scenes may be read from; nothing else on this disk is opened."""
IMAGERY_HOSTS = read_hosts("PENUMBRA_IMAGERY_HOSTS")
"""Hosts that scenes may be read from over the network; none by default."""
MAX_CLOUD_SHARE = read_number("PENUMBRA_MAX_CLOUD_PERCENT", 90, least=0, most=100) / 100

# --- work ------------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = read_redis("CELERY_BROKER_URL", ("redis", "rediss", "redis+socket"))
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = read_number("PENUMBRA_TASK_LIMIT_S", 3600)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2 * CELERY_TASK_TIME_LIMIT,
    # who rings does not wait for a queue that is down: the sweep rings again. Workers keep trying, by other settings.
    "max_retries": 0,
    "socket_connect_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"tasks.detect_scene": {"queue": "raster"}}
_SWEEP_S = read_number("PENUMBRA_SWEEP_S", 15)
_HOUR_S, _WEEK_S = 3600, 7 * 24 * 3600
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "tasks.sweep",
        "schedule": _SWEEP_S,
        "options": {"expires": max(_SWEEP_S, 300)},
    },
    "publish_release": {
        "task": "tasks.publish_release",
        "schedule": crontab(minute=0, hour=3, day_of_week="monday"),
        "options": {"expires": _WEEK_S},
    },
    "close_inspections": {
        "task": "tasks.close_expired_inspections",
        "schedule": 60,
        "options": {"expires": 300},
    },
    "take_in_evidence": {
        "task": "tasks.take_in_evidence",
        "schedule": crontab(minute=20),
        "options": {"expires": _HOUR_S},
    },
    "forget_answers": {
        "task": "tasks.forget_answers",
        "schedule": crontab(minute=40),
        "options": {"expires": _HOUR_S},
    },
}
"""`expires`: a message that found no worker until the next one came says nothing more, so that a worker that comes back does
not do a night's worth. Five minutes at least, as clocks of two machines differ."""
SCENE_LEASE_S = read_number("PENUMBRA_SCENE_LEASE_S", 120)
"""A claimed scene whose worker shows no progress for this long is given to another."""
SCENE_ATTEMPTS = 5

# --- HTTP ------------------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
APPEND_SLASH = False
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    # DoorView.initial decides who may ask
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["monitor.api.parsers.StrictJSONParser", "monitor.api.parsers.GeoJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": [
        "monitor.api.throttles.RoleThrottle",
        "monitor.api.throttles.AddressThrottle",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "monitor.api.negotiation.JSONOnly",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "monitor.api.problems.answer_exception",
    "UNAUTHENTICATED_USER": None,
    # how many proxies stand before this process: only so many entries of X-Forwarded-For are believed
    "NUM_PROXIES": read_number("PENUMBRA_PROXIES", 0, least=0),
    "DEFAULT_FILTER_BACKENDS": [],
}
REQUESTS_PER_MINUTE = read_number("PENUMBRA_REQUESTS_PER_MINUTE", 600)
PUBLIC_ACCESS = read_flag("PENUMBRA_PUBLIC_ACCESS", False)
"""Whether anybody may read L3 without an account: quarters that ended at least 90 days before the batch."""
PUBLIC_REQUESTS_PER_MINUTE = read_number("PENUMBRA_PUBLIC_REQUESTS_PER_MINUTE", 60)
CELLS_PER_DAY = read_number("PENUMBRA_CELLS_PER_DAY", 20000)
"""Different exact cells that one account may be shown in a day (UTC); `migrate` writes it into the database."""
SPECTACULAR_SETTINGS = {
    "TITLE": "Penumbra",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "DESCRIPTION": "New artisanal and small-scale mining, as sharply as each role may know it. See docs/api-guide.md.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "monitor.api.schema.write_nullable_as_type",
        "monitor.api.schema.write_asks_as_closed",
    ],
    "PATH_CONVERTER_OVERRIDES": {"pseudonym": {"type": "string", "format": "uuid"}},
    # names of choices that several shapes share, or call by the same word
    "ENUM_NAME_OVERRIDES": {
        "AlertStatus": "monitor.api.shapes.ALERT_STATUSES",
        "InspectionStatus": "monitor.api.shapes.INSPECTION_STATUSES",
        "DismissalReason": "monitor.api.shapes.DISMISSAL_REASONS",
        "FindingKind": "monitor.api.shapes.FINDING_KINDS",
        "Posture": "monitor.api.rights_shapes.POSTURES",
        "Level": "monitor.api.rights_shapes.LEVELS",
        "GrantableLevel": "monitor.api.rights_shapes.GRANTABLE",
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

# --- language and time -----------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# --- logs: what happened, never where ----------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # a request's line holds its query, and a query can hold a box
        "django.request": {"level": "CRITICAL"},
        "django.server": {"level": "CRITICAL"},
        # a failed statement's text holds its parameters
        "django.db.backends": {"level": "CRITICAL"},
        "rasterio": {"level": "CRITICAL"},
    },
}
