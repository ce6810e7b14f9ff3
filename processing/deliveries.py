"""Sending what webhooks are told: attempts under a lease, repeated for about a day, signed as Standard Webhooks says.

The attempts run in threads beside a worker process's proper work: a customer's slow server must hold no process that
could cut out images. What a thread leaves undone, the sweep finds in the database.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import uniform
from threading import BoundedSemaphore, Thread
from time import monotonic, time
from typing import Any

import structlog
from django.db import connection
from django.db.models import Min
from django.utils import timezone

from accounts.models import DisabledReason
from accounts.tenancy import platform_scope, tenant_scope
from accounts.webhooks import signatures
from config.errors import MatteryError
from config.limits import LIMITS
from config.text import printable
from processing import fetching, webhooks
from processing.errors import FetchTimedOut
from processing.models import DeliveryState, WebhookDelivery

# After each attempt that fails, in seconds; a fifth at most is added by chance, so that what failed together comes
# again apart. All of them together are more than a day.
PAUSES_S = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 50_400)
A_DAY = timedelta(days=1)
KEPT_BYTES = 1_000  # of an answer
GONE = 410
BATCH = 1_000

log = structlog.get_logger(__name__)
_senders = BoundedSemaphore(LIMITS.webhook_senders)


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int | None
    answer: str
    error: str
    duration_ms: int

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def in_background[**P](work: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Does it in a thread of its own; False when all senders are busy, and the sweep will come again."""
    if not _senders.acquire(blocking=False):
        return False

    def run() -> None:
        try:
            work(*args, **kwargs)
        except Exception:  # the edge of this thread: the lease runs out, and the sweep finds the delivery
            log.exception("delivery broke off")
        finally:
            connection.close()  # this thread's own
            _senders.release()

    Thread(target=run, daemon=True).start()
    return True


def deliver(delivery_id: uuid.UUID) -> bool:
    """One attempt; whether it got through. Does nothing where there is nothing to do, or somebody else is at it."""
    delivery = _claimed(delivery_id)
    if delivery is None:
        return False
    connection.close()  # back to the pool: a sender that waits for a stranger must not hold a database connection
    outcome = _sent(delivery)
    with tenant_scope(delivery.tenant_id):
        _note(delivery, outcome)
    return outcome.is_success


def _claimed(delivery_id: uuid.UUID) -> WebhookDelivery | None:
    with platform_scope():
        found = WebhookDelivery.objects.select_related("endpoint").filter(id=delivery_id)
        delivery: WebhookDelivery | None = found.filter(state=DeliveryState.PENDING).first()
        if delivery is None or _is_busy(delivery.tenant_id):
            return None
        if not delivery.endpoint.is_enabled:  # it was disabled while this was written or under way
            found.give_up(webhooks.DISABLED)
            return None
        return delivery if delivery.claim() else None


def _is_busy(tenant_id: uuid.UUID) -> bool:
    """Counting is safe to race: it only keeps one tenant from taking all senders."""
    return WebhookDelivery.objects.under_way().filter(tenant_id=tenant_id).count() >= LIMITS.webhooks_at_once


def _sent(delivery: WebhookDelivery) -> Outcome:
    started = monotonic()
    status, answer, error = None, "", ""
    try:
        given = fetching.post(
            delivery.endpoint.url, delivery.payload.encode(), _headers(delivery), seconds=LIMITS.webhook_s
        )
        status, answer = given.status, _readable(given.beginning)
    except FetchTimedOut:
        error = f"The server did not answer within {LIMITS.webhook_s} seconds."
    except MatteryError as failure:  # the address, the way there, or the secret
        error = failure.detail
    return Outcome(status, answer, error, round((monotonic() - started) * 1000))


def _readable(beginning: bytes) -> str:
    words = beginning[:KEPT_BYTES].decode(errors="replace").split()
    return printable(" ".join(words), KEPT_BYTES)


def _headers(delivery: WebhookDelivery) -> dict[str, str]:
    now = int(time())
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signatures(delivery.endpoint, delivery.message_id, now, delivery.payload),
    }


def _note(delivery: WebhookDelivery, outcome: Outcome) -> None:
    noted = {
        "status": outcome.status,
        "answer": outcome.answer,
        "error": outcome.error,
        "durations_ms": [*delivery.durations_ms, outcome.duration_ms],
    }
    is_last = delivery.attempts > len(PAUSES_S) or delivery.event == webhooks.PING
    if outcome.is_success:
        _end(delivery, DeliveryState.DELIVERED, **noted)
    elif is_last or outcome.status == GONE:
        _end(delivery, DeliveryState.FAILED, **noted)
    else:
        pause = timedelta(seconds=PAUSES_S[delivery.attempts - 1] * uniform(1, 1.2))  # noqa: S311
        delivery.held().update(lease=None, next_attempt_at=timezone.now() + pause, **noted)
    if outcome.status == GONE:
        webhooks.disable(delivery.endpoint, DisabledReason.GONE)
    elif is_last and not outcome.is_success and _nothing_gets_through(delivery):
        webhooks.disable(delivery.endpoint, DisabledReason.FAILING)


def _end(delivery: WebhookDelivery, state: DeliveryState, **noted: Any) -> None:
    delivery.held().update(state=state, lease=None, next_attempt_at=None, **noted)


def _nothing_gets_through(delivery: WebhookDelivery) -> bool:
    """A delivery that is given up has been tried for a day: has anything else arrived meanwhile?"""
    lately = WebhookDelivery.objects.filter(endpoint=delivery.endpoint, attempted_at__gt=timezone.now() - A_DAY)
    return delivery.event != webhooks.PING and not lately.filter(state=DeliveryState.DELIVERED).exists()


def sweep() -> None:
    """Sends what is due: a thread for each endpoint, those that wait longest first."""
    with platform_scope():
        due = WebhookDelivery.objects.due().order_by().values("endpoint_id").annotate(since=Min("next_attempt_at"))
        endpoints = list(due.order_by("since").values_list("endpoint_id", flat=True)[: LIMITS.webhook_senders])
    for endpoint_id in endpoints:
        if not in_background(deliver_due, endpoint_id):
            return


def deliver_due(endpoint_id: uuid.UUID) -> None:
    """What is due at one endpoint, one after the other; if one does not get through, the others wait for the next
    sweep."""
    with platform_scope():
        due = WebhookDelivery.objects.due().filter(endpoint_id=endpoint_id).order_by("next_attempt_at")
        ids = list(due.values_list("id", flat=True)[: LIMITS.webhook_batch])
    for delivery_id in ids:
        if not deliver(delivery_id):
            return


def remove_old() -> int:
    """Forgets a batch of deliveries past their time; how many those were."""
    kept_since = timezone.now() - timedelta(days=LIMITS.delivery_days)
    with platform_scope():
        old = WebhookDelivery.objects.filter(created_at__lt=kept_since).values_list("pk", flat=True)[:BATCH]
        removed, _ = WebhookDelivery.objects.filter(pk__in=list(old)).delete()
    return removed
