from collections.abc import Callable
from time import monotonic

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from api.errors import is_api
from processing import audit
from processing.models import Job

log = structlog.get_logger(__name__)


def note_job(request: HttpRequest, job: Job) -> None:
    """Says which job a request was about, for its line in the audit log."""
    request.META["JOB"] = job


class AuditMiddleware:
    """Every API request leaves a line, the refused ones too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_api(request):
            return self.get_response(request)
        started = monotonic()
        response = self.get_response(request)
        try:
            self._record(request, response, started)
        except DatabaseError:
            log.exception("request not audited", path=request.path, status=response.status_code)
        return response

    def _record(self, request: HttpRequest, response: HttpResponse, started: float) -> None:
        job: Job | None = request.META.get("JOB")
        audit.record_request(
            request,
            caller=request.META.get("CALLER"),
            status=response.status_code,
            error_code=request.META.get("ERROR_CODE", ""),
            bytes_in=int(request.META.get("CONTENT_LENGTH") or 0),
            bytes_out=int(response.get("Content-Length") or (0 if response.streaming else len(response.content))),
            duration_ms=round((monotonic() - started) * 1000),
            job_id=job.id if job else None,
            model=job.model if job else "",
            pixels=job.pixels if job else None,
        )
