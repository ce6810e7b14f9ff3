"""What can be done with a job: submit, wait, cancel, remove. A worker's part is in processing/runs.py, the sweeper's in
processing/sweeping.py.

Credits are reserved in the transaction that inserts the job and given back in the one that ends it without a result.
Whoever's conditional UPDATE finds no row changes nothing.
"""

import uuid
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import partial
from math import ceil

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import ledger, rates
from accounts.callers import Caller
from accounts.errors import TooManyJobs
from accounts.models import Plan, WebhookEvent
from accounts.tenancy import platform_scope, tenant_scope
from config.errors import MatteryError
from config.limits import LIMITS
from config.text import printable
from processing import heartbeats, images, queue, webhooks
from processing.engine import catalog, decode, placement
from processing.engine.errors import ImageError, ModelNotInstalled
from processing.engine.options import Options, refusal
from processing.errors import (
    JobCanceled,
    JobFinished,
    JobNotFound,
    NoWarmWorker,
    QueueUnavailable,
    ResultNotReady,
)
from processing.images import Kind
from processing.models import Job, JobQuerySet, State
from processing.turns import Turns

MEGAPIXEL = 1_000_000
REQUEST_WEIGHT = 1  # what a request has counted for before its image is known
CREDITS_PER_IMAGE = Decimal(1)
BACKGROUND_FILE = "background_file"
_waits = Turns(LIMITS.waits)


def limits_of(plan: Plan) -> decode.Limits:
    return decode.Limits(max_bytes=plan.max_upload_bytes, max_pixels=plan.max_pixels, max_side_px=LIMITS.max_side_px)


def submit(
    caller: Caller,
    data: bytes,
    options: Options,
    *,
    background: bytes | None = None,
    filename: str = "",
    request_id: str = "",
    job_id: uuid.UUID | None = None,
    credits: Decimal = CREDITS_PER_IMAGE,
) -> Job:
    """Accepts one image: checks its header, reserves the credits, stores the original and queues the job. `background`
    is the image for the option background_image, `job_id` the id that the job is to have.

    Raises an EngineError for an image that cannot be cut out so, InsufficientCredits, RateLimited, RoleForbids,
    TooManyJobs or StorageUnavailable; then nothing is left behind.
    """
    caller.require_submit()
    limits = limits_of(caller.tenant.plan)
    info = decode.inspect(data, limits)
    placement.check(options, (info.width, info.height))
    _check_background(background, options, limits)
    rates.spend(caller, ceil(info.width * info.height / MEGAPIXEL) - REQUEST_WEIGHT, counted=REQUEST_WEIGHT)
    now = timezone.now()
    job = Job(
        id=job_id or uuid.uuid4(),
        tenant=caller.tenant,
        api_key=caller.api_key,
        user=caller.user,
        request_id=request_id,
        filename=printable(filename[-255:], 255),
        options=options.as_dict(),
        model=options.model,
        credits=credits,
        original_format=info.format,
        original_bytes=len(data),
        width=info.width,
        height=info.height,
        created_at=now,
        queued_at=now,
        images_expire_at=now + timedelta(days=caller.tenant.plan.retention_days),
    )
    require_affordable(caller, job.credits)
    try:
        images.store(job, Kind.ORIGINAL, data)
        if background is not None:
            images.store(job, Kind.BACKGROUND, background)
        _accept(caller, job)
    except IntegrityError:
        return get(caller, job.id)  # made by somebody who was faster, and the stored image is its own
    except BaseException:
        images.remove(job)
        raise
    return job


def require_affordable(caller: Caller, credits: Decimal = CREDITS_PER_IMAGE) -> None:
    """The cheap look before work is done for somebody who cannot pay for its end."""
    with caller.scope():
        ledger.require_credits(caller.tenant, credits)


def require_background(options: Options, *, is_given: bool) -> None:
    if options.background_image != is_given:
        raise refusal(BACKGROUND_FILE, f"background_image and the file in {BACKGROUND_FILE} go together.")


def _check_background(background: bytes | None, options: Options, limits: decode.Limits) -> None:
    require_background(options, is_given=background is not None)
    if background is None:
        return
    try:
        decode.inspect(background, limits)
    except ImageError as error:
        error.param = BACKGROUND_FILE
        raise


def _accept(caller: Caller, job: Job) -> None:
    with caller.scope():
        # It locks the tenant's allowance, so that nobody else adds a job while these are counted.
        ledger.reserve(caller.tenant, job_id=job.id, credits=job.credits, api_key=caller.api_key)
        _require_room(caller.tenant.plan)
        job.save(force_insert=True)
        transaction.on_commit(partial(queue.publish, job.id), robust=True)


