"""Metering: credits are reserved before the work and charged or released after it, exactly once.

Each verb is one conditional UPDATE and one line in the ledger, in the caller's transaction and scope. The UPDATE's
row count decides, so that no number of requests at once can spend a credit twice.
"""

from decimal import Decimal
from uuid import UUID

from django.db.models import F

from accounts.errors import InsufficientCredits
from accounts.models import Allowance, ApiKey, Tenant, UsageEntry

Kind = UsageEntry.Kind


def require_credits(tenant: Tenant, credits: Decimal) -> None:
    """The cheap look before an upload is stored; reserve() is what decides."""
    if tenant.current_allowance().left < credits:
        raise _insufficient(tenant)


def reserve(tenant: Tenant, *, job_id: UUID, credits: Decimal, api_key: ApiKey | None) -> None:
    allowance = tenant.current_allowance()
    granted = Allowance.objects.filter(pk=allowance.pk, used__lte=F("granted") - credits).update(
        used=F("used") + credits
    )
    if not granted:
        raise _insufficient(tenant)
    UsageEntry.objects.create(
        tenant=tenant,
        allowance=allowance,
        api_key=api_key,
        job_id=job_id,
        kind=Kind.RESERVE,
        credits=credits,
    )


def charge(job_id: UUID) -> None:
    """The work succeeded: what was reserved stays spent."""
    _close(job_id, Kind.CHARGE)


def release(job_id: UUID) -> None:
    """The work did not succeed: what was reserved goes back to the month it came from."""
    reservation = _close(job_id, Kind.RELEASE)
    Allowance.objects.filter(pk=reservation.allowance_id).update(used=F("used") - reservation.credits)


def _close(job_id: UUID, kind: UsageEntry.Kind) -> UsageEntry:
    reservation: UsageEntry = UsageEntry.objects.get(job_id=job_id, kind=Kind.RESERVE)
    UsageEntry.objects.create(
        tenant_id=reservation.tenant_id,
        allowance_id=reservation.allowance_id,
        api_key_id=reservation.api_key_id,
        job_id=job_id,
        kind=kind,
        credits=reservation.credits,
    )
    return reservation


def _insufficient(tenant: Tenant) -> InsufficientCredits:
    return InsufficientCredits(
        f"The {tenant.plan} plan's {tenant.plan.monthly_credits} credits of this month are used or reserved. "
        "They renew on the first day of the next month."
    )
