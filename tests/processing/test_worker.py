"""How a worker starts, and how it refuses to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import valkey
from config.limits import LIMITS
from config.local.processes import ChildProcess
from processing import heartbeats
from processing.heartbeats import Heartbeat
from tests.waiting import wait_for

WORKER = [
    sys.executable,
    "-m",
    "celery",
    "--app",
    "config.celery",
    "worker",
    "--concurrency",
    "1",
    "--queues",
    "nobody",
]


def refused(**environment: str) -> str:
    """What a worker that will not run says before it exits."""
    finished = subprocess.run(WORKER, env=os.environ | environment, capture_output=True, text=True, timeout=60)
    return finished.stdout + finished.stderr


def test_a_provider_that_is_demanded_but_missing_stops_it(web_port: int) -> None:
    said = refused(INFERENCE_PROVIDER="cuda")
    assert "The worker does not start: cuda was demanded" in said
    assert "onnxruntime-gpu" in said


def test_a_provider_that_nobody_knows_stops_it(web_port: int) -> None:
    assert "auto or one of" in refused(INFERENCE_PROVIDER="warp")


def test_a_pinned_model_that_is_not_here_stops_it(web_port: int, tmp_path: Path) -> None:
    said = refused(MODELS_DIR=str(tmp_path))
    assert "its models cannot be warmed" in said
    assert "models pull u2net" in said


def test_each_process_says_what_it_has_warm(worker: ChildProcess) -> None:
    alive = heartbeats.alive()
    assert len(alive) == os.cpu_count()
    assert all({"u2net", "u2netp"} <= set(heartbeat.warm) for heartbeat in alive)
    assert {heartbeat.provider for heartbeat in alive} == {"cpu"}


@pytest.fixture
def passing() -> str:
    heartbeats.beat(Heartbeat("passing:1", provider="cpu", warm=["passing"], installed=["passing"]))
    return "passing"


def test_a_silent_process_is_forgotten(passing: str) -> None:
    assert heartbeats.can_serve(passing)
    wait_for(lambda: not heartbeats.can_serve(passing), seconds=LIMITS.heartbeat_ttl_s + 3)


def test_a_process_that_says_goodbye_is_forgotten_at_once(passing: str) -> None:
    heartbeats.stop("passing:1")
    assert not heartbeats.can_serve(passing)
    assert valkey.client().zscore(heartbeats.INDEX, "passing:1") is None
