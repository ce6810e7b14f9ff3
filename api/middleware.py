from collections.abc import Callable
from math import ceil
from time import monotonic

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from accounts import callers, rates
from api.errors import is_api
from processing import audit
from processing.models import Job

LARGEST = 2**63 - 1  # as a length may be announced that no column can hold
log = structlog.get_logger(__name__)


def note_job(request: HttpRequest, job: Job) -> None:
    """Says which job a request was about, for its line in the audit log."""
    request.META["JOB"] = job


class ProbeMiddleware:
    """Answers probes before anything asks for the host's name: they come by address, past the proxy."""

    PATHS = frozenset({"/healthz", "/readyz", "/metrics"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in self.PATHS:
            return self.get_response(request)
        answer: HttpResponse = resolve(request.path_info).func(request)
        return answer


class RateLimitMiddleware:
    """Says what is left of the caller's rates, as the IETF's draft "RateLimit header fields for HTTP" has it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        caller = callers.of(request)
        left = rates.left(caller) if caller and is_api(request) else {}
        if left:
            response["RateLimit-Policy"] = ", ".join(
                f'"{name}";q={rate.limit};w={rates.WINDOW_S}' for name, rate in left.items()
            )
            response["RateLimit"] = ", ".join(
                f'"{name}";r={rate.remaining};t={ceil(rate.resets_in_s)}' for name, rate in left.items()
            )
        return response


class AuditMiddleware:
    """Every API request leaves a line, the refused ones too, and so does whatever a person does in the dashboard.
    The operator console says itself what was done in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = monotonic()
        response = self.get_response(request)
        action = audited_action(request)
        if action is None:
            return response
        try:
            self._record(request, response, action=action, duration_ms=round((monotonic() - started) * 1000))
        except DatabaseError:
            log.exception("request not audited", path=request.path, status=response.status_code)
        return response

    def _record(self, request: HttpRequest, response: HttpResponse, *, action: str, duration_ms: int) -> None:
        caller = callers.of(request)
        job: Job | None = request.META.get("JOB")
        audit.record(
            request,
            action=action,
            caller=caller,
            tenant=job.tenant if job and caller is None else None,
            status=response.status_code,
            error_code=request.META.get("ERROR_CODE", ""),
            bytes_in=min(int(request.META.get("CONTENT_LENGTH") or 0), LARGEST),
            bytes_out=int(response.get("Content-Length") or (0 if response.streaming else len(response.content))),
            duration_ms=duration_ms,
            job_id=job.id if job else None,
            model=job.model if job else "",
            pixels=job.pixels if job else None,
        )


def audited_action(request: HttpRequest) -> str | None:
    """What the line is called; None when there is to be none."""
    if is_api(request):
        return audit.REQUEST
    if request.method != "POST" or request.path.startswith("/admin/") or request.resolver_match is None:
        return None
    return f"dashboard.{request.resolver_match.url_name}"
