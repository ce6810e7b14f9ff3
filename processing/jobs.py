"""What can be done with a job: submit, wait, cancel, remove, sweep, expire. A worker's part is in processing/runs.py.

Credits are reserved in the transaction that inserts the job and given back in the one that ends it without a result.
Whoever's conditional UPDATE finds no row changes nothing.
"""

import uuid
from datetime import timedelta
from decimal import Decimal

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import ledger
from accounts.callers import Caller
from accounts.models import Plan
from accounts.tenancy import platform_scope, tenant_scope
from config.errors import MatteryError
from config.limits import LIMITS
from config.text import printable
from processing import heartbeats, images, queue
from processing.engine import decode
from processing.engine.errors import ModelNotInstalled
from processing.engine.options import Options
from processing.errors import (
    JobCanceled,
    JobNotFound,
    NoWarmWorker,
    QueueUnavailable,
    ResultNotReady,
    WorkerLost,
)
from processing.images import Kind
from processing.models import Job, JobQuerySet, State

CREDITS_PER_IMAGE = Decimal(1)
BATCH = 200
log = structlog.get_logger(__name__)


def limits_of(plan: Plan) -> decode.Limits:
    return decode.Limits(max_bytes=plan.max_upload_bytes, max_pixels=plan.max_pixels, max_side_px=LIMITS.max_side_px)


def submit(caller: Caller, data: bytes, options: Options, *, filename: str = "", request_id: str = "") -> Job:
    """Accepts one image: checks its header, reserves the credit, stores the original and queues the job.

    Raises an EngineError for an image that cannot be cut out, InsufficientCredits, RoleForbids or StorageUnavailable;
    then nothing is left behind.
    """
    caller.require_submit()
    info = decode.inspect(data, limits_of(caller.tenant.plan))
    now = timezone.now()
    job = Job(
        tenant=caller.tenant,
        api_key=caller.api_key,
        user=caller.user,
        request_id=request_id,
        filename=printable(filename[-255:], 255),
        options=options.as_dict(),
        model=options.model,
        credits=CREDITS_PER_IMAGE,
        original_format=info.format,
        original_bytes=len(data),
        width=info.width,
        height=info.height,
        created_at=now,
        queued_at=now,
        images_expire_at=now + timedelta(days=caller.tenant.plan.retention_days),
    )
    with caller.scope():
        ledger.require_credits(caller.tenant, job.credits)
    images.store(job, Kind.ORIGINAL, data)
    try:
        _accept(caller, job)
    except BaseException:
        images.remove(job)
        raise
    return job


def _accept(caller: Caller, job: Job) -> None:
    with caller.scope():
        ledger.reserve(caller.tenant, job_id=job.id, credits=job.credits, api_key=caller.api_key)
        job.save(force_insert=True)
        transaction.on_commit(lambda: queue.publish(job.id))


def selectable_models() -> list[str]:
    """The default model first, then what else the workers have installed."""
    try:
        installed = heartbeats.installed_models()
    except QueueUnavailable:
        installed = []
    return [settings.DEFAULT_MODEL, *(name for name in installed if name != settings.DEFAULT_MODEL)]


def require_worker(model: str) -> None:
    """A request that wants to wait is refused at once when there is nobody to wait for."""
    workers = heartbeats.alive()
    if workers and not any(model in worker.installed for worker in workers):
        raise ModelNotInstalled(f"{model} is not installed on any worker. Choose another model.")
    if not workers:
        raise NoWarmWorker(
            "No worker is ready for this model just now. Try again shortly, or do not wait.",
            retry_after_s=10,
        )


def wait(caller: Caller, job: Job, *, seconds: int) -> Job:
    """The job as it stands when it has ended, or when the time is over.

    Raises NoWarmWorker or QueueUnavailable, with the job canceled and its credit back, when nothing will end it.
    """
    connection.close()  # back to the pool: a waiting request must not hold a database connection
    try:
        ended = queue.wait(job.id, seconds=seconds)
        if not ended:
            require_worker(job.model)
    except (NoWarmWorker, QueueUnavailable):
        current = get(caller, job.id)
        if current.is_finished:
            return current
        cancel(caller, job.id)
        raise
    return get(caller, job.id)


