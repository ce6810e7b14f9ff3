"""Which web pages may call the API from a browser: those whose origins a tenant has listed."""

from typing import Any

from corsheaders.signals import check_request_enabled
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import callers
from accounts.models import Tenant
from accounts.tenancy import platform_scope


@receiver(check_request_enabled)
def is_allowed(request: HttpRequest, **_: Any) -> bool:
    """A browser asks beforehand without a key: then it is enough that some tenant lists the page's origin."""
    origin = request.headers.get("Origin", "")
    if request.method == "OPTIONS":
        with platform_scope():
            return Tenant.objects.filter(cors_origins__contains=[origin]).exists()
    tenant = _tenant_of(request)
    return tenant is not None and origin in tenant.cors_origins


def _tenant_of(request: HttpRequest) -> Tenant | None:
    """The caller's, or that of the job whose signed link was followed."""
    caller, job = callers.of(request), request.META.get("JOB")
    return caller.tenant if caller else job.tenant if job else None
