"""rembg's server API, `/api/remove`, so that its clients work here with the host and a key changed."""

from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from api import uploads
from api.authentication import admitted
from api.cutouts import cut_out, require_ended, result_file
from api.errors import MethodNotAllowed, stamped, translated
from config.limits import LIMITS
from processing.engine.errors import InvalidOption
from processing.engine.kinds import Boolean
from processing.engine.options import Option, Options

# Their name → ours. The longer names stand in older tutorials.
PARAMETERS = {
    "model": "model",
    "a": "alpha_matting",
    "alpha_matting": "alpha_matting",
    "af": "alpha_matting_foreground_threshold",
    "ab": "alpha_matting_background_threshold",
    "ae": "alpha_matting_erode_size",
    "ppm": "post_process_mask",
    "bgc": "background",
}
MASK_ONLY = ("om", "return_mask")
OWN_COLOURS = ("dc", "a", "alpha_matting")  # what takes the background out of the edges' colours
FILES = uploads.Names("file", image_url="url")
METHODS = ("GET", "POST")
IGNORED = {"extras"}  # hints for models that take points or text; none of ours does


@csrf_exempt
def remove(request: HttpRequest) -> HttpResponseBase:
    try:
        return _removed(request)
    except Exception as exception:  # the edge of this dialect: whatever happened, its clients get their shape
        error = translated(exception)
        body = {"detail": error.detail, "error": error.detail, "code": error.code}
        response = stamped(request, error, JsonResponse(body, status=error.status))
        if isinstance(error, MethodNotAllowed):
            response["Allow"] = ", ".join(METHODS)
        return response


def _removed(request: HttpRequest) -> HttpResponseBase:
    if request.method not in METHODS:
        raise MethodNotAllowed("Send the image with POST, in the form field file, or its address with GET, as url.")
    caller = admitted(request)
    upload = uploads.read(request, max_bytes=caller.tenant.plan.max_upload_bytes, names=FILES)
    options = options_of(upload.fields)
    job = cut_out(request, caller, upload, options, wait_s=LIMITS.wait_max_s)
    return result_file(require_ended(caller, job))


def options_of(fields: Mapping[str, Any]) -> Options:
    if fields.get("vm"):
        raise InvalidOption("vm (a video matting model) is not offered here. Leave it out.")
    known = {PARAMETERS[name]: value for name, value in fields.items() if name in PARAMETERS and value != ""}
    allowed = {*PARAMETERS, *MASK_ONLY, *OWN_COLOURS}
    unknown = fields.keys() - allowed - IGNORED - {"vm"}
    if unknown:
        raise InvalidOption(f"Unknown parameter {min(unknown)!r}. Allowed: {', '.join(sorted(allowed))}.")
    known["output"] = "mask" if _is_any_set(fields, MASK_ONLY) else "cutout"
    known["edges"] = "clean" if _is_any_set(fields, OWN_COLOURS) else "raw"
    return Options.parse(known, default_model=settings.DEFAULT_MODEL)


def _is_any_set(fields: Mapping[str, Any], names: Collection[str]) -> bool:
    given = {name: fields[name] for name in names if fields.get(name) not in ("", None)}
    flags = [Option(name, Boolean(), False, "").read(value) for name, value in given.items()]
    return any(flags)
