"""The audit log: one line for each API request and for each act of a person that changes something."""

import ipaddress
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.callers import Caller
from accounts.models import Tenant
from accounts.tenancy import platform_scope
from config.text import printable
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


def record(
    request: HttpRequest,
    *,
    action: str,
    caller: Caller | None = None,
    tenant: Tenant | None = None,
    **facts: Any,
) -> None:
    """Adds a line; `tenant` says whom it concerns where the caller does not."""
    user = caller.user if caller else getattr(request, "user", None)
    with platform_scope():
        AuditRecord.objects.create(
            action=action,
            tenant=caller.tenant if caller else tenant,
            api_key_prefix=caller.api_key.prefix if caller and caller.api_key else "",
            person=getattr(user, "email", ""),
            ip=client_ip(request),
            user_agent=printable(request.headers.get("User-Agent", ""), 300),
            request_id=request.META.get("REQUEST_ID", ""),
            method=(request.method or "")[:10],
            path=_path(request),
            detail=printable(facts.pop("detail", ""), 300),
            **facts,
        )


def _path(request: HttpRequest) -> str:
    """A signed link shows an image to whoever has it: its token does not belong into a log."""
    return "/images/…" if request.path.startswith("/images/") else printable(request.path, 300)
