"""`Idempotency-Key`: a POST that is repeated with the same key is answered again, byte for byte, and done once."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
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
from processing.models import IdempotentRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")


def once(
    request: HttpRequest, caller: Caller, fingerprint: str, answer: Callable[[UUID | None], HttpResponseBase]
) -> HttpResponseBase:
    """Answers, or repeats what was answered to this key.

    `answer` takes the id that its job is to have. What it raises before there is a job leaves nothing behind, and
    neither does what may go well the next time.
    """
    key = _given_key(request)
    if key is None:
        return answer(None)
    claim = idempotency.claim(caller, key, fingerprint)
    if claim.is_answered:
        return _replayed(request, caller, claim)
    try:
        response = _as_bytes(answer(claim.job_id))
    except MatteryError as error:
        if error.is_retryable or jobs.find(caller, claim.job_id) is None:
            idempotency.forget(caller, claim)
            raise
        response = shaped(request, error) or problem(request, error)
    idempotency.keep(caller, claim, _kept(response))
    return response


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
    body = None if isinstance(response, FileResponse) else _content(response)
    return Answer(response.status_code, headers, body)


def _content(response: Any) -> bytes:
    content: bytes = response.content
    return content


def _replayed(request: HttpRequest, caller: Caller, claim: IdempotentRequest) -> HttpResponseBase:
    job = jobs.find(caller, claim.job_id)
    if job is not None:
        note_job(request, job)
    response: HttpResponseBase
    if claim.body is None:
        response = images.response(jobs.get(caller, claim.job_id), Kind.RESULT)
    else:
        response = HttpResponse(bytes(claim.body), status=claim.status)
    return _with_headers(response, {**claim.headers, REPLAYED: "true"})


def _with_headers(response: HttpResponseBase, headers: Mapping[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        response[name] = value
    return response
