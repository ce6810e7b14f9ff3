"""What the dialects of creating a cutout share."""

from django.http import FileResponse, HttpRequest

from accounts.callers import Caller
from api.middleware import note_job
from api.uploads import Upload
from processing import images, jobs
from processing.engine.options import Options
from processing.images import Kind
from processing.models import Job


def cut_out(request: HttpRequest, caller: Caller, upload: Upload, options: Options, *, wait_s: int) -> Job:
    """Submits the image, and waits for its end for that long; the job as it stands then."""
    require = jobs.require_worker if wait_s else jobs.require_installed
    require(options.model)
    request_id = request.META["REQUEST_ID"]
    job = jobs.submit(
        caller,
        upload.image,
        options,
        background=upload.background,
        filename=upload.filename,
        request_id=request_id,
    )
    note_job(request, job)
    return jobs.wait(caller, job, seconds=wait_s) if wait_s else job


def result_file(job: Job) -> FileResponse:
    """The result itself. Raises what stands in its way."""
    jobs.require_result(job)
    response = images.response(job, Kind.RESULT)
    response["X-Job-ID"] = str(job.id)
    response["X-Credits-Charged"] = job.credits_charged
    response["X-Foreground"] = "found" if job.has_foreground else "none"
    return response
