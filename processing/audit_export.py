"""The audit log as CSV, streamed: its memory does not grow with its length."""

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from itertools import batched

from django.db.models import QuerySet

from accounts.tenancy import platform_scope
from config.limits import LIMITS
from processing.models import AuditRecord

COLUMNS = {
    "at": "at",
    "tenant": "tenant__name",
    "action": "action",
    "person": "person",
    "api_key_prefix": "api_key_prefix",
    "ip": "ip",
    "user_agent": "user_agent",
    "request_id": "request_id",
    "method": "method",
    "path": "path",
    "status": "status",
    "error_code": "error_code",
    "bytes_in": "bytes_in",
    "bytes_out": "bytes_out",
    "pixels": "pixels",
    "model": "model",
    "duration_ms": "duration_ms",
    "job_id": "job_id",
    "detail": "detail",
}
CHUNK_LINES = 1_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def stream(records: QuerySet[AuditRecord]) -> Iterator[str]:
    """Reads with a server-side cursor in a scope of its own: it runs when the request's scope has ended."""
    yield _csv([tuple(COLUMNS)])
    rows = records.values_list(*COLUMNS.values())[: LIMITS.audit_export_rows]
    with platform_scope():
        for chunk in batched(rows.iterator(chunk_size=CHUNK_LINES), CHUNK_LINES):
            yield _csv(chunk)


def _csv(rows: tuple[tuple[object, ...], ...] | list[tuple[object, ...]]) -> str:
    lines = StringIO(newline="")
    csv.writer(lines).writerows([_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def _cell(value: object) -> object:
    """Callers write paths and user agents; a spreadsheet must not take them for formulas."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
