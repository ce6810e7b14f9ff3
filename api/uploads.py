"""How an image comes in: a form's file, the raw body, or base64 in JSON. Sizes are checked before anything is read."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from api.errors import MalformedBody, MissingImage, TooManyImages, UnsupportedMediaType
from config.limits import LIMITS
from processing.engine.errors import TooManyBytes

BASE64_GROWTH = 4 / 3
BROKEN_OFF = "The body ended before its announced length. Send it again."


@dataclass(frozen=True, slots=True)
class Upload:
    image: bytes
    filename: str
    fields: Mapping[str, Any]


def read(request: HttpRequest, *, max_bytes: int, file_field: str = "image") -> Upload:
    """Raises MalformedBody, MissingImage, TooManyImages, UnsupportedMediaType, or TooManyBytes."""
    media_type = (request.content_type or "").lower()
    growth = BASE64_GROWTH if media_type == "application/json" else 1
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes * growth + LIMITS.body_overhead_bytes:
        raise too_many_bytes(max_bytes)
    try:
        if media_type == "multipart/form-data":
            return _from_form(request, file_field)
        if media_type == "application/json":
            return _from_json(request, file_field)
        if media_type.startswith("image/") or media_type == "application/octet-stream":
            return _from_body(request)
    except (UnreadablePostError, OSError) as error:
        raise MalformedBody(BROKEN_OFF) from error
    raise UnsupportedMediaType(
        f"Send multipart/form-data with the file in {file_field!r}, the image itself with its image/… type, "
        f"or JSON with {file_field!r} in base64."
    )


def too_many_bytes(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"The upload is larger than the {max_bytes / 1_000_000:g} MB that the plan allows.")


def _from_form(request: HttpRequest, file_field: str) -> Upload:
    try:
        fields, files = request.POST.dict(), request.FILES
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise MalformedBody("The multipart body cannot be read. Let your HTTP client build it.") from error
    images: list[UploadedFile[bytes]] = [file for name in files for file in files.getlist(name)]
    if len(images) > 1:
        raise TooManyImages("Send one image a request.")
    if not files.getlist(file_field):
        raise _missing(file_field)
    fields.pop("csrfmiddlewaretoken", None)
    return _checked(Upload(images[0].read(), images[0].name or "", request.GET.dict() | fields), file_field)


def _from_body(request: HttpRequest) -> Upload:
    image, fields = request.read(), request.GET.dict()
    if len(image) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise MalformedBody(BROKEN_OFF)
    return _checked(Upload(image, fields.pop("filename", ""), fields), "image")


def _from_json(request: HttpRequest, file_field: str) -> Upload:
    try:
        fields = json.loads(request.read())
    except (ValueError, RecursionError) as error:
        raise MalformedBody("The body is not valid JSON.") from error
    if not isinstance(fields, dict):
        raise MalformedBody("The body must be a JSON object.")
    encoded = fields.pop(file_field, None) or ""
    if not isinstance(encoded, str):
        raise MalformedBody(f"{file_field!r} must be one image as a base64 string.")
    filename = fields.pop("filename", "")
    return _checked(
        Upload(_decoded(encoded, file_field), str(filename), request.GET.dict() | fields),
        file_field,
    )


def _decoded(encoded: str, file_field: str) -> bytes:
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedBody(f"{file_field!r} is not valid base64.") from error


def _checked(upload: Upload, file_field: str) -> Upload:
    if not upload.image:
        raise _missing(file_field)
    return upload


def _missing(file_field: str) -> MissingImage:
    return MissingImage(f"Send one image in {file_field!r}, or as the raw body.")
