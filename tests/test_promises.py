"""The promises that hold under crashes and crowds, on real processes: nothing oversold, nothing lost, nothing twice."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from accounts.models import UsageEntry
from config.limits import LIMITS
from config.local import programs
from config.local.processes import ChildProcess, running, wait_until
from processing.models import Job, State
from tests.conftest import Account, make_account
from tests.photographs import astronaut
from tests.waiting import suspended, wait_for


def post(http: httpx.Client, account: Account, **options: Any) -> httpx.Response:
    return http.post("/api/v1/jobs", headers=account.headers, files={"image": astronaut()}, **options)


def states(account: Account) -> Counter[str]:
    with account.caller.scope():
        return Counter(Job.objects.values_list("state", flat=True))


def kinds(account: Account) -> Counter[str]:
    with account.caller.scope():
        return Counter(UsageEntry.objects.values_list("kind", flat=True))


def test_200_parallel_requests_on_50_credits_grant_exactly_50(
    web: str, worker: ChildProcess, committed_db: None
) -> None:
    account = make_account("Crowd", monthly_credits=50, requests_per_minute=10_000)
    many = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=web, timeout=120, limits=many) as http, ThreadPoolExecutor(100) as pool:
        responses = pool.map(lambda _: post(http, account, data={"model": "u2netp"}), range(200))
        answers = Counter(response.status_code for response in responses)
    assert answers == {202: 50, 402: 150}
    with account.caller.scope():
        assert account.tenant.current_allowance().used == Decimal(50)
        assert Job.objects.count() == 50
    wait_for(lambda: states(account) == {"succeeded": 50}, seconds=120)
    assert kinds(account) == {"reserve": 50, "charge": 50}
    assert account_used(account) == 50


def account_used(account: Account) -> Decimal:
    with account.caller.scope():
        return account.tenant.current_allowance().used


@pytest.fixture
def own_worker(web_port: int, worker: ChildProcess, log_dir: Path) -> Iterator[ChildProcess]:
    """A worker to be killed; the shared one is asleep meanwhile and takes nothing from the queue."""
    with suspended(worker):
        wait_for(lambda: not programs.is_ok(web_port, "/readyz"), seconds=LIMITS.heartbeat_ttl_s + 10)
        with running(programs.worker(os.environ | {"WORKER_PROCESSES": "1"}, log_dir / "doomed")) as process:
            wait_until(lambda: programs.is_ok(web_port, "/readyz"), children=[process], timeout_s=60)
            yield process


def one_running(account: Account) -> bool:
    return states(account)[State.RUNNING] > 0


@pytest.mark.parametrize("victim", ["the child", "the whole worker"])
def test_a_worker_killed_in_the_middle_still_ends_in_one_result(
    http: httpx.Client,
    own_worker: ChildProcess,
    beat: ChildProcess,
    alice: Account,
    victim: str,
    web_port: int,
    log_dir: Path,
) -> None:
    job = post(http, alice, data={"model": "u2net"}).json()
    wait_for(lambda: one_running(alice), seconds=20)
    children = psutil.Process(own_worker.pid).children()
    killed_at = time.monotonic()
    if victim == "the child":
        for child in children:
            os.kill(child.pid, signal.SIGKILL)
        survivor = own_worker
    else:
        os.killpg(own_worker.pid, signal.SIGKILL)
        survivor = programs.worker(os.environ | {"WORKER_PROCESSES": "1"}, log_dir / "survivor")
        survivor.start()
    try:
        wait_for(lambda: states(alice) == {"succeeded": 1}, seconds=60)
    finally:
        if survivor is not own_worker:
            survivor.stop()
    assert time.monotonic() - killed_at < 60
    line = http.get(f"/api/v1/jobs/{job['id']}", headers=alice.headers).json()
    assert line["credits_charged"] == "1"
    assert kinds(alice) == {"reserve": 1, "charge": 1}
    with alice.caller.scope():
        assert Job.objects.get().attempts == 2
