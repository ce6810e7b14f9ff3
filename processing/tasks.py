"""Celery's entrances. Each takes ids and calls one verb."""

import uuid
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings

from processing import deliveries, idempotency, sweeping

# The limits of an image are not theirs. Doing them twice is harmless, losing one too: the next comes by itself.
UNHURRIED: dict[str, Any] = {"soft_time_limit": 1_700, "time_limit": 1_800, "acks_late": False}
log = structlog.get_logger(__name__)


@shared_task(name="processing.run")
def run(job_id: str) -> None:
    # Imported here because the web server knows this task too, but has no ONNX Runtime.
    from processing import runs, worker

    runs.run(uuid.UUID(job_id), worker.sessions())


@shared_task(name="processing.housekeeping.sweep")
def sweep() -> None:
    sweeping.sweep()


@shared_task(name="processing.housekeeping.deliver")
def deliver(delivery_id: str) -> None:
    deliveries.in_background(deliveries.deliver, uuid.UUID(delivery_id))


@shared_task(name="processing.housekeeping.deliver_due")
def deliver_due() -> None:
    deliveries.sweep()


@shared_task(name="processing.housekeeping.remove_expired_images", **UNHURRIED)
def remove_expired_images() -> None:
    while sweeping.remove_expired_images():
        pass


@shared_task(name="processing.housekeeping.forget_old_requests", **UNHURRIED)
def forget_old_requests() -> None:
    while idempotency.remove_expired():
        pass
    while deliveries.remove_old():
        pass


@shared_task(name="processing.housekeeping.verify_models", **UNHURRIED)
def verify_models() -> None:
    from processing.engine import weights

    for problem in weights.Store(settings.MODELS_DIR).verify():
        log.error("model file is bad", file=str(problem))
