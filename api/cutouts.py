"""What the dialects of creating a cutout share."""

from contextlib import suppress
from uuid import UUID

from django.http import FileResponse, HttpRequest

from accounts.callers import Caller
from api import uploads
from api.middleware import note_job
from api.uploads import Upload
from processing import images, jobs
from processing.engine.options import Options
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
        job = _submitted(request, caller, upload, options, wait_s=wait_s, job_id=job_id)
    note_job(request, job)
    if not wait_s or job.is_finished:
        return job
    with suppress(NoTurn):  # the job is accepted all the same
        job = jobs.wait(caller, job, seconds=wait_s)
    return job


def _submitted(
    request: HttpRequest,
    caller: Caller,
    upload: Upload,
    options: Options,
    *,
    wait_s: int,
    job_id: UUID | None,
) -> Job:
    caller.require_submit()
    require = jobs.require_worker if wait_s else jobs.require_installed
    require(options.model)
    jobs.require_background(options, is_given=upload.has_background)
    if upload.is_to_be_fetched:
        jobs.require_affordable(caller)
    upload = uploads.fetched(upload, caller)
    return jobs.submit(
        caller,
        upload.image,
        options,
        background=upload.background,
        filename=upload.filename,
        request_id=request.META["REQUEST_ID"],
        job_id=job_id,
    )


def result_file(job: Job) -> FileResponse:
    """The result itself. Raises what stands in its way."""
    jobs.require_result(job)
    response = images.response(job, Kind.RESULT)
    response["X-Job-ID"] = str(job.id)
    response["X-Credits-Charged"] = job.credits_charged
    response["X-Foreground"] = "found" if job.has_foreground else "none"
    return response
