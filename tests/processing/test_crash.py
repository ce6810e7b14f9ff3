"""An image that brings its process down each time: it fails after some attempts, and nobody else notices."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import pytest

from accounts.models import UsageEntry
from config.limits import LIMITS
from config.local import programs
from config.local.processes import ChildProcess, running
from processing import heartbeats
from processing.models import Job, State
from tests.conftest import Account
from tests.photographs import astronaut
from tests.waiting import suspended, wait_for


@pytest.fixture
def only_worker(worker: ChildProcess, log_dir: Path) -> Iterator[ChildProcess]:
    """One process, so that whatever runs runs there; with short leases, so that attempts follow each other soon."""
    environment = os.environ | {
        "WORKER_PROCESSES": "1",
        "PINNED_MODELS": "u2netp",
        "MATTERY_LEASE_S": "2",
        "MATTERY_LEASE_RENEWAL_S": "1",
    }
    with suspended(worker):
        wait_for(lambda: not heartbeats.alive(), seconds=LIMITS.heartbeat_ttl_s + 10)
        with running(programs.worker(environment, log_dir / "crashing")) as process:
            wait_for(lambda: bool(heartbeats.alive()), seconds=60)
            yield process


def submitted(http: httpx.Client, account: Account, model: str) -> UUID:
    response = http.post(
        "/api/v1/jobs", headers=account.headers, files={"image": astronaut(3000, 3000)}, data={"model": model}
    )
    return UUID(response.json()["id"])


def now(account: Account, job_id: UUID) -> Job:
    with account.caller.scope():
        return Job.objects.get(id=job_id)


def crash_attempt(attempt: int, worker: ChildProcess, account: Account, job_id: UUID) -> None:
    """A segmentation fault, as a decoder would have it, as soon as this attempt has begun."""
    deadline = time.monotonic() + 40
    while now(account, job_id).attempts < attempt:
        assert time.monotonic() < deadline, f"attempt {attempt} never began"
        time.sleep(0.05)
    for child in psutil.Process(worker.pid).children():
        child.send_signal(signal.SIGSEGV)


def test_an_image_that_crashes_each_attempt_fails_alone(
    http: httpx.Client, only_worker: ChildProcess, beat: ChildProcess, alice: Account
) -> None:
    deadly = submitted(http, alice, "isnet-general-use")
    crash_attempt(1, only_worker, alice, deadly)
    harmless = submitted(http, alice, "u2netp")
    for attempt in range(2, LIMITS.attempts + 1):
        crash_attempt(attempt, only_worker, alice, deadly)
    wait_for(lambda: now(alice, deadly).is_finished and now(alice, harmless).is_finished, seconds=60)
    failed, succeeded = now(alice, deadly), now(alice, harmless)
    assert (failed.state, failed.error_code, failed.attempts) == (State.FAILED, "worker_lost", LIMITS.attempts)
    assert (succeeded.state, succeeded.attempts) == (State.SUCCEEDED, 1)
    with alice.caller.scope():
        kinds = sorted(UsageEntry.objects.values_list("kind", flat=True))
        assert kinds == ["charge", "release", "reserve", "reserve"]
        assert alice.tenant.current_allowance().used == succeeded.credits
