"""What the dialects of creating a cutout share."""

from contextlib import suppress
from decimal import Decimal
from uuid import UUID

from django.http import FileResponse, HttpRequest

from accounts.callers import Caller
from api import uploads
from api.middleware import note_job
from api.uploads import Upload
from processing import images, jobs
from processing.engine.options import Options
from processing.errors import WaitTimedOut
from processing.images import Kind
from processing.models import Job
from processing.turns import NoTurn


def cut_out(
    request: HttpRequest,
    caller: Caller,
    upload: Upload,
    options: Options,
    *,
    wait_s: int,
    job_id: UUID | None = None,
) -> Job:
    """Submits the image, and waits for its end for that long; the job as it stands then.

    A job that has `job_id` already is not made again.
    """
    job = jobs.find(caller, job_id) if job_id else None
    if job is None:
        job = submitted(request, caller, upload, options, is_awaited=bool(wait_s), job_id=job_id)
    note_job(request, job)
    if not wait_s or job.is_finished:
        return job
    with suppress(NoTurn):  # the job is accepted all the same
        job = jobs.wait(caller, job, seconds=wait_s)
    return job


def submitted(
    request: HttpRequest,
    caller: Caller,
    upload: Upload,
    options: Options,
    *,
    is_awaited: bool,
    job_id: UUID | None,
    credits: Decimal = jobs.CREDITS_PER_IMAGE,
) -> Job:
    """The job that was made of it. What is to be fetched is fetched once all else is known to be right."""
    caller.require_submit()
    require = jobs.require_worker if is_awaited else jobs.require_installed
    require(options.model)
    jobs.require_background(options, is_given=upload.has_background)
    if upload.is_to_be_fetched:
        jobs.require_affordable(caller, credits)
    upload = uploads.fetched(upload, caller)
    return jobs.submit(
        caller,
        upload.image,
        options,
        background=upload.background,
        filename=upload.filename,
        request_id=request.META["REQUEST_ID"],
        job_id=job_id,
        credits=credits,
    )


def require_ended(caller: Caller, job: Job) -> Job:
    """For dialects that know no later: the job as it has ended. Raises WaitTimedOut, and then it is canceled."""
    if job.is_finished:
        return job
    if jobs.cancel(caller, job.id):
        raise WaitTimedOut("The result was not ready in time; nothing was charged. Try again.", retry_after_s=5)
    return jobs.get(caller, job.id)


def result_file(job: Job) -> FileResponse:
    """The result itself. Raises what stands in its way."""
    jobs.require_result(job)
    response = images.response(job, Kind.RESULT)
    response["X-Job-ID"] = str(job.id)
    response["X-Credits-Charged"] = job.credits_charged
    response["X-Foreground"] = "found" if job.has_foreground else "none"
    return response
