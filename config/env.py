"""Every environment variable that the settings read: name, default, help. docs/configuration.md lists the same."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import environ


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    default: str | None  # None: must be given
    help: str


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable("SECRET_KEY", None, "Signs sessions and download links. At least 50 random characters."),
        Variable(
            "KEY_DIGEST_SECRET",
            None,
            "Keys the digest of API keys and the encryption of webhooks' secrets; changing it voids them all.",
        ),
        Variable("DEBUG", "false", "Error pages with details. Never in production."),
        Variable("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", "Host names this installation answers to."),
        Variable(
            "PUBLIC_URL",
            "",
            "The address users see, such as https://cutout.example.com; https turns on secure cookies.",
        ),
        Variable("PORT", "8000", "The port that the web server listens on."),
        Variable("BIND_HOST", "127.0.0.1", "The address that the web server listens on."),
        Variable("WEB_PROCESSES", "2", "Web server processes."),
        Variable("WEB_THREADS", "32", "Threads in each; a waiting request holds one."),
        Variable(
            "DATABASE_URL",
            None,
            "PostgreSQL as the role that web and workers use: no owner, no superuser.",
        ),
        Variable(
            "DATABASE_OWNER_URL",
            "",
            "PostgreSQL as the owner of the schema; migrations run with it.",
        ),
        Variable(
            "REDIS_URL",
            None,
            "Valkey or Redis: wake-ups, heartbeats, rate limits and, by default, the queue.",
        ),
        Variable("CELERY_BROKER_URL", "", "The queue, if it is to be another server than REDIS_URL."),
        Variable("DATA_DIR", ".data", "Where the embedded servers, images and logs live."),
        Variable("STATIC_ROOT", "static_root", "Where `collectstatic` puts what the web server serves under /static/."),
        Variable(
            "MODELS_DIR",
            "",
            "Where the weights live; unset: see docs/models.md for the search order.",
        ),
        Variable(
            "MODELS_MIRROR_URL",
            "",
            "A base address to fetch weights from instead of the published one.",
        ),
        Variable(
            "INFERENCE_PROVIDER",
            "auto",
            "auto, cpu, openvino, cuda or tensorrt; anything but auto is a demand.",
        ),
        Variable(
            "INFERENCE_PRECISION",
            "auto",
            "auto: the fastest whose mattes stay within 0.004 of fp32; fp32: the same mattes on every machine.",
        ),
        Variable("DEFAULT_MODEL", "u2net", "The model used when a request names none."),
        Variable(
            "PINNED_MODELS",
            "u2net,u2netp",
            "Models that every worker process loads before it takes work.",
        ),
        Variable("WORKER_PROCESSES", "0", "Worker processes; 0: one more than there are cores."),
        Variable("S3_BUCKET", "", "Keep images in this bucket instead of under DATA_DIR."),
        Variable("S3_ENDPOINT_URL", "", "The address of an S3-compatible service; empty: AWS."),
        Variable("S3_REGION", "", "The bucket's region."),
        Variable(
            "S3_ACCESS_KEY_ID",
            "",
            "Credentials for the bucket; empty: those of the machine's role.",
        ),
        Variable("S3_SECRET_ACCESS_KEY", "", "The secret that belongs to S3_ACCESS_KEY_ID."),
        Variable(
            "TRUSTED_PROXIES",
            "0",
            "How many proxies in front of the web server set X-Forwarded-For.",
        ),
        Variable(
            "FETCH_ALLOWED_HOSTS",
            "",
            "Hosts that are called though they are not public, as name or name:port. Never in production.",
        ),
        Variable(
            "EMAIL_URL",
            "consolemail://",
            "How e-mail leaves, such as smtp+tls://user:password@host:587.",
        ),
        Variable("DEFAULT_FROM_EMAIL", "Mattery <noreply@localhost>", "The sender of e-mail."),
        Variable(
            "BOOTSTRAP_OWNER",
            "",
            "email:password of the first owner and operator; empty: random ones.",
        ),
        Variable("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
    )
}

_env = environ.Env()


def text(name: str, environ: Mapping[str, str] = os.environ) -> str:
    variable = VARIABLES[name]
    # A variable that is set but empty means the same as one that is not set: compose files write both.
    value = environ.get(name) or variable.default
    if value is None:
        raise SystemExit(f"{name} is not set. {variable.help} See docs/configuration.md.")
    return value


def number(name: str) -> int:
    try:
        return int(text(name))
    except ValueError:
        raise SystemExit(f"{name} must be a whole number, not {text(name)!r}.") from None


def flag(name: str) -> bool:
    return text(name).lower() in environ.Env.BOOLEAN_TRUE_STRINGS


def choice(name: str, *choices: str) -> str:
    if text(name) not in choices:
        raise SystemExit(f"{name} must be one of {', '.join(choices)}, not {text(name)!r}.")
    return text(name)


def names(name: str) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()]


def path(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    return Path(text(name, environ)).expanduser().resolve()


def database(name: str, *, pool_size: int) -> dict[str, object]:
    """A database URL with its own options, such as sslmode, and a pool of connections that are checked before use."""
    url = dict(_env.db_url_config(text(name)))
    pool = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return url | {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": url.get("OPTIONS", {}) | {"pool": pool},
    }


def mailer(name: str) -> dict[str, object]:
    """An e-mail URL as one entry of Django's MAILERS."""
    url = _env.email_url_config(text(name))
    options = {
        "host": url["EMAIL_HOST"],
        "port": url["EMAIL_PORT"],
        "username": url["EMAIL_HOST_USER"],
        "password": url["EMAIL_HOST_PASSWORD"],
        "use_tls": url.get("EMAIL_USE_TLS", False),
        "use_ssl": url.get("EMAIL_USE_SSL", False),
        "timeout": 10,
    }
    is_smtp = url["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    return {"BACKEND": url["EMAIL_BACKEND"], "OPTIONS": options if is_smtp else {}}
