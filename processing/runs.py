"""A worker's part in a job's life: one attempt at it, under a lease.

The result is stored before the transaction that charges for it. An attempt that breaks off, by a crash or by an error
that may pass, leaves the lease to run out; the sweeper (processing/sweeping.py) then queues the job again.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts import ledger
from accounts.models import WebhookEvent
from accounts.tenancy import platform_scope, tenant_scope
from config.errors import MatteryError
from config.limits import LIMITS
from processing import images, jobs, queue, webhooks
from processing.engine import cutout
from processing.engine.options import Options
from processing.engine.sessions import SessionCache
from processing.errors import ImagesRemoved, OriginalMissing, RunTimedOut
from processing.images import Kind
from processing.models import Job, State

log = structlog.get_logger(__name__)


def run(job_id: uuid.UUID, sessions: SessionCache) -> None:
    """One attempt at a job. Does nothing when the job has ended or somebody else is at it."""
    with platform_scope():
        lease = Job.objects.lease(job_id)
        job: Job | None = Job.objects.select_related("tenant__plan").get(id=job_id) if lease else None
    if job is None or lease is None:
        return
    with structlog.contextvars.bound_contextvars(job_id=str(job_id), request_id=job.request_id):
        if _attempt(job, lease, sessions):
            queue.wake(job_id)


def _attempt(job: Job, lease: uuid.UUID, sessions: SessionCache) -> bool:
    """Whether this run has ended the job; not if the lease was lost on the way. Raises errors that may pass."""
    try:
        with _renewed(job, lease):
            result = _cut_out(job, sessions)
            _store_result(job, result)
    except SoftTimeLimitExceeded:
        return _fail(job, lease, RunTimedOut(f"The image took longer than {LIMITS.run_soft_s} s and was given up."))
    except MatteryError as error:
        if error.is_retryable:
            raise
        return _fail(job, lease, error)
    return _succeed(job, lease, result)


def _cut_out(job: Job, sessions: SessionCache) -> cutout.Result:
    options = Options.parse(job.options)
    try:
        original = images.read(job, Kind.ORIGINAL)
        background = images.read(job, Kind.BACKGROUND) if options.background_image else None
    except ImagesRemoved as error:
        raise OriginalMissing("The stored image was gone when a worker wanted it. Send it again.") from error
    return cutout.cutout(
        original,
        options,
        sessions=sessions,
        limits=jobs.limits_of(job.tenant.plan),
        background=background,
    )


def _store_result(job: Job, result: cutout.Result) -> None:
    started = monotonic()
    images.store(job, Kind.RESULT, result.data)
    images.store(job, Kind.THUMBNAIL, result.thumbnail)
    if result.preview:
        images.store(job, Kind.PREVIEW, result.preview)
    result.timings_ms["store"] = round((monotonic() - started) * 1000, 1)


def _succeed(job: Job, lease: uuid.UUID, result: cutout.Result) -> bool:
    with tenant_scope(job.tenant_id):
        settled = Job.objects.held(job.id, lease).move(
            State.SUCCEEDED,
            finished_at=timezone.now(),
            model_version=result.model_version,
            provider=result.provider,
            precision=result.precision,
            result_media_type=result.media_type,
            result_bytes=len(result.data),
            result_width=result.result_width,
            result_height=result.result_height,
            foreground_box=result.foreground_box,
            has_preview=result.preview is not None,
            has_foreground=not result.is_empty,
            timings_ms=result.timings_ms,
        )
        if settled:
            ledger.charge(job.id)
            webhooks.announce(job.id, WebhookEvent.JOB_SUCCEEDED)
            return True
        current = Job.objects.get(id=job.id)
    if current.state == State.CANCELED or not current.has_images:  # then what this run has just stored must go as well
        images.remove(job)
    return False


def _fail(job: Job, lease: uuid.UUID, error: MatteryError) -> bool:
    with tenant_scope(job.tenant_id):
        return jobs.fail(Job.objects.held(job.id, lease), job.id, error)


@contextmanager
def _renewed(job: Job, lease: uuid.UUID) -> Iterator[None]:
    """Renews the lease while the run goes on, so that a long run is not taken for a dead one."""
    stop = Event()

    def renew() -> None:
        while not stop.wait(LIMITS.lease_renewal_s):
            _renew(job, lease)

    Thread(target=renew, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _renew(job: Job, lease: uuid.UUID) -> None:
    try:
        with tenant_scope(job.tenant_id):
            until = timezone.now() + timedelta(seconds=LIMITS.lease_s)
            Job.objects.held(job.id, lease).update(lease_expires_at=until)
    except DatabaseError as error:
        log.warning("lease not renewed, trying again", error=str(error))
    finally:
        connection.close()  # this thread's own
