"""What the scheduler has done regularly: find what a crash left, and remove images past their time."""

import structlog
from django.utils import timezone

from accounts.tenancy import platform_scope, tenant_scope
from config.limits import LIMITS
from processing import jobs, queue
from processing.errors import QueueUnavailable, WorkerLost
from processing.models import Job, State

BATCH = 200
log = structlog.get_logger(__name__)


def sweep() -> None:
    """Finds leases that ran out, and jobs that the queue has lost; the oldest first."""
    with platform_scope():
        found = Job.objects.abandoned()
        if _queue_has_lost_some(Job.objects.filter(state=State.QUEUED).count()):
            found |= Job.objects.overlooked()
        left_behind = list(found.only("id", "tenant_id", "attempts").order_by("queued_at")[:BATCH])
    for job in left_behind:
        if job.attempts >= LIMITS.attempts:
            _give_up(job)
        else:
            _queue_again(job)


def _queue_has_lost_some(waiting: int) -> bool:
    """A long queue is no reason to make it longer: only when it holds fewer jobs than wait, some are missing."""
    try:
        return queue.length() < waiting
    except QueueUnavailable:
        return False  # nothing could be published now


def _give_up(job: Job) -> None:
    error = WorkerLost(f"The job was tried {job.attempts} times and no run came to its end. Nothing was charged.")
    with tenant_scope(job.tenant_id):
        rows = Job.objects.filter(attempts__gte=LIMITS.attempts)
        failed = jobs.fail(rows.abandoned() | rows.overlooked(), job.id, error)
    if failed:
        log.error("job given up", job_id=str(job.id), attempts=job.attempts)
        queue.wake(job.id)


def _queue_again(job: Job) -> None:
    with tenant_scope(job.tenant_id):
        rows = Job.objects.filter(id=job.id)
        moved = (rows.abandoned() | rows.overlooked()).move(State.QUEUED, queued_at=timezone.now())
    if moved:
        queue.publish(job.id)


def remove_expired_images() -> int:
    """Removes images past their time, a batch of jobs; how many those were."""
    with platform_scope():
        expired = list(Job.objects.past_retention(timezone.now())[:BATCH])
    for job in expired:
        jobs.discard_images(job)
    return len(expired)
