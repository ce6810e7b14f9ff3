"""Requests that may be sent twice and are done once: what was answered to a key is answered again for a day.

A claim names the job that its request makes before there is one. Whoever takes over the claim of a process that died
finds that job, or knows that there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.callers import Caller
from accounts.tenancy import platform_scope
from config.limits import LIMITS
from processing.errors import IdempotencyKeyReused, RequestInProgress
from processing.models import IdempotentRequest

BATCH = 1_000
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MARGIN_S = 30  # what a request may take beside fetching its two images and waiting for its result


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is None where it is the result of the request's job."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


def claim(caller: Caller, key: str, fingerprint: str) -> IdempotentRequest:
    """The request with this key: answered already, or from now on ours to answer.

    Raises IdempotencyKeyReused where the key came with something else, RequestInProgress while somebody is at it.
    """
    now = timezone.now()
    with caller.scope():
        found, is_new = IdempotentRequest.objects.get_or_create(
            tenant=caller.tenant,
            key=key,
            defaults={"fingerprint": fingerprint, "created_at": now, "claimed_at": now},
        )
        if is_new:
            return found
        if found.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if found.is_answered or _taken_over(found):
            return found
    raise RequestInProgress(retry_after_s=1)


def _taken_over(request: IdempotentRequest) -> bool:
    """Whether its process must have died, and we are the first to see it."""
    overdue = timezone.now() - timedelta(seconds=2 * LIMITS.fetch_s + LIMITS.wait_max_s + MARGIN_S)
    unanswered = IdempotentRequest.objects.filter(pk=request.pk, status=None, claimed_at__lt=overdue)
    return bool(unanswered.update(claimed_at=timezone.now()))


def keep(caller: Caller, request: IdempotentRequest, answer: Answer) -> None:
    with caller.scope():
        IdempotentRequest.objects.filter(pk=request.pk).update(
            status=answer.status, headers=dict(answer.headers), body=answer.body
        )


def release(caller: Caller, request: IdempotentRequest) -> None:
    """Nobody is at it any more: whoever repeats the request takes it over, with the job if there is one."""
    with caller.scope():
        IdempotentRequest.objects.filter(pk=request.pk, status=None).update(claimed_at=LONG_AGO)


def forget(caller: Caller, request: IdempotentRequest) -> None:
    """The key may be used anew, as if it had never come."""
    with caller.scope():
        IdempotentRequest.objects.filter(pk=request.pk, status=None).delete()


def remove_expired() -> int:
    """Forgets a batch of keys past their time; how many those were."""
    kept_since = timezone.now() - timedelta(seconds=LIMITS.idempotency_s)
    with platform_scope():
        expired = IdempotentRequest.objects.filter(created_at__lt=kept_since).values_list("pk", flat=True)[:BATCH]
        removed, _ = IdempotentRequest.objects.filter(pk__in=list(expired)).delete()
    return removed
