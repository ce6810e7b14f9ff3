"""How an image comes in: a form's file, the raw body, base64 in JSON, or an address to fetch it from. Sizes are checked
before anything is read; what is to be fetched is only noted, until all else is known to be right."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from accounts.callers import Caller
from api.errors import MalformedBody, MissingImage, TooManyImages, UnsupportedMediaType
from config.limits import LIMITS
from processing import fetching
from processing.engine.errors import TooManyBytes
from processing.errors import FetchError
from processing.fetching import Fetched

BASE64_GROWTH = 4 / 3
UNREADABLE_FORM = "The form cannot be read. Let your HTTP client build it, and send files as multipart/form-data."
BROKEN_OFF = "The body ended before its announced length. Send it again."


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    field: str  # in which it came


@dataclass(frozen=True, slots=True)
class Upload:
    """Of an image and its address there is one."""

    image: bytes
    filename: str
    fields: Mapping[str, Any]
    background: bytes | None = None
    image_address: Address | None = None
    background_address: Address | None = None

    @property
    def is_to_be_fetched(self) -> bool:
        return self.image_address is not None or self.background_address is not None

    @property
    def has_background(self) -> bool:
        return self.background is not None or self.background_address is not None


@dataclass(frozen=True, slots=True)
class Names:
    """What a dialect calls its files, and the addresses in their stead; not all take a background or an address."""

    image: str = "image"
    background: str | None = None
    image_url: str | None = None
    background_url: str | None = None


def read(request: HttpRequest, *, max_bytes: int, names: Names = Names()) -> Upload:
    """`max_bytes` is for each file. Raises MalformedBody, MissingImage, TooManyImages, UnsupportedMediaType, or
    TooManyBytes."""
    return _with_addresses(_sent(request, max_bytes, names), names)


def _sent(request: HttpRequest, max_bytes: int, names: Names) -> Upload:
    """What the request itself holds, be it no image at all."""
    if request.method == "GET":
        return Upload(b"", "", request.GET.dict())
    media_type = (request.content_type or "").lower()
    if int(request.META.get("CONTENT_LENGTH") or 0) > _most_bytes(media_type, max_bytes, names):
        raise too_many_bytes(max_bytes)
    try:
        if media_type == "multipart/form-data":
            return _from_form(request, names)
        if media_type == "application/x-www-form-urlencoded":
            return _from_fields(request)
        if media_type == "application/json":
            return _from_json(request, names)
        if media_type.startswith("image/") or media_type == "application/octet-stream":
            return _from_body(request)
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
        raise MalformedBody(UNREADABLE_FORM) from error
    backgrounds: list[UploadedFile[bytes]] = files.getlist(names.background) if names.background else []
    images = [file for name in files if name != names.background for file in files.getlist(name)]
    if len(images) > 1 or len(backgrounds) > 1:
        raise TooManyImages("Send one image a request.")
    if images and not files.getlist(names.image):
        raise _missing(names)
    fields.pop("csrfmiddlewaretoken", None)
    image, filename = (images[0].read(), images[0].name or "") if images else (b"", "")
    background = backgrounds[0].read() if backgrounds else None
    return Upload(image, filename, request.GET.dict() | fields, background)


def _from_fields(request: HttpRequest) -> Upload:
    """A form that holds no files, only addresses and options."""
    try:
        _require_whole(request, request.body)
        fields = request.POST.dict()
    except (BadRequest, SuspiciousOperation) as error:
        raise MalformedBody(UNREADABLE_FORM) from error
    fields.pop("csrfmiddlewaretoken", None)
    return Upload(b"", "", request.GET.dict() | fields)


def _from_body(request: HttpRequest) -> Upload:
    image, fields = request.read(), request.GET.dict()
    _require_whole(request, image)
    return Upload(image, fields.pop("filename", ""), fields)


def _require_whole(request: HttpRequest, body: bytes) -> None:
    if len(body) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise MalformedBody(BROKEN_OFF)


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
    return Upload(image, filename, request.GET.dict() | fields, background or None)


def _decoded(encoded: object, file_field: str) -> bytes:
    if not isinstance(encoded, str):
        raise MalformedBody(f"{file_field!r} must be one image as a base64 string.")
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedBody(f"{file_field!r} is not valid base64.") from error


def _with_addresses(upload: Upload, names: Names) -> Upload:
    """Takes the addresses out of the fields; of file and address there is one."""
    fields = dict(upload.fields)
    image_address = _address(fields, names.image_url)
    background_address = _address(fields, names.background_url)
    if not upload.image and not image_address:
        raise _missing(names)
    if upload.image and image_address:
        raise TooManyImages(f"Send {names.image!r} or {names.image_url!r}, not both.")
    if upload.background and background_address:
        raise TooManyImages(f"Send {names.background!r} or {names.background_url!r}, not both.")
    return replace(upload, fields=fields, image_address=image_address, background_address=background_address)


def _address(fields: dict[str, Any], name: str | None) -> Address | None:
    if name is None:
        return None
    url = fields.pop(name, None) or ""
    if not isinstance(url, str):
        raise MalformedBody(f"{name!r} must be text.")
    return Address(url, name) if url else None


def _missing(names: Names) -> MissingImage:
    address = f", its address in {names.image_url!r}," if names.image_url else ""
    return MissingImage(f"Send one image in {names.image!r}{address} or as the raw body.")


def fetched(upload: Upload, caller: Caller) -> Upload:
    """With the images themselves, wherever they are. Raises a FetchError or TooManyBytes that names the field."""
    if upload.image_address:
        file = _fetched(upload.image_address, caller)
        upload = replace(upload, image=file.data, filename=upload.filename or file.filename)
    if upload.background_address:
        upload = replace(upload, background=_fetched(upload.background_address, caller).data)
    return upload


def _fetched(address: Address, caller: Caller) -> Fetched:
    connection.close()  # back to the pool: a request that waits for others must not hold a database connection
    try:
        return fetching.fetch(address.url, max_bytes=caller.tenant.plan.max_upload_bytes, tenant_id=caller.tenant.id)
    except (FetchError, TooManyBytes) as error:
        error.param = address.field
        raise
