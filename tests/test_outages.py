"""Without workers or without a queue: who waits is told at once and keeps the credit, who does not is served later."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from config.limits import LIMITS
from config.local import programs
from config.local.processes import ChildProcess, free_port, running, wait_until
from tests.api.conftest import NOTHING, assert_problem, left_behind
from tests.conftest import Account
from tests.photographs import astronaut
from tests.test_promises import states
from tests.waiting import suspended, wait_for


@pytest.fixture
def without_worker(worker: ChildProcess, web_port: int) -> Iterator[None]:
    with suspended(worker):
        wait_for(lambda: not programs.is_ok(web_port, "/readyz"), seconds=LIMITS.heartbeat_ttl_s + 10)
        yield


@pytest.fixture(scope="module")
def web_without_queue(web_port: int, log_dir: Path) -> Iterator[str]:
    """A web server whose Valkey is gone."""
    port = free_port()
    environment = os.environ | {
        "PORT": str(port),
        "WEB_PROCESSES": "1",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    with running(programs.web(environment, log_dir / "no-queue")) as server:
        wait_until(lambda: programs.is_ok(port, "/healthz"), children=[server], timeout_s=30)
        yield f"http://127.0.0.1:{port}"


def test_without_a_worker_a_waiting_call_is_refused_at_once(
    http: httpx.Client, without_worker: None, alice: Account
) -> None:
    for path, field in (("/api/v1/jobs", "image"), ("/api/remove", "file")):
        headers = alice.headers | {"Prefer": "wait=30"}
        response = http.post(path, headers=headers, files={field: astronaut()})
        assert (response.status_code, response.json()["code"]) == (503, "no_warm_worker")
        assert int(response.headers["retry-after"]) > 0
        assert response.elapsed.total_seconds() < 5
    assert left_behind(alice) == NOTHING


def test_without_a_worker_an_asynchronous_call_is_done_later(
    http: httpx.Client, worker: ChildProcess, beat: ChildProcess, web_port: int, alice: Account
) -> None:
    with suspended(worker):
        response = http.post(
            "/api/v1/jobs", headers=alice.headers, files={"image": astronaut()}, data={"model": "u2netp"}
        )
        assert response.status_code == 202
    wait_for(lambda: states(alice) == {"succeeded": 1}, seconds=60)


def test_a_worker_lost_while_waited_for_gives_the_credit_back(
    http: httpx.Client, worker: ChildProcess, alice: Account
) -> None:
    with suspended(worker):
        headers = alice.headers | {"Prefer": f"wait={LIMITS.heartbeat_ttl_s + 5}"}
        response = http.post("/api/v1/jobs", headers=headers, files={"image": astronaut()})
        assert_problem(response, 503, "no_warm_worker")
    assert left_behind(alice)["used"] == 0
    assert left_behind(alice)["files"] == []
    assert states(alice) == {"canceled": 1}


def test_without_a_queue_it_lives_but_is_not_ready(web_without_queue: str) -> None:
    assert httpx.get(f"{web_without_queue}/healthz").status_code == 200
    assert httpx.get(f"{web_without_queue}/readyz", timeout=20).status_code == 503


def test_without_a_queue_a_waiting_call_is_refused(web_without_queue: str, alice: Account) -> None:
    headers = alice.headers | {"Prefer": "wait=30"}
    response = httpx.post(f"{web_without_queue}/api/v1/jobs", headers=headers, files={"image": astronaut()}, timeout=30)
    assert_problem(response, 503, "queue_unavailable")
    assert "retry-after" in response.headers
    assert left_behind(alice) == NOTHING


def test_without_a_queue_an_asynchronous_call_is_done_later(
    web_without_queue: str, worker: ChildProcess, beat: ChildProcess, alice: Account
) -> None:
    response = httpx.post(
        f"{web_without_queue}/api/v1/jobs",
        headers=alice.headers,
        files={"image": astronaut()},
        data={"model": "u2netp"},
        timeout=30,
    )
    assert response.status_code == 202
    wait_for(lambda: states(alice) == {"succeeded": 1}, seconds=LIMITS.pickup_s + 40)
