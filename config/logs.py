"""Structured logs, one JSON object a line, each carrying the id of the request it belongs to."""

import logging
import re

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

SECRET = re.compile(r"(mat_(?:live|test)_[0-9A-Za-z]{4}|whsec_)[0-9A-Za-z+/=]+")


def redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: SECRET.sub(r"\1…", value) if isinstance(value, str) else value for key, value in event.items()}


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
    redact_secrets,
]


def structured_logging(level: str) -> dict[str, object]:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": SHARED,
            }
        },
        "filters": {"unexpected": {"()": "django.utils.log.CallbackFilter", "callback": is_unexpected}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.request": {"filters": ["unexpected"]},
            "django.server": {"handlers": [], "propagate": True},
        },
    }


def is_unexpected(record: logging.LogRecord) -> bool:
    """Refusals and "not ready" are answers, not errors; the audit log has them."""
    return getattr(record, "status_code", 500) == 500
