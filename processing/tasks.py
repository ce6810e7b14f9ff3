"""Celery's entrances. Each takes ids and calls one verb."""

import uuid

import structlog
from celery import shared_task
from django.conf import settings

from processing import jobs

log = structlog.get_logger(__name__)


@shared_task(name="processing.run")
def run(job_id: str) -> None:
    # Imported here because web and beat know this task too, but have no ONNX Runtime.
    from processing import runs, worker

    runs.run(uuid.UUID(job_id), worker.sessions())


@shared_task(name="processing.housekeeping.sweep")
def sweep() -> None:
    jobs.sweep()


@shared_task(name="processing.housekeeping.remove_expired_images")
def remove_expired_images() -> None:
    while jobs.remove_expired_images():
        pass


@shared_task(name="processing.housekeeping.verify_models")
def verify_models() -> None:
    from processing.engine import weights

    for problem in weights.Store(settings.MODELS_DIR).verify():
        log.error("model file is bad", file=str(problem))