def get(caller: Caller, job_id: uuid.UUID) -> Job:
    with caller.scope():
        job: Job | None = Job.objects.filter(id=job_id).first()
    if job is None:
        raise JobNotFound("There is no job with this id.")
    return job


def by_link(token: str) -> tuple[Job, Kind]:
    """The image that a signed link stands for; the link itself is the permission."""
    job_id, kind = images.resolve_link(token)
    with platform_scope():
        job: Job | None = Job.objects.select_related("tenant").filter(id=job_id).first()
    if job is None:
        raise JobNotFound("This link has expired or was never valid. Ask for a new one.")
    return job, kind


def require_result(job: Job) -> None:
    """Raises what stands in the way of the job's result: its own error, or that it has not ended."""
    match State(job.state):
        case State.QUEUED | State.RUNNING:
            raise ResultNotReady("The job has not finished. Ask again shortly.", retry_after_s=1)
        case State.CANCELED:
            raise JobCanceled("The job was canceled before it ended; nothing was charged.")
        case State.FAILED:
            raise failure(job)


def failure(job: Job) -> MatteryError:
    """The error that the job ended with, as it was raised in the worker."""
    classes = {error.code: error for error in MatteryError.concrete()}
    return classes.get(job.error_code, MatteryError)(job.error_detail)


def end_in_failure(rows: JobQuerySet, job_id: uuid.UUID, error: MatteryError) -> bool:
    ended = rows.move(
        State.FAILED,
        finished_at=timezone.now(),
        error_code=error.code,
        error_detail=error.detail[:500],
    )
    if ended:
        ledger.release(job_id)
    return bool(ended)


def cancel(caller: Caller, job_id: uuid.UUID) -> bool:
    """Ends a job that has not ended, with its credit back and its images removed. False: it had ended already."""
    with caller.scope():
        canceled = Job.objects.filter(id=job_id).move(
            State.CANCELED, finished_at=timezone.now(), images_removed_at=timezone.now()
        )
        if canceled:
            ledger.release(job_id)
    if canceled:
        images.remove(get(caller, job_id))
        queue.wake(job_id)
    return bool(canceled)


def remove(caller: Caller, job_id: uuid.UUID) -> None:
    """Removes the images of a job, canceling it first when it has not ended. The line in the history stays."""
    caller.require_submit()
    job = get(caller, job_id)
    if cancel(caller, job_id):
        return
    with caller.scope():
        Job.objects.filter(id=job_id, images_removed_at=None).update(images_removed_at=timezone.now())
    images.remove(job)


def sweep() -> None:
    """Finds what a crash left: leases that ran out, and jobs that the queue has lost."""
    with platform_scope():
        abandoned = list(Job.objects.abandoned().only("id", "tenant_id", "attempts")[:BATCH])
        overlooked = list(Job.objects.overlooked().only("id", "tenant_id", "attempts")[:BATCH])
    for job in [*abandoned, *overlooked]:
        if job.attempts >= LIMITS.attempts:
            _give_up(job)
        else:
            _queue_again(job)


def _give_up(job: Job) -> None:
    error = WorkerLost(
        f"The job was tried {job.attempts} times and its worker was lost each time. Nothing was charged."
    )
    with tenant_scope(job.tenant_id):
        rows = Job.objects.filter(id=job.id, attempts__gte=LIMITS.attempts)
        ended = end_in_failure(rows.abandoned() | rows.overlooked(), job.id, error)
    if ended:
        log.error("job given up", job_id=str(job.id), attempts=job.attempts)
        queue.wake(job.id)


def _queue_again(job: Job) -> None:
    with tenant_scope(job.tenant_id):
        rows = Job.objects.filter(id=job.id)
        moved = (rows.abandoned() | rows.overlooked()).move(State.QUEUED, queued_at=timezone.now())
    if moved:
        queue.publish(job.id)


def remove_expired_images() -> int:
    """Removes images past their tenant's retention, a batch at a time; how many jobs that were."""
    now = timezone.now()
    with platform_scope():
        expired = list(Job.objects.past_retention(now)[:BATCH])
    for job in expired:
        images.remove(job)
        with tenant_scope(job.tenant_id):
            Job.objects.filter(id=job.id).update(images_removed_at=now)
    return len(expired)