def _require_room(plan: Plan) -> None:
    if Job.objects.unfinished().count() >= plan.max_unfinished_jobs:
        raise TooManyJobs(f"{plan.max_unfinished_jobs} jobs wait or run, as many as the {plan} plan allows at a time.")


def selectable_models() -> list[str]:
    """The default model first, then what else the workers have installed."""
    try:
        installed = heartbeats.installed_models()
    except QueueUnavailable:
        installed = []
    known = [name for name in installed if name in catalog.read().models]  # a newer worker may know more
    return [settings.DEFAULT_MODEL, *(name for name in known if name != settings.DEFAULT_MODEL)]


def require_installed(model: str) -> None:
    """Refuses what no living worker could do; without workers or queue, who knows what comes."""
    with suppress(NoWarmWorker, QueueUnavailable):
        require_worker(model)


def require_worker(model: str) -> None:
    """A request that wants to wait is refused at once when there is nobody to wait for."""
    workers = heartbeats.alive()
    if not workers:
        raise NoWarmWorker
    installed = sorted({name for worker in workers for name in worker.installed})
    if model not in installed:
        raise ModelNotInstalled(f"{model} is not installed here. Choose one of: {', '.join(installed)}.")


def wait(caller: Caller, job: Job, *, seconds: int) -> Job:
    """The job as it stands when it has ended, or when the time is over.

    Raises NoTurn where too many wait already. Raises NoWarmWorker, ModelNotInstalled or QueueUnavailable when nothing
    will end it; then the job is canceled, with its credit back.
    """
    connection.close()  # back to the pool: a waiting request must not hold a database connection
    try:
        with _waits.taken_by(caller.tenant.id):
            ended = queue.wait(job.id, seconds=seconds)
        if not ended:
            require_worker(job.model)
    except (NoWarmWorker, ModelNotInstalled, QueueUnavailable):
        if cancel(caller, job.id):
            raise
    return get(caller, job.id)


def get(caller: Caller, job_id: uuid.UUID) -> Job:
    job = find(caller, job_id)
    if job is None:
        raise JobNotFound
    return job


def find(caller: Caller, job_id: uuid.UUID) -> Job | None:
    with caller.scope():
        job: Job | None = Job.objects.filter(id=job_id).first()
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


def fail(rows: JobQuerySet, job_id: uuid.UUID, error: MatteryError) -> bool:
    """Ends that job, if it is one of `rows`, with its credit back. Needs the tenant's scope."""
    failed = rows.filter(id=job_id).move(
        State.FAILED,
        finished_at=timezone.now(),
        error_code=error.code,
        error_detail=error.detail[:500],
    )
    if failed:
        ledger.release(job_id)
        webhooks.announce(job_id, WebhookEvent.JOB_FAILED)
    return bool(failed)


def cancel(caller: Caller, job_id: uuid.UUID) -> bool:
    """Ends a job that has not ended, with its credit back and its images removed. False: it had ended already."""
    with caller.scope():
        now = timezone.now()
        rows = Job.objects.filter(id=job_id)
        canceled = rows.move(State.CANCELED, finished_at=now, images_expire_at=now)
        if canceled:
            ledger.release(job_id)
            webhooks.announce(job_id, WebhookEvent.JOB_CANCELED)
            transaction.on_commit(partial(discard_images, rows.get()), robust=True)
            transaction.on_commit(partial(queue.wake, job_id), robust=True)
    return bool(canceled)


def require_canceled(caller: Caller, job_id: uuid.UUID) -> Job:
    """The job, canceled by this call or an earlier one. Raises JobNotFound or JobFinished."""
    caller.require_submit()
    cancel(caller, job_id)
    job = get(caller, job_id)
    if job.state != State.CANCELED:
        raise JobFinished(f"The job has {job.state} already; it cannot be canceled. Delete it to remove its images.")
    return job


def remove(caller: Caller, job_id: uuid.UUID) -> None:
    """Removes the images of a job, canceling it first when it has not ended. The line in the history stays.

    From the commit on nobody sees the images; should the storage fail then, the sweeper tries again.
    """
    caller.require_submit()
    job = get(caller, job_id)
    if cancel(caller, job_id):
        return
    with caller.scope():
        Job.objects.filter(id=job_id, images_removed_at=None).update(images_expire_at=timezone.now())
        transaction.on_commit(partial(discard_images, job), robust=True)


def discard_images(job: Job) -> None:
    """Marked as removed only when they are, so that a failure on the way is seen and tried again."""
    images.remove(job)
    with tenant_scope(job.tenant_id):
        Job.objects.filter(id=job.id, images_removed_at=None).update(images_removed_at=timezone.now())
