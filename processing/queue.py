"""The queue and its wake-up call. Both are hints: whatever they lose, the sweeper finds in the database."""

import uuid
from typing import cast

import kombu.exceptions
import redis
import structlog
from django.conf import settings

from config import valkey
from config.celery import INTERACTIVE, app
from processing.errors import QueueUnavailable

WAKE_UP_KEPT_S = 120
log = structlog.get_logger(__name__)


def publish(job_id: uuid.UUID) -> None:
    try:
        app.send_task("processing.run", args=[str(job_id)], retry=False)
    except kombu.exceptions.OperationalError as error:
        log.warning(
            "queue not reachable, the sweeper will publish the job",
            job_id=str(job_id),
            error=str(error),
        )


def publish_delivery(delivery_id: uuid.UUID) -> None:
    try:
        app.send_task("processing.housekeeping.deliver", args=[str(delivery_id)], retry=False)
    except kombu.exceptions.OperationalError as error:
        log.warning("queue not reachable, the sweeper will deliver", delivery_id=str(delivery_id), error=str(error))


def length(name: str = INTERACTIVE) -> int:
    """Messages that wait. Raises QueueUnavailable."""
    try:
        with redis.Redis.from_url(settings.BROKER_URL, socket_connect_timeout=2, socket_timeout=5) as broker:
            return cast(int, broker.llen(name))
    except redis.RedisError as error:
        raise QueueUnavailable from error


def wake(job_id: uuid.UUID) -> None:
    """Tells a waiting request that the job has ended."""
    try:
        with valkey.client().pipeline() as pipe:
            pipe.rpush(_key(job_id), "done")
            pipe.expire(_key(job_id), WAKE_UP_KEPT_S)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("nobody woken", job_id=str(job_id), error=str(error))


def wait(job_id: uuid.UUID, *, seconds: int) -> bool:
    """Sleeps until the job has ended or the time is over; says which."""
    try:
        with valkey.patient_client(seconds) as client:
            return client.blpop([_key(job_id)], timeout=seconds) is not None
    except redis.RedisError as error:
        raise QueueUnavailable from error


def _key(job_id: uuid.UUID) -> str:
    return f"mattery:ended:{job_id}"
