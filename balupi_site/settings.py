"""All settings, read from ``BALUPI_*`` variables (and ``.env``); nothing else reads those.

One file, longer than others on purpose: it is searched by a name, runs once from top to bottom, and what
is derived stands right below what it is derived from.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import drf_spectacular_sidecar
from csp import constants as csp
from dotenv import dotenv_values

from balupi_site.lib import parse
from balupi_site.lib.env import Env
from balupi_site.version import VERSION

BASE_DIR = Path(__file__).resolve().parent.parent

ENV_FILE = Path(os.environ.get("BALUPI_ENV_FILE", str(BASE_DIR / ".env")))
_values = {key: value or "" for key, value in dotenv_values(ENV_FILE, interpolate=False).items()}
env = Env({**_values, **os.environ})
if "BALUPI_ENV_FILE" in os.environ and not os.access(ENV_FILE, os.R_OK):
    env.error(
        "ENV_FILE",
        f"names {ENV_FILE}, which is not there or not for this user to read; nothing would be as it was set",
    )

# --- mode -----------------------------------------------------------------------------------------
MODE = env.parsed("MODE", "dev", parse.parse_choice("dev", "prod"), "dev")
IS_PROD = MODE == "prod"
DEBUG = env.parsed("DEBUG", "false", parse.parse_bool, fallback=False)
if DEBUG and IS_PROD:
    env.error("DEBUG", "shows the inside of the program to everybody; it must be false in prod")
#: Which kind of process this is: "web", "worker" or "command"; manage.py says it, nobody sets it.
PROCESS = env.text("PROCESS", "command")

SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    if IS_PROD:
        env.error(
            "SECRET_KEY",
            "is missing; make one: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'",
        )
    SECRET_KEY = "dev-only-key-of-a-simulated-home-never-used-in-prod"  # noqa: S105  # refused in prod above
elif IS_PROD and len(SECRET_KEY) < 50:  # noqa: PLR2004  # what `check --deploy` asks for
    env.error("SECRET_KEY", "must have at least 50 characters")

# --- places ---------------------------------------------------------------------------------------
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    env.error("DATA_DIR", f"cannot make {DATA_DIR}: {error.strerror}")
#: Where the page built by the NAS is, if there is one; "manage.py install_frontend" puts it there.
FRONTEND_DIR = Path(env.text("FRONTEND_DIR", str(DATA_DIR / "frontend"))).expanduser().absolute()
INBOX_DIR = Path(env.text("INBOX_DIR", str(DATA_DIR / "inbox"))).expanduser().absolute()
#: Where backups are; on another disk than the database they survive the card.
BACKUP_DIR = Path(env.text("BACKUP_DIR", str(DATA_DIR / "backups"))).expanduser().absolute()
#: Whether the NAS gets a copy of each nightly backup; whoever reads its folder reads the backup.
BACKUP_TO_INBOX = env.parsed("BACKUP_TO_INBOX", "false", parse.parse_bool, fallback=False)

# --- the NAS --------------------------------------------------------------------------------------
# The defaults of `dev` are addresses of the simulated home: nothing leaves this machine by accident.
NAS_URL = env.parsed(
    "NAS_URL",
    "http://192.168.178.53" if IS_PROD else "http://127.66.0.53:8000",
    parse.parse_url,
    "",
)
_nas_host = urlsplit(NAS_URL).hostname or ""
NAS_PORT = urlsplit(NAS_URL).port or (443 if NAS_URL.startswith("https:") else 80)
NAS_IP = env.parsed("NAS_IP", "" if IS_PROD else "127.66.0.53", parse.parse_ip, "")
PI_IP = env.parsed("PI_IP", "" if IS_PROD else "127.66.0.2", parse.parse_ip, "")
NAS_MAC_ADDRESS = env.parsed(
    "NAS_MAC_ADDRESS", "" if IS_PROD else "02:00:00:00:00:53", parse.parse_mac, ""
)
NAS_PROBE_PATH = env.text("NAS_PROBE_PATH", "/api/system/info")
if not NAS_PROBE_PATH.startswith("/"):
    env.error("NAS_PROBE_PATH", "must be a path such as /api/system/info")
NAS_POWER_LIMITS_W = env.parsed(
    "NAS_POWER_LIMITS_W", "2,15,60", parse.parse_power_limits, (2.0, 15.0, 60.0)
)
NAS_BOOT_SECONDS = env.parsed("NAS_BOOT_SECONDS", "90", parse.parse_int(10, 1800), 90)
HEARTBEAT_INTERVAL_SECONDS = env.parsed(
    "HEARTBEAT_INTERVAL_SECONDS", "30", parse.parse_int(5, 3600), 30
)
PRESENCE_INTERVAL_SECONDS = env.parsed(
    "PRESENCE_INTERVAL_SECONDS", "10", parse.parse_int(3, 3600), 10
)
WOL_BROADCAST = env.parsed(
    "WOL_BROADCAST", "255.255.255.255" if IS_PROD else "127.255.255.255", parse.parse_ip, ""
)
WOL_PORT = env.parsed("WOL_PORT", "9", parse.parse_int(1, 65535), 9)
HANDSHAKE_SECRET = env.secret("HANDSHAKE_SECRET")
if IS_PROD and HANDSHAKE_SECRET and len(HANDSHAKE_SECRET) < 32:  # noqa: PLR2004  # docs/nas.md
    env.error("HANDSHAKE_SECRET", "must have at least 32 characters, the same ones as on the NAS")

# --- the inbox --------------------------------------------------------------------------------------
NAS_SSH_USER = env.parsed("NAS_SSH_USER", "baluhost", parse.parse_user, "baluhost")
NAS_SSH_PORT = env.parsed("NAS_SSH_PORT", "22", parse.parse_int(1, 65535), 22)
NAS_SSH_KEY = Path(env.text("NAS_SSH_KEY", str(DATA_DIR / "ssh" / "id_balupi"))).expanduser()
NAS_SSH_KNOWN_HOSTS = NAS_SSH_KEY.parent / "known_hosts"
NAS_INBOX_PATH = env.parsed("NAS_INBOX_PATH", "/data/inbox", parse.parse_folder, "/data/inbox")
INBOX_QUIET_TIME = dt.timedelta(
    seconds=env.parsed("INBOX_QUIET_SECONDS", "30", parse.parse_int(0, 3600), 30)
)
INBOX_SETTLE_SECONDS = env.parsed("INBOX_SETTLE_SECONDS", "60", parse.parse_int(0, 3600), 60)

# --- names and Pi-hole ----------------------------------------------------------------------------
DNS_NAMES: tuple[str, ...] = env.parsed(
    "DNS_NAMES", "baluhost.local", parse.parse_names, ("baluhost.local",)
)
PIHOLE_URL = env.parsed(
    "PIHOLE_URL", "http://localhost" if IS_PROD else "http://127.66.0.2:8080", parse.parse_url, ""
)
PIHOLE_PASSWORD = env.secret("PIHOLE_PASSWORD")
PIHOLE_DNS = env.parsed(
    "PIHOLE_DNS", f"{urlsplit(PIHOLE_URL).hostname}:53", parse.parse_host_port, ("127.0.0.1", 53)
)

# --- plugs and energy -----------------------------------------------------------------------------
TAPO_USERNAME = env.text("TAPO_USERNAME")
TAPO_PASSWORD = env.secret("TAPO_PASSWORD")
#: Where discovery asks: python-kasa's own default is a broadcast on every interface.
TAPO_DISCOVERY_TARGET = env.parsed(
    "TAPO_DISCOVERY_TARGET", "255.255.255.255" if IS_PROD else "127.66.0.255", parse.parse_ip, ""
)
ENERGY_SAMPLE_INTERVAL_SECONDS = env.parsed(
    "ENERGY_SAMPLE_INTERVAL_SECONDS", "30", parse.parse_int(5, 3600), 30
)
ENERGY_FLUSH_INTERVAL_SECONDS = env.parsed(
    "ENERGY_FLUSH_INTERVAL_SECONDS", "600", parse.parse_int(10, 3600), 600
)
ENERGY_PLUG_TIMEOUT_SECONDS = env.parsed(
    "ENERGY_PLUG_TIMEOUT_SECONDS", "8", parse.parse_number(1, 60), 8.0
)
ENERGY_SAMPLE_RETENTION_DAYS = env.parsed(
    "ENERGY_SAMPLE_RETENTION_DAYS", "7", parse.parse_int(2, 3660), 7
)
ENERGY_DEFAULT_PRICE_CENTS = env.parsed(
    "ENERGY_DEFAULT_PRICE_CENTS", "32", parse.parse_number(0, 1000), 32.0
)

# --- who may do what ------------------------------------------------------------------------------
PUBLIC_READ = env.parsed("PUBLIC_READ", "false", parse.parse_bool, fallback=False)
PUBLIC_WAKE = env.parsed("PUBLIC_WAKE", "true", parse.parse_bool, fallback=True)
#: The admin site answers only private networks and this machine.
ADMIN_PRIVATE_ONLY = env.parsed("ADMIN_PRIVATE_ONLY", "true", parse.parse_bool, fallback=True)
#: How long a login of the NAS's works without the NAS, and how long a token of ours lives unused.
OFFLINE_LOGIN_DAYS = env.parsed("OFFLINE_LOGIN_DAYS", "30", parse.parse_int(0, 3660), 30)
TOKEN_DAYS = env.parsed("TOKEN_DAYS", "30", parse.parse_int(1, 3660), 30)
EVENT_RETENTION_DAYS = env.parsed("EVENT_RETENTION_DAYS", "400", parse.parse_int(7, 3660), 400)

# --- processes ------------------------------------------------------------------------------------
LISTEN: tuple[str, ...] = env.parsed(
    "LISTEN", "127.0.0.1:8000", parse.parse_listen, ("127.0.0.1:8000",)
)
#: Where on this machine more web processes are, which nginx asks too.
MORE_WEB_PORTS: tuple[int, ...] = env.parsed("MORE_WEB_PORTS", "", parse.parse_ports, ())
WEB_THREADS = env.parsed("WEB_THREADS", "8", parse.parse_int(4, 64), 8)
#: The watch, a flush, a backup and the filling of hours may each hold one for long.
WORKER_THREADS = env.parsed("WORKER_THREADS", "8", parse.parse_int(6, 64), 8)
#: Whose plugs this process can reach; "" is home, where everything else is as well.
SITE = env.parsed("SITE", "", parse.parse_site, "")
LOG_LEVEL = env.parsed(
    "LOG_LEVEL",
    "WARNING" if PROCESS == "command" else "INFO",  # a command's own words are enough for a person
    parse.parse_choice("DEBUG", "INFO", "WARNING", "ERROR"),
    "INFO",
)
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
if urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    env.error("REDIS_URL", "must be redis://host:port/0 or unix:///path/to/redis.sock")


def _forbid_outside() -> None:
    """In ``dev`` everything we talk to must be this machine: a trial never touches a real home."""
    outside = {
        "NAS_URL": _nas_host,
        "NAS_IP": NAS_IP,
        "PI_IP": PI_IP,
        "PIHOLE_URL": urlsplit(PIHOLE_URL).hostname or "",
        "PIHOLE_DNS": PIHOLE_DNS[0],
        "WOL_BROADCAST": WOL_BROADCAST,
        "TAPO_DISCOVERY_TARGET": TAPO_DISCOVERY_TARGET,
    }
    for name, host in outside.items():
        if host and not parse.is_loopback(host):
            env.error(
                name,
                f"{host} is outside this machine, and BALUPI_MODE=dev talks only to a simulated home; "
                "set BALUPI_MODE=prod for real hardware",
            )


def _require_home() -> None:
    """In ``prod`` the addresses and secrets of the real home must be there."""
    needed = {
        "NAS_IP": (NAS_IP, "is missing: the NAS's IPv4 address, the target of the DNS switch"),
        "PI_IP": (PI_IP, "is missing: this Pi's IPv4 address, the target of the DNS switch"),
        "NAS_MAC_ADDRESS": (NAS_MAC_ADDRESS, "is missing: the NAS's MAC address, to wake it"),
    }
    for name, (value, message) in needed.items():
        already_told = any(f"BALUPI_{name}:" in error for error in env.errors)
        if not value and not already_told:
            env.error(name, message)


def _forbid_loops() -> None:
    """Talk to the NAS must never follow a name that we switch to ourselves."""
    if _nas_host in DNS_NAMES:
        env.error(
            "NAS_URL",
            f"{_nas_host} is one of BALUPI_DNS_NAMES, which lead to the Pi at times; use the address",
        )
    if PI_IP and PI_IP in (_nas_host, NAS_IP):
        env.error(
            "PI_IP",
            f"{PI_IP} is the address of the NAS in BALUPI_NAS_URL or BALUPI_NAS_IP; they must differ",
        )


if not IS_PROD:
    _forbid_outside()
elif not SITE:  # a worker elsewhere talks to plugs only
    _require_home()
_forbid_loops()

# --- Django ---------------------------------------------------------------------------------------
# What only pages and API need; the worker is 2 MiB smaller without it.
_PAGE_APPS = [
    "balupi_site.events.admin_config.LoggedAdminConfig",  # django.contrib.admin, with a log
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
]
INSTALLED_APPS = [
    *([] if PROCESS == "worker" else _PAGE_APPS),
    # For "manage.py spectacular"; what serves only sends what was made with it.
    *(["drf_spectacular"] if PROCESS == "command" else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_celery_beat",
    "balupi_site",
    "balupi_site.events",
    "balupi_site.monitor",
    "balupi_site.accounts",
    "balupi_site.backup",
    "energy",
    "nasctl",
    "pihole",
    "handshake",
]
MIDDLEWARE = [
    # What adds headers comes first: refusals and static files are answers too.
    "balupi_site.middleware.PermissionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "balupi_site.middleware.OurAnswerMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "balupi_site.middleware.BodyLimitMiddleware",
    "balupi_site.middleware.OriginMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "balupi_site.middleware.NasNameMiddleware",  # before CSRF: what is meant for the NAS has no token of ours
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "balupi_site.access.ByTableMiddleware",
]
ROOT_URLCONF = "balupi_site.urls"
WSGI_APPLICATION = "balupi_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "balupi_site.page.preferences.look",
            ],
        },
    },
]

# The NAS's names, the Pi's own names and addresses; the rest is answered 421, by nginx already.
_own_name = socket.gethostname().lower().partition(".")[0]
ALLOWED_HOSTS = [
    *DNS_NAMES, PI_IP, "localhost", "127.0.0.1", "[::1]", _own_name, f"{_own_name}.local",
    *env.text("ALLOWED_HOSTS").lower().replace(" ", "").split(","),
]  # fmt: skip
ALLOWED_HOSTS = [host for host in dict.fromkeys(ALLOWED_HOSTS) if host.strip(".")]
APPEND_SLASH = False
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Browsers heed it on secure origins only, and over plain HTTP log an error for it on every page.
SECURE_CROSS_ORIGIN_OPENER_POLICY = None
#: For every answer; the page built by the NAS and the API's documentation have their own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "font-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "manifest-src": [csp.SELF],
        "form-action": [csp.SELF],
        "base-uri": [csp.NONE],
        "object-src": [csp.NONE],
        "frame-ancestors": [csp.NONE],
    }
}
CSRF_FAILURE_VIEW = "balupi_site.error_pages.csrf_failure"
#: The limit of one body (middleware.py has lower ones); nothing is ever uploaded as a file.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1
DEFAULT_EXCEPTION_REPORTER = "balupi_site.lib.error_report.SecretsReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "balupi_site.lib.error_report.SecretsFilter"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "balupi_session"
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_NAME = "balupi_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True  # forms have it in a field; no script of ours reads it
# HTTP only by design (ADR 14): the Pi has no certificate for the NAS's name, so neither HTTPS
# redirects nor HSTS nor Secure cookies can be on.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"

# SQLite options: measured (ADR 12): no "database is locked", 29 MB/day.
_SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
    "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-2000;",
}


#: A line that breaks without a word is noticed within half a minute; Linux would wait for hours.
_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


#: How connections of other sites' workers are named at the server, with the site behind it.
SITE_CONNECTIONS = "balupi-site-"

_ENGINES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}


def _database() -> dict[str, Any]:
    """Return Django's database settings for ``BALUPI_DATABASE_URL``, SQLite in the data directory unset."""
    url = env.secret("DATABASE_URL")
    try:
        database: dict[str, Any] = dict(
            dj_database_url.parse(url or f"sqlite:///{DATA_DIR}/balupi.sqlite3")
        )
    except (ValueError, dj_database_url.UnknownSchemeError):
        database = {"ENGINE": ""}
    if database["ENGINE"] not in _ENGINES:  # others are known to the parser, not to us
        env.error("DATABASE_URL", "must be sqlite:////path or postgres://user:password@host/name")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["OPTIONS"] = _SQLITE_OPTIONS
        if SITE:
            env.error(
                "SITE",
                f"{SITE} needs BALUPI_DATABASE_URL, the PostgreSQL of home; at home it stays empty "
                "(docs/growing.md)",
            )
    else:
        database["OPTIONS"] = {**_POSTGRES_OPTIONS, **database.get("OPTIONS", {})}
        if SITE:
            database["OPTIONS"]["application_name"] = f"{SITE_CONNECTIONS}{SITE}"
        database["CONN_HEALTH_CHECKS"] = True  # a restarted server costs no request
    return {**database, "CONN_MAX_AGE": None}


