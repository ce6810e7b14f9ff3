"""A job as its tenant is told of it. The API adds the links to its images, which whoever asks must have a right to."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings

from processing.models import Job, State

AS_THEY_ARE = (
    "id", "state", "model", "model_version", "provider", "precision", "filename", "original_format", "original_bytes",
    "width", "height", "result_bytes", "result_width", "result_height", "foreground_box", "credits_charged",
    "timings_ms", "created_at", "started_at", "finished_at", "duration_ms", "images_expire_at", "images_removed_at",
)  # fmt: skip


class Remark(TypedDict):
    code: str
    detail: str


NO_FOREGROUND: Remark = {
    "code": "no_foreground",
    "detail": "No foreground was found: everything became background. Another model may see one.",
}


def has_foreground(job: Job) -> bool | None:
    """Nobody knows before the job has succeeded."""
    return job.has_foreground if job.state == State.SUCCEEDED else None


def notice(job: Job) -> Remark | None:
    """What to know of a result that is as it should be."""
    return NO_FOREGROUND if has_foreground(job) is False else None


def error(job: Job) -> Remark | None:
    return {"code": job.error_code, "detail": job.error_detail} if job.error_code else None


def described(job: Job) -> dict[str, Any]:
    """All that the API says of it, in JSON's types, but no signed link: a message is kept for longer than one works."""
    fields = {name: in_json(getattr(job, name)) for name in AS_THEY_ARE}
    return fields | {
        "output": job.options.get("output"),
        "format": job.options.get("format"),
        "has_foreground": has_foreground(job),
        "notice": notice(job),
        "error": error(job),
        "url": f"{settings.PUBLIC_URL}/api/v1/jobs/{job.id}",
    }


def in_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case UUID():
            return str(value)
    return value
