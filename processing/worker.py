"""A worker's life: the provider is proven before the fork, sessions are loaded after it and before the first task,
and a heartbeat says so for as long as the process lives."""

import os
import signal
import socket
from functools import cache
from threading import Thread
from time import sleep
from typing import Any

import structlog
from celery.signals import task_postrun, worker_init, worker_process_init, worker_process_shutdown
from django.conf import settings
from django.db import close_old_connections

from accounts.checks import require_fenced_role
from config.limits import LIMITS
from processing import heartbeats
from processing.engine import providers
from processing.engine.errors import EngineError
from processing.engine.sessions import SessionCache
from processing.heartbeats import Heartbeat

log = structlog.get_logger(__name__)


@cache
def sessions() -> SessionCache:
    return SessionCache(
        provider=settings.INFERENCE_PROVIDER,
        precision=settings.INFERENCE_PRECISION,
        pinned=settings.PINNED_MODELS,
        budget_bytes=LIMITS.session_budget_mb * 1_000_000,
        models_dir=settings.MODELS_DIR,
    )


@worker_init.connect
def refuse_to_start_unsafely(**_: Any) -> None:
    """Before the fork: without the demanded provider, or behind a broken wall between tenants, nothing is done."""
    require_fenced_role()
    try:
        providers.require(settings.INFERENCE_PROVIDER)
    except EngineError as error:
        raise SystemExit(f"The worker does not start: {error.detail}") from error


@worker_process_init.connect
def warm_up(**_: Any) -> None:
    try:
        sessions().warm()
    except EngineError as error:
        # Celery would start this process again and again; the worker as a whole cannot do its work.
        log.critical("the worker stops: its models cannot be warmed", reason=error.detail)
        os.kill(os.getppid(), signal.SIGTERM)
        os._exit(1)
    Thread(target=_beat_for_life, args=(os.getppid(),), daemon=True).start()


def _process_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _heartbeat() -> Heartbeat:
    return Heartbeat(
        process=_process_name(),
        provider=sessions().provider,
        warm=sessions().warm_models,
        installed=sessions().installed,
    )


def _beat_for_life(parent: int) -> None:
    while os.getppid() == parent:
        try:
            heartbeats.beat(_heartbeat())
        except Exception:  # the edge of this thread: whatever it was, the next beat may go well
            log.exception("no heartbeat")
        sleep(LIMITS.heartbeat_s)


@task_postrun.connect
def give_connection_back(**_: Any) -> None:
    """To the pool, for the next job: connecting anew would cost that 10 ms."""
    close_old_connections()


@worker_process_shutdown.connect
def fall_silent(**_: Any) -> None:
    heartbeats.stop(_process_name())
