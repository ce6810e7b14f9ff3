"""What tenants are told of, and where: endpoints, the messages to them, and what a person or program does with both.

A message is written in the transaction that ends the job, so that there is one exactly when the job has ended. Sending
it is in processing/deliveries.py.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import webhooks
from accounts.callers import Caller
from accounts.errors import WebhookDisabled
from accounts.models import DisabledReason, WebhookEndpoint, WebhookEvent
from processing import fetching, queue
from processing.descriptions import described, in_json
from processing.errors import DeliveryNotFound, FetchError, FetchTimedOut, WebhookUrlRefused
from processing.models import DeliveryState, Job, WebhookDelivery

PING = "ping"
DISABLED = "The webhook was disabled before this was delivered."


def announce(job_id: uuid.UUID, event: WebhookEvent) -> None:
    """Writes that a job has ended to those who listen. For the transaction that ends it; one query if nobody does."""
    listening = [endpoint for endpoint in WebhookEndpoint.objects.order_by() if endpoint.listens_to(event)]
    if not listening:
        return
    job = Job.objects.get(id=job_id)
    own = [endpoint for endpoint in listening if endpoint.tenant_id == job.tenant_id]  # whatever the scope
    _write(own, event, described(job), job_id=job_id)


def _write(
    endpoints: Iterable[WebhookEndpoint], event: str, data: dict[str, Any], *, job_id: uuid.UUID | None = None
) -> list[WebhookDelivery]:
    now = timezone.now()
    message = {"type": event, "timestamp": in_json(now), "data": data}
    payload = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    deliveries: list[WebhookDelivery] = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            tenant_id=endpoint.tenant_id,
            endpoint=endpoint,
            event=event,
            job_id=job_id,
            payload=payload,
            created_at=now,
            next_attempt_at=WebhookDelivery.overlooked_from(now),
        )
        for endpoint in endpoints
    )
    for delivery in deliveries:
        _publish(delivery)
    return deliveries


def _publish(delivery: WebhookDelivery) -> None:
    transaction.on_commit(partial(queue.publish_delivery, delivery.id), robust=True)


def add(caller: Caller, *, url: str, events: Sequence[str] = (), description: str = "") -> tuple[WebhookEndpoint, str]:
    """Makes an endpoint; the second value is its secret. Raises WebhookUrlRefused, TooManyWebhooks or RoleForbids."""
    caller.require_webhook_management()
    _require_callable(url)
    with caller.scope():
        return webhooks.add(caller.tenant, url=url, events=events, description=description)


def change(
    caller: Caller,
    endpoint_id: uuid.UUID,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Changes what is given. Raises WebhookNotFound, or as add() does."""
    caller.require_webhook_management()
    given = {"url": url, "events": events, "description": description}
    changes = {name: value for name, value in given.items() if value is not None}
    if url is not None:
        _require_callable(url)
    with caller.scope():
        endpoint = webhooks.get(endpoint_id, locked=True)
        for name, value in changes.items():
            setattr(endpoint, name, value)
        endpoint.save(update_fields=list(changes))
        if enabled is True:
            webhooks.enable(endpoint)
        elif enabled is False:
            disable(endpoint, DisabledReason.BY_HAND)
        return endpoint


def disable(endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    """What waits to be sent there has failed, until somebody replays it; what is on its way may still arrive."""
    if webhooks.disable(endpoint, reason):
        WebhookDelivery.objects.filter(endpoint=endpoint).give_up(DISABLED)


def rotate_secret(caller: Caller, endpoint_id: uuid.UUID) -> tuple[WebhookEndpoint, str]:
    caller.require_webhook_management()
    with caller.scope():
        endpoint = webhooks.get(endpoint_id, locked=True)
        return endpoint, webhooks.rotate(endpoint)


def remove(caller: Caller, endpoint_id: uuid.UUID) -> None:
    """With all its deliveries."""
    caller.require_webhook_management()
    with caller.scope():
        webhooks.get(endpoint_id, locked=True).delete()


def ping(caller: Caller, endpoint_id: uuid.UUID) -> WebhookDelivery:
    """Sends an event that means nothing, once. Raises WebhookNotFound or WebhookDisabled."""
    caller.require_webhook_management()
    with caller.scope():
        endpoint = _enabled(webhooks.get(endpoint_id))
        (delivery,) = _write([endpoint], PING, {"webhook_id": str(endpoint.id)})
        return delivery


def replay(caller: Caller, endpoint_id: uuid.UUID, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Sends it again, as the same message, with all attempts anew; one that is under way goes on as it is. Raises
    WebhookNotFound, DeliveryNotFound or WebhookDisabled."""
    caller.require_webhook_management()
    with caller.scope():
        endpoint = webhooks.get(endpoint_id)
        rows = WebhookDelivery.objects.filter(id=delivery_id, endpoint=endpoint)
        delivery: WebhookDelivery | None = rows.first()
        if delivery is None:
            raise DeliveryNotFound
        _enabled(endpoint)
        again = WebhookDelivery.overlooked_from(timezone.now())
        anew = {"state": DeliveryState.PENDING, "attempts": 0, "durations_ms": [], "lease": None}
        if rows.idle().update(next_attempt_at=again, **anew):
            _publish(delivery)
        delivery.refresh_from_db()
        return delivery


def _enabled(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    if not endpoint.is_enabled:
        raise WebhookDisabled
    return endpoint


def _require_callable(url: str) -> None:
    """Asked again at every attempt: what a name leads to may change."""
    try:
        fetching.require_callable(url)
    except FetchTimedOut as error:
        raise _refused("Finding the server at this address took too long. Try again.") from error
    except FetchError as error:
        raise _refused(error.detail) from error


def _refused(detail: str) -> WebhookUrlRefused:
    error = WebhookUrlRefused(detail)
    error.param = "url"
    return error
