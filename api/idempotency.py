"""`Idempotency-Key`: a POST that is repeated with the same key is answered again, byte for byte, and done once."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from accounts.callers import Caller
from api.errors import InvalidParameter, problem, shaped
from api.middleware import note_job
from api.uploads import Upload
from config.errors import MatteryError
from processing import idempotency, images, jobs
from processing.idempotency import Answer
from processing.images import Kind
from processing.models import IdempotentRequest, Job, State

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")


def once(
    request: HttpRequest, caller: Caller, upload: Upload, answer: Callable[[UUID | None], HttpResponseBase]
) -> HttpResponseBase:
    """Answers, or repeats what was answered to this key.

    `answer` takes the id that its job is to have. What it raises before there is a job leaves nothing behind, and
    neither does a job that ended without a result and may have one the next time.
    """
    key = _given_key(request)
    if key is None:
        return answer(None)
    claim = idempotency.claim(caller, key, fingerprint(request, upload))
    if claim.is_answered:
        return _replayed(request, caller, claim)
    try:
        response = _as_bytes(answer(claim.job_id))
    except MatteryError as error:
        job = jobs.find(caller, claim.job_id)
        if job is None or error.is_retryable or error.status >= 500:
            _give_up(caller, claim, job)
            raise
        response = shaped(request, error) or problem(request, error)
    except BaseException:
        idempotency.release(caller, claim)
        raise
    idempotency.keep(caller, claim, _kept(response))
    return response


def _give_up(caller: Caller, claim: IdempotentRequest, job: Job | None) -> None:
    """A job that has a result, or may yet have one, is found again by the next request with this key."""
    if job is None or job.state in (State.FAILED, State.CANCELED):
        idempotency.forget(caller, claim)
    else:
        idempotency.release(caller, claim)


def fingerprint(request: HttpRequest, upload: Upload) -> str:
    """The same for the same request, however its form was put together."""
    content = [
        request.path,
        upload.filename,
        sorted(upload.fields.items()),
        *(address.url if address else None for address in (upload.image_address, upload.background_address)),
        *(hashlib.sha256(file).hexdigest() if file else None for file in (upload.image, upload.background)),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _given_key(request: HttpRequest) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        raise InvalidParameter(
            f"{HEADER} takes 1 to 255 printable ASCII characters without spaces, such as a UUID.", param=HEADER
        )
    return key


def _as_bytes(response: HttpResponseBase) -> HttpResponseBase:
    """A description as it will be repeated; REST framework would render it only later."""
    if not isinstance(response, Response):
        return response
    body: bytes = JSONRenderer().render(response.data)
    headers = dict(response.items())
    return HttpResponse(body, status=response.status_code, headers={**headers, "Content-Type": "application/json"})


def _kept(response: HttpResponseBase) -> Answer:
    headers = {name: value for name, value in response.items() if name != "Content-Length"}
    body = response.content if isinstance(response, HttpResponse) else None  # else it is the result's file
    return Answer(response.status_code, headers, body)


def _replayed(request: HttpRequest, caller: Caller, claim: IdempotentRequest) -> HttpResponseBase:
    job = jobs.get(caller, claim.job_id)
    note_job(request, job)
    request.META["ERROR_CODE"] = job.error_code
    response: HttpResponseBase
    if claim.body is None:
        response = images.response(job, Kind.RESULT)
    else:
        response = HttpResponse(bytes(claim.body), status=claim.status)
    return _with_headers(response, {**claim.headers, REPLAYED: "true"})


def _with_headers(response: HttpResponseBase, headers: Mapping[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response[name] = value
    return response
