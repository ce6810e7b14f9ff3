"""How a worker starts, and how it refuses to."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from config import valkey
from config.cores import available_cores
from config.limits import LIMITS
from config.local import programs
from config.local.processes import ChildProcess, free_port, running
from processing import heartbeats
from processing.engine import providers
from processing.heartbeats import Heartbeat
from tests.waiting import wait_for

WORKER = [sys.executable, "-m", "celery", "--app", "config.celery", "worker", "--queues", "nobody"]


def refused(**environment: str) -> str:
    """What a worker that will not run says before it exits."""
    finished = subprocess.run(WORKER, env=os.environ | environment, capture_output=True, text=True, timeout=60)
    return finished.stdout + finished.stderr


def said_by(worker: ChildProcess) -> str:
    return worker.log_path.read_text() if worker.log_path else ""


def test_a_provider_that_is_demanded_but_missing_stops_it(web_port: int) -> None:
    said = refused(INFERENCE_PROVIDER="cuda")
    assert "The worker does not start: cuda was demanded" in said
    assert "onnxruntime-gpu" in said


def test_a_provider_that_nobody_knows_stops_it(web_port: int) -> None:
    assert "auto or one of" in refused(INFERENCE_PROVIDER="warp")


def test_a_role_that_could_switch_the_walls_off_stops_it(web_port: int) -> None:
    assert "owns the tables" in refused(DATABASE_URL=os.environ["DATABASE_OWNER_URL"])


def test_without_the_default_model_it_goes_on_but_is_not_ready(web: str, log_dir: Path, tmp_path: Path) -> None:
    """On a queue of its own, so that it disturbs nobody."""
    port = free_port()
    environment = os.environ | {
        "PORT": str(port),
        "WEB_PROCESSES": "1",
        "WORKER_PROCESSES": "1",
        "MODELS_DIR": str(tmp_path),
        "REDIS_URL": os.environ["REDIS_URL"].removesuffix("/0") + "/2",
    }
    server, worker = programs.web(environment, log_dir / "bare"), programs.worker(environment, log_dir / "bare")
    with running(server), running(worker):
        wait_for(lambda: programs.is_ok(port, "/healthz"), seconds=30)
        wait_for(lambda: "Run: manage.py models pull u2net" in said_by(worker), seconds=30)
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 503


def test_each_process_says_what_it_has_warm(worker: ChildProcess) -> None:
    wait_for(lambda: len(heartbeats.alive()) == available_cores() + 1, seconds=30)
    alive = heartbeats.alive()
    assert all({"u2net", "u2netp"} <= set(heartbeat.warm) for heartbeat in alive)
    assert {heartbeat.provider for heartbeat in alive} == {providers.named("auto")[0].name}


@pytest.fixture
def passing() -> str:
    heartbeats.beat(Heartbeat("passing:1", provider="cpu", warm=["passing"], installed={"passing": "1"}))
    return "passing"


def test_a_silent_process_is_forgotten(passing: str) -> None:
    assert passing in heartbeats.installed_models()
    wait_for(lambda: passing not in heartbeats.installed_models(), seconds=LIMITS.heartbeat_ttl_s + 3)


def test_a_process_that_says_goodbye_is_forgotten_at_once(passing: str) -> None:
    heartbeats.stop("passing:1")
    assert passing not in heartbeats.installed_models()
    assert valkey.client().zscore(heartbeats.INDEX, "passing:1") is None
