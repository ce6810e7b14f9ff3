"""The stored images of a job: where they lie, how they are read, and the signed links to them."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import BinaryIO

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import FileResponse
from django.urls import reverse

from config.limits import LIMITS
from processing.errors import ImagesRemoved, JobNotFound, StorageUnavailable
from processing.models import ImprovementSubmission, Job

SALT = "image link"
LONGEST_STEM = 100
EXTENSIONS = {"image/jpeg": "jpg"}  # where it is not the media type's second half
log = structlog.get_logger(__name__)


class Kind(StrEnum):
    ORIGINAL = "original"
    BACKGROUND = "background"
    PREVIEW = "preview"
    RESULT = "result"
    THUMBNAIL = "thumbnail"


SHOWN = [kind for kind in Kind if kind != Kind.BACKGROUND]


# What has images: an original at least.
type Owner = Job | ImprovementSubmission


def path(job: Owner, kind: Kind) -> str:
    """Made of our own ids alone: nothing that a user wrote can reach a path."""
    return f"{job.tenant_id}/{job.id}/{kind}"


def store(job: Owner, kind: Kind, data: bytes) -> None:
    with _reported():
        default_storage.save(path(job, kind), ContentFile(data))


def read(job: Job, kind: Kind) -> bytes:
    with _reported(), default_storage.open(path(job, kind)) as file:
        data: bytes = file.read()
    return data


def open_stored(job: Owner, kind: Kind) -> BinaryIO:
    if not job.has_images:
        raise ImagesRemoved
    with _reported():
        return default_storage.open(path(job, kind))  # type: ignore[return-value]


def remove(job: Job) -> None:
    """Removes what is there of them; removing twice is harmless."""
    with _reported():
        for kind in Kind:
            default_storage.delete(path(job, kind))
        with suppress(OSError):  # on disk a folder is left, unless something is just being stored in it
            default_storage.delete(f"{job.tenant_id}/{job.id}")


def media_type(job: Owner, kind: Kind) -> str:
    match kind:
        case Kind.ORIGINAL:
            return f"image/{job.original_format.lower()}"
        case Kind.RESULT if isinstance(job, Job):
            return job.result_media_type
        case Kind.PREVIEW:
            return "image/jpeg"
        case Kind.THUMBNAIL:
            return "image/webp"
    raise JobNotFound("A background image is only used, never shown.")


def filename(job: Owner, kind: Kind) -> str:
    """What a download is called: after the original, as far as that is harmless, and after what it is."""
    stem = re.split(r"[/\\]", job.filename)[-1].rpartition(".")[0] or job.filename
    harmless = re.sub(r"[^\w .()+-]+", "_", stem).strip("._ -")[:LONGEST_STEM] or str(job.id)
    what = job.options.get("output", "cutout") if kind == Kind.RESULT and isinstance(job, Job) else kind
    return f"{harmless}-{what}.{extension(job, kind)}"


def extension(job: Owner, kind: Kind) -> str:
    type_ = media_type(job, kind)
    return EXTENSIONS.get(type_, type_.partition("/")[2])


def response(job: Owner, kind: Kind, *, as_download: bool = False, named: str = "") -> FileResponse:
    """One image as a file that a browser may keep for as long as a signed link would live."""
    type_ = media_type(job, kind)
    answer = FileResponse(
        open_stored(job, kind),
        content_type=type_,
        as_attachment=as_download or not type_.startswith("image/"),
        filename=named or filename(job, kind),
    )
    answer["Cache-Control"] = f"private, max-age={LIMITS.link_s}"
    return answer


def link(job: Job, kind: Kind) -> str:
    """A path that shows one image to whoever has it, for LIMITS.link_s."""
    return reverse("image-link", args=[signing.dumps([str(job.id), kind.value], salt=SALT, compress=False)])


def resolve_link(token: str) -> tuple[uuid.UUID, Kind]:
    try:
        job_id, kind = signing.loads(token, salt=SALT, max_age=LIMITS.link_s)
    except signing.BadSignature as error:
        raise JobNotFound("This link has expired or was never valid. Ask for a new one.") from error
    return uuid.UUID(job_id), Kind(kind)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ImagesRemoved from error
    except (OSError, BotoCoreError, ClientError) as error:
        log.error("image storage failed", error=str(error))
        raise StorageUnavailable from error
