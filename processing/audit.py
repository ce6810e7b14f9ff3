"""The audit log: one line for each API request and for each act of a person that changes something."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from accounts.callers import Caller
from accounts.tenancy import platform_scope
from processing.models import AuditRecord

REQUEST = "request"


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address. X-Forwarded-For counts only as far as the stated number of proxies has written it."""
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    trusted = settings.TRUSTED_PROXIES
    address = hops[-min(trusted, len(hops))] if trusted and hops else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


def record_request(request: HttpRequest, *, caller: Caller | None, **facts: object) -> None:
    _record(REQUEST, request, caller, facts)


def record_act(action: str, request: HttpRequest, *, caller: Caller | None = None, detail: str = "") -> None:
    """Something that a person did, such as revoking a key."""
    _record(action, request, caller, {"detail": detail[:300]})


def _record(action: str, request: HttpRequest, caller: Caller | None, facts: dict[str, object]) -> None:
    user = caller.user if caller else getattr(request, "user", None)
    with platform_scope():
        AuditRecord.objects.create(
            action=action,
            tenant=caller.tenant if caller else None,
            api_key_prefix=caller.api_key.prefix if caller and caller.api_key else "",
            person=getattr(user, "email", ""),
            ip=client_ip(request),
            user_agent=request.headers.get("User-Agent", "")[:300],
            request_id=request.META.get("REQUEST_ID", ""),
            method=request.method or "",
            path=request.path[:300],
            **facts,
        )
