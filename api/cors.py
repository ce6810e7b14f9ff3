"""Which web pages may call the API from a browser: those whose origins a tenant has listed."""

from typing import Any

from corsheaders.signals import check_request_enabled
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import callers
from accounts.models import Tenant
from accounts.tenancy import platform_scope
from api.errors import is_api


@receiver(check_request_enabled)
def is_allowed(request: HttpRequest, **_: Any) -> bool:
    """Where nobody is known, it is enough that some tenant lists the page's origin: a browser asks beforehand without a
    key, and a page should be able to read why its key was refused."""
    origin = request.headers.get("Origin", "")
    if not origin or not is_api(request):
        return False
    tenant = _tenant_of(request)
    if tenant is not None:
        return origin in tenant.cors_origins
    with platform_scope():
        return Tenant.objects.filter(cors_origins__contains=[origin]).exists()


def _tenant_of(request: HttpRequest) -> Tenant | None:
    """The caller's, or that of the job whose signed link was followed."""
    caller, job = callers.of(request), request.META.get("JOB")
    return caller.tenant if caller else job.tenant if job else None
