"""A worker's part in a job's life: one attempt at it, under a lease.

The result is stored before the transaction that charges for it. An attempt that breaks off, by a crash or by an error
that may pass, leaves the lease to run out; the sweeper (processing/jobs.py) then queues the job again.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.utils import timezone

from accounts import ledger
from accounts.tenancy import platform_scope, tenant_scope
from config.errors import MatteryError
from config.limits import LIMITS
from processing import images, jobs, queue
from processing.engine import cutout
from processing.engine.options import Options
from processing.engine.sessions import SessionCache
from processing.errors import ImagesRemoved, OriginalMissing, RunTimedOut
from processing.images import Kind
from processing.models import Job, State


def run(job_id: uuid.UUID, sessions: SessionCache) -> None:
    """One attempt at a job. Does nothing when the job has ended or somebody else is at it."""
    with platform_scope():
        lease = Job.objects.lease(job_id)
        job: Job | None = Job.objects.select_related("tenant__plan").get(id=job_id) if lease else None
    if job is None or lease is None:
        return
    with structlog.contextvars.bound_contextvars(job_id=str(job_id), request_id=job.request_id):
        try:
            with _renewed(job, lease):
                result = _cut_out(job, sessions)
                _store_result(job, result)
        except MatteryError as error:
            if error.is_retryable:
                raise
            _fail(job, error, lease=lease)
        except SoftTimeLimitExceeded:
            _fail(
                job,
                RunTimedOut(f"The image took longer than {LIMITS.run_soft_s} s and was given up."),
                lease=lease,
            )
        else:
            _succeed(job, result, lease=lease)
        queue.wake(job_id)


def _cut_out(job: Job, sessions: SessionCache) -> cutout.Result:
    try:
        original = images.read(job, Kind.ORIGINAL)
    except ImagesRemoved as error:
        raise OriginalMissing("The stored image was gone when a worker wanted it. Send it again.") from error
    return cutout.cutout(
        original,
        Options.parse(job.options),
        sessions=sessions,
        limits=jobs.limits_of(job.tenant.plan),
    )


def _store_result(job: Job, result: cutout.Result) -> None:
    started = monotonic()
    images.store(job, Kind.RESULT, result.data)
    images.store(job, Kind.THUMBNAIL, result.thumbnail)
    if result.preview:
        images.store(job, Kind.PREVIEW, result.preview)
    result.timings_ms["store"] = round((monotonic() - started) * 1000, 1)


def _succeed(job: Job, result: cutout.Result, *, lease: uuid.UUID) -> None:
    with tenant_scope(job.tenant_id):
        settled = Job.objects.held(job.id, lease).move(
            State.SUCCEEDED,
            finished_at=timezone.now(),
            model_version=result.model_version,
            provider=result.provider,
            result_media_type=result.media_type,
            result_bytes=len(result.data),
            width=result.width,
            height=result.height,
            has_preview=result.preview is not None,
            has_foreground=not result.is_empty,
            timings_ms=result.timings_ms,
        )
        if settled:
            ledger.charge(job.id)
    if not settled:
        _remove_if_unwanted(job)


def _remove_if_unwanted(job: Job) -> None:
    """The job was removed while it ran: so must be what this run has just stored."""
    with tenant_scope(job.tenant_id):
        removed = Job.objects.filter(id=job.id, images_removed_at__isnull=False).exists()
    if removed:
        images.remove(job)


def _fail(job: Job, error: MatteryError, *, lease: uuid.UUID) -> None:
    with tenant_scope(job.tenant_id):
        jobs.end_in_failure(Job.objects.held(job.id, lease), job.id, error)


@contextmanager
def _renewed(job: Job, lease: uuid.UUID) -> Iterator[None]:
    """Renews the lease while the run goes on, so that a long run is not taken for a dead one."""
    stop = Event()

    def renew() -> None:
        while not stop.wait(LIMITS.lease_renewal_s):
            with tenant_scope(job.tenant_id):
                Job.objects.held(job.id, lease).update(
                    lease_expires_at=timezone.now() + timedelta(seconds=LIMITS.lease_s)
                )
        connection.close()

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
