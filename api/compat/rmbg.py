"""The task API of the RMBG cloud service: an image is handed in, its task asked about, its result fetched by a link."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import idempotency, uploads
from api.authentication import caller_of
from api.cutouts import cut_out
from api.errors import RouteNotFound
from api.middleware import note_job
from processing import images, jobs
from processing.engine.options import Options, refusal
from processing.images import Kind
from processing.models import Job, State

FILES = uploads.Names(image_url="image_url")
STATUSES = {
    State.QUEUED: "queued",
    State.RUNNING: "processing",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELED: "failed",
}
PROGRESS = {"queued": 0, "processing": 50, "completed": 100}  # percent; nobody knows more of one inference


class RemoveView(APIView):
    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponseBase:
        caller = caller_of(request)
        upload = uploads.read(request._request, max_bytes=caller.tenant.plan.max_upload_bytes, names=FILES)
        options = _options(dict(upload.fields))

        def answer(job_id: UUID | None) -> HttpResponseBase:
            job = cut_out(request._request, caller, upload, options, wait_s=0, job_id=job_id)
            task = {"task_id": str(job.id), "status": "queued", "status_url": _status_url(request, job)}
            return Response(task, status=HTTPStatus.ACCEPTED)

        return idempotency.once(request._request, caller, upload, answer)


class TaskView(APIView):
    @extend_schema(exclude=True)
    def get(self, request: Request, task_id: UUID) -> Response:
        caller = caller_of(request)
        job = jobs.get(caller, task_id)
        note_job(request._request, job)
        return Response(_described(request, job))


class ResultView(APIView):
    """A signed link with a name: whoever has it sees the result until it expires."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request, token: str, name: str) -> HttpResponseBase:
        job, kind = jobs.by_link(token)
        if kind != Kind.RESULT or name != _filename(job):
            raise RouteNotFound("Use the address as it was given.")
        note_job(request._request, job)
        return images.response(job, kind, as_download="download" in request.query_params, named=name)


def _options(fields: dict[str, Any]) -> Options:
    """Raises InvalidOption or UnknownModel."""
    if "output_format" in fields:
        if fields.get("format"):
            raise refusal("output_format", "output_format and format are the same. Send one of them.")
        fields["format"] = fields.pop("output_format")
    return Options.parse(fields, default_model=settings.DEFAULT_MODEL)


def _described(request: Request, job: Job) -> dict[str, Any]:
    status = STATUSES[State(job.state)]
    task: dict[str, Any] = {"task_id": str(job.id), "status": status, "result_url": None, "download_url": None}
    if status == "queued":
        task["position"] = _position(request, job)
    if status in PROGRESS:
        task["progress"] = PROGRESS[status]
    if status == "completed" and job.has_images:
        url = request.build_absolute_uri(_result_path(job))
        task |= {"result_url": url, "download_url": f"{url}?download"}
    if status == "failed":
        error = jobs.failure(job) if job.state == State.FAILED else None
        task["error"] = error.detail if error else "The job was canceled; nothing was charged."
        task["code"] = error.code if error else "job_canceled"
    return task


def _position(request: Request, job: Job) -> int:
    """1 is the caller's next to be done. How many others wait is nobody's business."""
    with caller_of(request).scope():
        return Job.objects.before(job).count() + 1


def _status_url(request: Request, job: Job) -> str:
    return request.build_absolute_uri(reverse("rmbg-task", args=[job.id]))


def _result_path(job: Job) -> str:
    token = images.link(job, Kind.RESULT).rpartition("/")[2]
    return reverse("rmbg-result", args=[token, _filename(job)])


def _filename(job: Job) -> str:
    """When and what, so that no two results have the same name."""
    return f"{job.created_at:%Y%m%d_%H%M%S}_{job.id}.{images.extension(job, Kind.RESULT)}"
