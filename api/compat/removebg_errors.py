"""Errors as remove.bg's clients know them: `{"errors": [{"title", "code", "detail"}]}`."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse

from api.compat.removebg_parameters import NAMES
from api.compat.removebg_sources import TooManyBackgrounds
from api.errors import SHAPES, stamped
from config.errors import MatteryError

PREFIX = "/v1.0/"


@dataclass(frozen=True, slots=True)
class Theirs:
    code: str
    title: str
    status: int = 400


AUTH_FAILED = Theirs("auth_failed", "API Key invalid", 403)
UNREADABLE = Theirs("failed_to_read_image", "Failed to read image")

# Ours → theirs. What is not here keeps its own code, title and status.
TRANSLATIONS = {
    "key_missing": Theirs("auth_failed", "Missing API Key", 403),
    "key_invalid": AUTH_FAILED,
    "key_revoked": AUTH_FAILED,
    "key_expired": AUTH_FAILED,
    "tenant_suspended": Theirs("auth_failed", "This account is suspended", 403),
    "insufficient_credits": Theirs("insufficient_credits", "Insufficient credits", 402),
    "rate_limited": Theirs("rate_limit_exceeded", "Rate limit exceeded", 429),
    "too_many_jobs": Theirs("rate_limit_exceeded", "Rate limit exceeded", 429),
    "missing_image": Theirs("missing_source", "No image given"),
    "too_many_images": Theirs("multiple_sources", "Multiple image sources given"),
    "too_many_bytes": Theirs("file_too_large", "File too large"),
    "not_an_image": UNREADABLE,
    "decompression_bomb": UNREADABLE,
    "image_truncated": UNREADABLE,
    "image_corrupt": UNREADABLE,
    "unsupported_format": Theirs("invalid_file_type", "Invalid file type"),
    "too_many_pixels": Theirs("resolution_too_high", "Image resolution too high"),
    "image_dimensions": Theirs("invalid_dimensions", "Invalid image dimensions"),
    "no_foreground": Theirs("unknown_foreground", "Could not identify foreground in image"),
}
BACKGROUNDS = Theirs("multiple_bg_sources", "Multiple background sources given")
DOWNLOADS = {"image_url": "failed_image_download", "bg_image_url": "failed_bg_download"}
FETCHING = {"fetch_failed", "fetch_timed_out"}
INVALID = {"invalid_option", "url_refused"}


def answered(request: HttpRequest, error: MatteryError) -> HttpResponse:
    theirs = in_their_words(error)
    body = {"errors": [{"title": theirs.title, "code": theirs.code, "detail": error.detail}]}
    response = stamped(request, error, JsonResponse(body, status=theirs.status))
    del response["WWW-Authenticate"]
    return response


def in_their_words(error: MatteryError) -> Theirs:
    param = NAMES.get(error.param or "", error.param or "")
    if isinstance(error, TooManyBackgrounds):
        return BACKGROUNDS
    if error.code in INVALID and param:
        return Theirs(f"invalid_{param}", f"Invalid {param}")
    if error.code in FETCHING:
        return Theirs(DOWNLOADS.get(param, UNREADABLE.code), "Failed to download image")
    return TRANSLATIONS.get(error.code) or Theirs(error.code, error.title, error.status)


SHAPES[PREFIX] = answered