DATABASES = {"default": _database()}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Attempts are counted in the database: no Redis needed, and a restart forgives nothing.
    "throttle": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "balupi_throttle",
        "OPTIONS": {"MAX_ENTRIES": 5000},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = ["balupi_site.accounts.backend.NasBackend"]
PASSWORD_HASHERS = [
    "balupi_site.accounts.hashers.PiArgon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of earlier releases; a login renews it
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGE_COOKIE_NAME = "balupi_language"
LANGUAGES = [("de", "Deutsch"), ("en", "English")]  # who asks for neither gets LANGUAGE_CODE
LOCALE_PATHS = [BASE_DIR / "balupi_site" / "locale"]
TIME_ZONE = env.parsed("TIME_ZONE", "Europe/Berlin", parse.parse_zone, "UTC")
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
#: An installed release has its own, made with it.
STATIC_ROOT = Path(env.text("STATIC_DIR", str(DATA_DIR / "static"))).expanduser().absolute()
# Of the package's two ways to show the API's description only one is used; the other weighs 5 MB more.
_sidecar = Path(drf_spectacular_sidecar.__file__).parent / "static" / "drf_spectacular_sidecar"
STATICFILES_DIRS = [("swagger-ui", _sidecar / "swagger-ui-dist")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "balupi_site.accounts.authentication.TokenAuthentication",
        "balupi_site.accounts.authentication.PasswordAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["balupi_site.access.ByTable"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["balupi_site.lib.parsers.BoundedJSONParser"],
    "EXCEPTION_HANDLER": "balupi_site.lib.api.exception_handler",
    # OPTIONS would describe what a caller may not see; 405 like any method that is not there.
    "DEFAULT_METADATA_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_SCHEMA_CLASS": "balupi_site.api.openapi.Describer",  # imported only to describe the API
}
SPECTACULAR_SETTINGS = {
    "TITLE": "BaluPi",
    "DESCRIPTION": "Watches, wakes and measures a NAS that sleeps. Times are ISO 8601 with an offset; null "
    "is what is not known. Units are in the names of fields: w is watts, wh watt-hours, s seconds.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "LICENSE": {"name": "MIT"},
    "DEFAULT_GENERATOR_CLASS": "balupi_site.api.openapi.Generator",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# --- Redis and Celery -----------------------------------------------------------------------------
# A web thread may lose 0.3 s to a hanging Redis; a worker waits longer (ADR 13),
# but no longer than 1 s where the names wait for it: what Redis knows is never needed to switch them.
REDIS_TIMEOUT_SECONDS = 0.3 if PROCESS == "web" else 1.0
REDIS_BROKER_TIMEOUT_SECONDS = 0.3 if PROCESS == "web" else 5.0
REDIS_CONNECT_TIMEOUT_SECONDS = 0.3 if PROCESS == "web" else 2.0

# kombu spells a socket differently from redis-py.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # How long one BRPOP waits for a task; kombu's default of 1 s wakes the worker every second.
    "polling_interval": 4,
    "visibility_timeout": 7200,
    "socket_timeout": REDIS_BROKER_TIMEOUT_SECONDS,
    "socket_connect_timeout": REDIS_CONNECT_TIMEOUT_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONSUMER = "balupi_site.processes.calm_consumer:CalmConsumer"
# No task of ours is acknowledged late, so none is cancelled; without it Celery warns at each loss.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_DB_REUSE_MAX = 1_000_000_000  # celery.py drops broken connections instead
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "balupi_site.processes.scheduler:ClockSafeScheduler"
# The watch keeps its own rhythm; beat looks for a clock that was set at least this often.
CELERY_BEAT_MAX_LOOP_INTERVAL = 15
#: What one worker at home takes alone, the one that leads: a plug has one session, the NAS one watch,
#: which asks the NAS's plug, and what was read lies in that worker's memory, too.
PLUG_QUEUE = "plugs"
CELERY_TASK_ROUTES = {
    task: {"queue": PLUG_QUEUE}
    for task in (
        "energy.tasks.poll_plugs",
        "energy.tasks.read_plugs_now",
        "energy.tasks.switch_plug",
        "energy.tasks.discover_plugs",
        "energy.tasks.fill_hours",
        "energy.tasks.fill_hours_now",
        "energy.tasks.store_samples",
        "nasctl.tasks.watch_nas",
    )
}


def _every(seconds: int, task: str) -> dict[str, Any]:
    """Return a beat entry; a run that found no worker within its period is dropped, not piled up."""
    return {"task": task, "schedule": seconds, "options": {"expire_seconds": seconds}}


CELERY_BEAT_SCHEDULE = {
    # The watch stays in its task as long as the worker runs; this starts it again if it has ended.
    "watch the NAS": _every(30, "nasctl.tasks.watch_nas"),
    "poll the plugs": _every(ENERGY_SAMPLE_INTERVAL_SECONDS, "energy.tasks.poll_plugs"),
    "complete the hours": _every(3600, "energy.tasks.roll_up_hours"),
    "fill the hours": _every(3600, "energy.tasks.fill_hours"),
    "split the hours by the NAS's state": _every(3600, "nasctl.tasks.split_hours"),
    "prune the samples": _every(6 * 3600, "energy.tasks.prune_samples"),
    "store the samples": _every(ENERGY_FLUSH_INTERVAL_SECONDS, "energy.tasks.store_samples"),
    "look for anomalies": _every(300, "energy.tasks.look_for_anomalies"),
    "reconcile the names": _every(60, "pihole.tasks.reconcile_names"),
    "sample this machine": _every(30, "balupi_site.monitor.tasks.sample_machine"),
    "tend the inbox": _every(60, "handshake.tasks.tend_inbox"),
    "tend the accounts": _every(24 * 3600, "balupi_site.accounts.tasks.tend_accounts"),
    "prune the events": _every(24 * 3600, "balupi_site.events.tasks.prune_events"),
    # Made once a night; so often it is looked whether there is one.
    "tend the backups": _every(1800, "balupi_site.backup.tasks.tend_backups"),
}

# --- logging --------------------------------------------------------------------------------------
#: The files of secrets that have one of their own; doctor looks who may read them.
SECRET_FILES: tuple[Path, ...] = tuple(map(Path, env.secret_files))
#: Never to be read in a log or on an error page.
KNOWN_SECRETS: tuple[str, ...] = tuple(
    secret
    for secret in (
        SECRET_KEY,
        HANDSHAKE_SECRET,
        PIHOLE_PASSWORD,
        TAPO_PASSWORD,
        str(DATABASES["default"].get("PASSWORD") or ""),
        urlsplit(REDIS_URL).password or "",
    )
    if secret
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "balupi_site.lib.redact.RedactingFormatter",
            "format": f"%(asctime)s {PROCESS:7} %(levelname)-7s %(name)s: %(message)s",
            "secrets": KNOWN_SECRETS,
        },
    },
    "filters": {"calm": {"()": "balupi_site.lib.logs.CalmFilter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["calm"]}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"level": "INFO"},  # without Django's own handlers, which would hide no secrets
        # kasa logs whole requests at ERROR for what is a normal re-handshake (Tapo notes, 1.4).
        "kasa": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
        "waitress": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},
        "django.request": {"level": "ERROR"},
        "urllib3": {"level": "ERROR"},
    },
}

env.raise_errors()
