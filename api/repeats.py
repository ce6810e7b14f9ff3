"""Requests that come again because nobody waited for their answer: they get the first one's job, charged once.

Some clients give up on an answer after 20 s and send the same request again. A job whose answer is still owed is kept
in mind for a while, with what was asked for. A request that asks for the same when that is REPEAT_AFTER_S old joins it;
one that comes sooner is another image that happens to be the same. Once the answer has gone to a caller who is still
there, the next request is a new job.
"""

import socket
import time
from contextlib import suppress
from typing import cast
from uuid import UUID

import redis
from django.http import HttpRequest

from accounts.callers import Caller
from config import valkey

REPEAT_AFTER_S = 10
REPEAT_WITHIN_S = 120


def unanswered(caller: Caller, fingerprint: str) -> UUID | None:
    """The job of the same request, whose answer did not come."""
    try:
        noted = cast(str | None, valkey.client().get(_key(caller, fingerprint)))
    except redis.RedisError:
        return None  # a job of its own then
    if noted is None:
        return None
    job_id, _, noted_at = noted.partition(" ")
    return UUID(job_id) if time.time() - float(noted_at) >= REPEAT_AFTER_S else None


def note(caller: Caller, fingerprint: str, job_id: UUID) -> None:
    with suppress(redis.RedisError):
        valkey.client().set(_key(caller, fingerprint), f"{job_id} {time.time()}", ex=REPEAT_WITHIN_S)


def forget(caller: Caller, fingerprint: str) -> None:
    with suppress(redis.RedisError):
        valkey.client().delete(_key(caller, fingerprint))


def _key(caller: Caller, fingerprint: str) -> str:
    return f"mattery:unanswered:{caller.rate_key}:{fingerprint}"


def is_there(request: HttpRequest) -> bool:
    """Whether the caller still holds the connection open; gunicorn gives us its socket."""
    connection: socket.socket | None = request.META.get("gunicorn.socket")
    if connection is None:
        return True
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except (OSError, ValueError):
        return False
