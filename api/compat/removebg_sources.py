"""Where the images of a request to remove.bg's API come from: files of a form, base64 in any body, or addresses.

The forms are not left to Django: it takes a field of text of at most 2.5 MB, and base64 may come as one.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, UnreadablePostError
from multipart import MultipartError, MultipartParser, parse_options_header

from api import uploads
from api.errors import MalformedBody, MissingImage, TooManyImages, UnsupportedMediaType
from api.uploads import Address, Upload
from config.limits import LIMITS
from processing.engine.errors import NotAnImage

IMAGE_SOURCES = ("image_file", "image_file_b64", "image_url")
BACKGROUND_SOURCES = ("bg_image_file", "bg_image_url", "bg_color")
FILES = ("image_file", "bg_image_file")
FIELDS = 128
NOT_BASE64 = "image_file_b64 is not valid base64."


class TooManyBackgrounds(TooManyImages):
    pass


@dataclass(frozen=True, slots=True)
class File:
    data: bytes
    name: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """`fields` holds all that is no file, without what was empty."""

    fields: Mapping[str, Any]
    files: Mapping[str, File]

    def given(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if name in self.files or name in self.fields]


def read(request: HttpRequest, *, max_bytes: int) -> Sent:
    """`max_bytes` is for each file. Raises MalformedBody, UnsupportedMediaType, TooManyImages or TooManyBytes."""
    most = 2 * max_bytes * uploads.BASE64_GROWTH + LIMITS.body_overhead_bytes
    if int(request.META.get("CONTENT_LENGTH") or 0) > most:
        raise uploads.too_many_bytes(max_bytes)
    try:
        pairs = list(_pairs(request))
    except (UnreadablePostError, OSError, MultipartError) as error:
        raise MalformedBody(uploads.BROKEN_OFF) from error
    files = [(name, value) for name, value in pairs if isinstance(value, File)]
    fields = {name: value for name, value in pairs if name not in FILES and value not in ("", None)}
    if len({name for name, _ in files}) < len(files):
        raise TooManyImages("Send one image a request.")
    if any(len(file.data) > max_bytes for _, file in files):
        raise uploads.too_many_bytes(max_bytes)
    return Sent(fields, dict(files))


def _pairs(request: HttpRequest) -> Iterator[tuple[str, Any]]:
    match (request.content_type or "").lower():
        case "multipart/form-data":
            return _of_multipart(request)
        case "application/x-www-form-urlencoded":
            return _of_form(request)
        case "application/json":
            return _of_json(request)
    raise UnsupportedMediaType("Send multipart/form-data, application/x-www-form-urlencoded or application/json.")


def _of_multipart(request: HttpRequest) -> Iterator[tuple[str, Any]]:
    """What a part is, its name says, not whether it brings a file name along."""
    _, options = parse_options_header(request.headers["Content-Type"])
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    for part in MultipartParser(request, options.get("boundary", ""), length, part_limit=FIELDS):
        if part.name not in FILES:
            yield part.name, _text(part.raw)
        elif part.size:
            yield part.name, File(part.raw, part.filename or "")
        part.close()


def _of_form(request: HttpRequest) -> Iterator[tuple[str, Any]]:
    raw = request.read()
    if len(raw) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise MalformedBody(uploads.BROKEN_OFF)
    body = _text(raw)
    if body.count("&") > FIELDS:
        raise MalformedBody(f"The form has more than {FIELDS} fields.")
    for pair in body.split("&"):
        name, _, value = pair.partition("=")
        yield unquote_plus(name), unquote_plus(value)


def _of_json(request: HttpRequest) -> Iterator[tuple[str, Any]]:
    try:
        body = json.loads(request.read())
    except (ValueError, RecursionError) as error:
        raise MalformedBody("The body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise MalformedBody("The body must be a JSON object.")
    for name, value in body.items():
        if isinstance(value, dict):  # {"shadow_type": {"car": "car"}}, which a form writes with brackets
            yield from ((f"{name}[{key}]", _plain(inner)) for key, inner in value.items())
        else:
            yield name, _plain(value)


def _plain(value: Any) -> Any:
    """Numbers as a form writes them."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody("The body's text is not UTF-8.") from error


def image(sent: Sent, *, max_bytes: int) -> Upload:
    """The image alone, or its address. Raises MissingImage, TooManyImages, NotAnImage or TooManyBytes."""
    fields = {name: value for name, value in sent.fields.items() if name not in IMAGE_SOURCES}
    match sent.given(IMAGE_SOURCES):
        case ["image_file"]:
            return Upload(sent.files["image_file"].data, sent.files["image_file"].name, fields)
        case ["image_file_b64"]:
            return Upload(_decoded(sent.fields["image_file_b64"], max_bytes), "", fields)
        case ["image_url"]:
            return Upload(b"", "", fields, image_address=_address(sent, "image_url"))
        case []:
            raise MissingImage(f"Send the image as {', '.join(IMAGE_SOURCES[:-1])} or {IMAGE_SOURCES[-1]}.")
        case several:
            raise TooManyImages(f"Send one of {' and '.join(several)}.")


def with_background(upload: Upload, sent: Sent) -> Upload:
    """Raises TooManyBackgrounds."""
    match sent.given(BACKGROUND_SOURCES):
        case ["bg_image_file"]:
            return replace(upload, background=sent.files["bg_image_file"].data)
        case ["bg_image_url"]:
            return replace(upload, background_address=_address(sent, "bg_image_url"))
        case [_, _, *_] as several:
            raise TooManyBackgrounds(f"Send one of {' and '.join(several)}.")
    return upload


def _address(sent: Sent, name: str) -> Address:
    return Address(str(sent.fields[name]), name)


def _decoded(encoded: object, max_bytes: int) -> bytes:
    """A `data:` address will do, and so does base64 without its padding, or with `+` unescaped in a form."""
    text = encoded if isinstance(encoded, str) else ""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    text = "".join(text.strip().replace(" ", "+").split()).rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAnImage(NOT_BASE64) from error
    if not data:
        raise NotAnImage(NOT_BASE64)
    if len(data) > max_bytes:
        raise uploads.too_many_bytes(max_bytes)
    return data
