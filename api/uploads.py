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
    background: bytes | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What a dialect calls its files; not all take a background."""

    image: str = "image"
    background: str | None = None


def read(request: HttpRequest, *, max_bytes: int, names: Names = Names()) -> Upload:
    """`max_bytes` is for each file. Raises MalformedBody, MissingImage, TooManyImages, UnsupportedMediaType, or
    TooManyBytes."""
    media_type = (request.content_type or "").lower()
    if int(request.META.get("CONTENT_LENGTH") or 0) > _most_bytes(media_type, max_bytes, names):
        raise too_many_bytes(max_bytes)
    try:
        if media_type == "multipart/form-data":
            return _from_form(request, names)
        if media_type == "application/json":
            return _from_json(request, names)
        if media_type.startswith("image/") or media_type == "application/octet-stream":
            return _from_body(request, names)
    except (UnreadablePostError, OSError) as error:
        raise MalformedBody(BROKEN_OFF) from error
    raise UnsupportedMediaType(
        f"Send multipart/form-data with the file in {names.image!r}, the image itself with its image/… type, "
        f"or JSON with {names.image!r} in base64."
    )


def _most_bytes(media_type: str, max_bytes: int, names: Names) -> float:
    """Of a whole body."""
    growth = BASE64_GROWTH if media_type == "application/json" else 1
    files = 2 if names.background and media_type in ("application/json", "multipart/form-data") else 1
    return files * max_bytes * growth + LIMITS.body_overhead_bytes


def too_many_bytes(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"The upload is larger than the {max_bytes / 1_000_000:g} MB that the plan allows.")


def _from_form(request: HttpRequest, names: Names) -> Upload:
    try:
        fields, files = request.POST.dict(), request.FILES
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise MalformedBody("The multipart body cannot be read. Let your HTTP client build it.") from error
    backgrounds: list[UploadedFile[bytes]] = files.getlist(names.background) if names.background else []
    images = [file for name in files if name != names.background for file in files.getlist(name)]
    if len(images) > 1 or len(backgrounds) > 1:
        raise TooManyImages("Send one image a request.")
    if not files.getlist(names.image):
        raise _missing(names.image)
    fields.pop("csrfmiddlewaretoken", None)
    background = backgrounds[0].read() if backgrounds else None
    return _checked(Upload(images[0].read(), images[0].name or "", request.GET.dict() | fields, background), names)


def _from_body(request: HttpRequest, names: Names) -> Upload:
    image, fields = request.read(), request.GET.dict()
    if len(image) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise MalformedBody(BROKEN_OFF)
    return _checked(Upload(image, fields.pop("filename", ""), fields), names)


def _from_json(request: HttpRequest, names: Names) -> Upload:
    try:
        fields = json.loads(request.read())
    except (ValueError, RecursionError) as error:
        raise MalformedBody("The body is not valid JSON.") from error
    if not isinstance(fields, dict):
        raise MalformedBody("The body must be a JSON object.")
    image = _decoded(fields.pop(names.image, None) or "", names.image)
    background = _decoded(fields.pop(names.background, None) or "", names.background) if names.background else None
    filename = fields.pop("filename", None) or ""
    if not isinstance(filename, str):
        raise MalformedBody("'filename' must be text.")
    return _checked(Upload(image, filename, request.GET.dict() | fields, background or None), names)


def _decoded(encoded: object, file_field: str) -> bytes:
    if not isinstance(encoded, str):
        raise MalformedBody(f"{file_field!r} must be one image as a base64 string.")
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedBody(f"{file_field!r} is not valid base64.") from error


def _checked(upload: Upload, names: Names) -> Upload:
    if not upload.image:
        raise _missing(names.image)
    return upload


def _missing(file_field: str) -> MissingImage:
    return MissingImage(f"Send one image in {file_field!r}, or as the raw body.")
