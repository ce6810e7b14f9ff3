"""remove.bg's API v1.0, so that its clients work here with the host and a key changed."""

import base64
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import wraps
from time import monotonic
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts import callers, rates
from accounts.callers import Caller
from api import idempotency, repeats, uploads
from api.authentication import admitted
from api.compat import removebg_sources as sources
from api.compat.removebg_errors import answered
from api.compat.removebg_parameters import Wanted, wanted
from api.cutouts import require_ended, result_file, submitted
from api.errors import MethodNotAllowed, translated
from api.middleware import note_job
from api.v1.negotiation import wants_json
from config.limits import LIMITS
from processing import images, improvements, jobs
from processing.images import Kind
from processing.models import Job, State
from processing.turns import NoTurn

TYPE = "other"  # no network here tells a person from a car
LOOK_UP_S = 2  # how often a waiting request looks by itself: of two that wait for a job, one alone is woken

type View = Callable[[HttpRequest, Caller], HttpResponseBase]


def _endpoint(method: str) -> Callable[[View], Callable[[HttpRequest], HttpResponseBase]]:
    """What these addresses share: the method, the key, the rate, and the shape of whatever goes wrong."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponseBase:
            try:
                response = view(request, _admitted(request, method))
            except Exception as exception:  # the edge of this dialect: whatever happened, its clients get their shape
                response = answered(request, translated(exception))
                if isinstance(exception, MethodNotAllowed):
                    response["Allow"] = method
            return _with_rate(response, callers.of(request))

        return answer

    return decorate


def _admitted(request: HttpRequest, method: str) -> Caller:
    if request.method != method:
        raise MethodNotAllowed(f"Use {method} at this address.")
    return admitted(request)


def _with_rate(response: HttpResponseBase, caller: Caller | None) -> HttpResponseBase:
    """What is left of the rate that ends first."""
    left = rates.left(caller).values() if caller else ()
    for rate in sorted(left, key=lambda rate: rate.remaining)[:1]:
        response["X-RateLimit-Limit"] = str(rate.limit)
        response["X-RateLimit-Remaining"] = str(rate.remaining)
        response["X-RateLimit-Reset"] = str(rate.resets_at)
    return response


@_endpoint("POST")
def remove(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    max_bytes = caller.tenant.plan.max_upload_bytes
    sent = sources.read(request, max_bytes=max_bytes)
    upload = sources.with_background(sources.image(sent, max_bytes=max_bytes), sent)
    asked_for = wanted(upload.fields, credits_left=_credits_left(caller), has_background=upload.has_background)
    fingerprint = idempotency.fingerprint(request, upload)

    def answer(job_id: UUID | None) -> HttpResponseBase:
        job = jobs.find(caller, job_id) if job_id else _unanswered(caller, fingerprint)
        job = job or submitted(
            request,
            caller,
            upload,
            asked_for.options,
            is_awaited=True,
            job_id=job_id,
            credits=asked_for.credits,
        )
        repeats.note(caller, fingerprint, job.id)
        response = _described(request, _ended(request, caller, job), asked_for)
        if repeats.is_there(request):
            repeats.forget(caller, fingerprint)
        return response

    return idempotency.once(request, caller, upload, answer)


def _unanswered(caller: Caller, fingerprint: str) -> Job | None:
    """What this request asked for once before, if that can still be had."""
    job_id = repeats.unanswered(caller, fingerprint)
    job = jobs.find(caller, job_id) if job_id else None
    return job if job and job.has_images and job.state not in (State.FAILED, State.CANCELED) else None


def _ended(request: HttpRequest, caller: Caller, job: Job) -> Job:
    note_job(request, job)
    deadline = monotonic() + LIMITS.wait_max_s
    with suppress(NoTurn):
        while not job.is_finished and monotonic() < deadline:
            job = jobs.wait(caller, job, seconds=LOOK_UP_S)
    return require_ended(caller, job)


def _described(request: HttpRequest, job: Job, asked_for: Wanted) -> HttpResponseBase:
    jobs.require_result(job)
    left, top, width, height = job.foreground_box or (0, 0, 0, 0)
    box = {"top": top, "left": left, "width": width, "height": height}
    response = _as_json(job, box) if wants_json(request) else result_file(job)
    if asked_for.tells_type:
        response["X-Type"] = TYPE
    response["X-Width"], response["X-Height"] = str(job.result_width), str(job.result_height)
    for side, pixels in box.items():
        response[f"X-Foreground-{side.title()}"] = pixels
    return response


def _as_json(job: Job, box: dict[str, int]) -> HttpResponseBase:
    encoded = base64.b64encode(images.read(job, Kind.RESULT)).decode()
    sides = {f"foreground_{side}": pixels for side, pixels in box.items()}
    response = JsonResponse({"data": {"result_b64": encoded} | sides})
    response["X-Job-ID"], response["X-Credits-Charged"] = str(job.id), job.credits_charged
    return response


@_endpoint("GET")
def account(_request: HttpRequest, caller: Caller) -> HttpResponseBase:
    left = _number(_credits_left(caller))
    attributes = {
        "credits": {"total": left, "subscription": left, "payg": 0, "enterprise": 0},
        "api": {"free_calls": 0, "sizes": "all"},
    }
    return JsonResponse({"data": {"attributes": attributes}})


@_endpoint("POST")
def improve(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    improvements.require_consent(caller.tenant)
    max_bytes = caller.tenant.plan.max_upload_bytes
    sent = sources.read(request, max_bytes=max_bytes)
    upload = uploads.fetched(sources.image(sent, max_bytes=max_bytes), caller)
    filename, tag = (str(upload.fields.get(name, "")) for name in ("image_filename", "tag"))
    submission = improvements.submit(caller, upload.image, filename=filename or upload.filename, tag=tag)
    return JsonResponse({"id": str(submission.id)})


def _credits_left(caller: Caller) -> Decimal:
    with caller.scope():
        return caller.tenant.current_allowance().left


def _number(amount: Decimal) -> int | float:
    """Whole credits without a point: there are clients that read them as whole numbers."""
    return int(amount) if amount == int(amount) else float(amount)
