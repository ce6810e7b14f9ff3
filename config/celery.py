"""Celery, set the way that loses nothing: the database is the truth, the queue only a hint.

Late acknowledgement and rejection on a lost worker bring a job back at once after a crash; the lease and the attempt
counter in the database (processing/jobs.py) keep a second delivery from doing anything twice.
"""

import os
import sys

from celery import Celery
from django.conf import settings
from kombu import Exchange, Queue

from config import env
from config.cores import available_cores
from config.limits import LIMITS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

INTERACTIVE = "interactive"
HOUSEKEEPING = "housekeeping"

app = Celery("mattery")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # A hard time limit below half of this, or a long run would be delivered twice.
        "visibility_timeout": LIMITS.run_hard_s * 2 + 30,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
    },
    task_ignore_result=True,  # job state lives in PostgreSQL; there is no result backend
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=LIMITS.run_soft_s,
    task_time_limit=LIMITS.run_hard_s,
    task_default_queue=INTERACTIVE,
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in (INTERACTIVE, HOUSEKEEPING)],
    task_routes={"processing.housekeeping.*": {"queue": HOUSEKEEPING}},
    task_serializer="json",
    accept_content=["json"],
    # One more than cores: while one stores or asks the database, the others compute.
    worker_concurrency=env.number("WORKER_PROCESSES") or available_cores() + 1,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_proc_alive_timeout=120,  # loading and warming the pinned models comes before the first task
    worker_max_tasks_per_child=LIMITS.worker_tasks,
    worker_max_memory_per_child=LIMITS.worker_memory_mb * 1_000,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    # Celery would close the pool after every task; processing/worker.py gives the connection back to it instead.
    CELERY_DB_REUSE_MAX=sys.maxsize,
    beat_schedule={
        "sweep": {
            "task": "processing.housekeeping.sweep",
            "schedule": LIMITS.sweep_s,
            "options": {"expires": LIMITS.sweep_s},
        },
        "deliver what is due": {
            "task": "processing.housekeeping.deliver_due",
            "schedule": LIMITS.sweep_s,
            "options": {"expires": LIMITS.sweep_s},
        },
        "remove expired images": {
            "task": "processing.housekeeping.remove_expired_images",
            "schedule": 600,
            "options": {"expires": 600},
        },
        "forget old requests": {
            "task": "processing.housekeeping.forget_old_requests",
            "schedule": 600,
            "options": {"expires": 600},
        },
        "verify models": {
            "task": "processing.housekeeping.verify_models",
            "schedule": 86_400,
            "options": {"expires": 3_600},
        },
    },
)
app.autodiscover_tasks(["processing"])
app.autodiscover_tasks(["processing"], related_name="worker")
