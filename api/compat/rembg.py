"""rembg's server API: `POST /api/remove`, so that its clients work here with the host and a key changed."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts import callers
from api import throttles, uploads
from api.authentication import given_key
from api.cutouts import cut_out, result_file
from api.errors import MethodNotAllowed, stamped, translated
from config.limits import LIMITS
from processing import jobs
from processing.engine.errors import InvalidOption
from processing.engine.options import Options, boolean
from processing.errors import WaitTimedOut

# Their name → ours. The longer names stand in older tutorials.
PARAMETERS = {
    "model": "model",
    "a": "alpha_matting",
    "alpha_matting": "alpha_matting",
    "af": "alpha_matting_foreground_threshold",
    "ab": "alpha_matting_background_threshold",
    "ae": "alpha_matting_erode_size",
    "om": "output",
    "return_mask": "output",
    "ppm": "post_process_mask",
    "bgc": "background",
    "dc": "decontaminate_edges",
}
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
            response["Allow"] = "POST"
        return response


def _removed(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        raise MethodNotAllowed("Send the image with POST, in the form field file.")
    caller = callers.remember(request, callers.by_key(given_key(request) or ""))
    throttles.require_within_rate(caller)
    upload = uploads.read(request, max_bytes=caller.tenant.plan.max_upload_bytes, file_field="file")
    options = options_of(upload.fields)
    job = cut_out(request, caller, upload, options, wait_s=LIMITS.wait_max_s)
    if not job.is_finished and jobs.cancel(caller, job.id):
        raise WaitTimedOut("The result was not ready in time; nothing was charged. Try again.", retry_after_s=5)
    return result_file(jobs.get(caller, job.id))


def options_of(fields: Mapping[str, Any]) -> Options:
    if fields.get("vm"):
        raise InvalidOption("vm (a video matting model) is not offered here. Leave it out.")
    known = {PARAMETERS[name]: value for name, value in fields.items() if name in PARAMETERS and value != ""}
    unknown = fields.keys() - PARAMETERS.keys() - IGNORED - {"vm"}
    if unknown:
        raise InvalidOption(f"Unknown parameter {min(unknown)!r}. Allowed: {', '.join(sorted(PARAMETERS))}.")
    if "output" in known:
        known["output"] = "mask" if boolean("om", known["output"]) else "cutout"
    return Options.parse({"model": settings.DEFAULT_MODEL, **known})
