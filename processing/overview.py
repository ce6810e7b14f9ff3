"""How the installation is doing: what the operator console opens with."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Allowance, Tenant, this_month
from processing import heartbeats
from processing.errors import QueueUnavailable
from processing.heartbeats import Heartbeat
from processing.models import AuditRecord, Job, State

REFUSED_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    tenants: int
    suspended_tenants: int
    jobs_today: dict[State, int]
    queued: int
    running: int
    credits_used: Decimal
    credits_granted: Decimal
    workers: list[Heartbeat]
    trouble: str
    refused: list[AuditRecord]

    @property
    def failed_share(self) -> str:
        """Of the jobs of today that have succeeded or failed."""
        failed = self.jobs_today[State.FAILED]
        ended = failed + self.jobs_today[State.SUCCEEDED]
        return f"{failed / ended:.1%}" if ended else "none"


def now() -> Overview:
    """Needs the platform's scope."""
    workers, trouble = _workers()
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    unfinished = Job.objects.unfinished().count_by_state()
    allowed = Allowance.objects.filter(month=this_month()).aggregate(used=Sum("used"), granted=Sum("granted"))
    return Overview(
        tenants=Tenant.objects.count(),
        suspended_tenants=Tenant.objects.filter(is_suspended=True).count(),
        jobs_today=Job.objects.filter(created_at__gte=midnight).count_by_state(),
        queued=unfinished[State.QUEUED],
        running=unfinished[State.RUNNING],
        credits_used=allowed["used"] or Decimal(0),
        credits_granted=allowed["granted"] or Decimal(0),
        workers=workers,
        trouble=trouble,
        refused=_refused_lately(),
    )


def _workers() -> tuple[list[Heartbeat], str]:
    """The living worker processes, and what keeps the default model from being served."""
    try:
        workers = heartbeats.alive()
    except QueueUnavailable as error:
        return [], error.detail
    if not workers:
        return [], "No worker process is alive: jobs are accepted and wait."
    if not any(settings.DEFAULT_MODEL in worker.installed for worker in workers):
        return workers, f"No worker has the default model, {settings.DEFAULT_MODEL}."
    return workers, ""


def _refused_lately() -> list[AuditRecord]:
    """Of the last day only, so that a quiet installation does not read its whole log for ten lines."""
    a_day_ago = timezone.now() - timedelta(days=1)
    refused = AuditRecord.objects.filter(at__gte=a_day_ago, status__gte=400)
    return list(refused.select_related("tenant")[:REFUSED_SHOWN])
