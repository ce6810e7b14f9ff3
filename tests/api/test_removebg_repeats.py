"""A client that gives up on its answer and asks again is charged once."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from urllib.parse import urlsplit

import httpx

from accounts import callers
from api import repeats
from config import valkey
from config.local.processes import ChildProcess
from tests.conftest import Account
from tests.photographs import astronaut
from tests.test_promises import states
from tests.waiting import suspended, wait_for

FIELDS = {"model": "u2netp"}


def send(http: httpx.Client, account: Account, **fields: str) -> httpx.Response:
    return http.post("/v1.0/removebg", headers=account.headers, files={"image_file": astronaut()}, data=FIELDS | fields)


def give_up(web: str, account: Account, **fields: str) -> None:
    """Sends the same request and hangs up before its answer."""
    request = httpx.Request(
        "POST", f"{web}/v1.0/removebg", headers=account.headers, files={"image_file": astronaut()}, data=FIELDS | fields
    )
    url = urlsplit(web)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with closing(socket.create_connection((url.hostname, url.port))) as connection:
        connection.sendall(f"POST /v1.0/removebg HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        wait_for(lambda: bool(states(account)), seconds=10)


def used(account: Account) -> Decimal:
    with account.caller.scope():
        return account.tenant.current_allowance().used


def let_time_pass(account: Account) -> None:
    """What is noted of this account's requests becomes old enough to be taken for a repeated one's."""
    client = valkey.client()
    keys = list(client.scan_iter(f"mattery:unanswered:{callers.by_key(account.key).rate_key}:*"))
    assert keys
    for key in keys:
        job_id, _, noted_at = str(client.get(key)).partition(" ")
        client.set(key, f"{job_id} {float(noted_at) - repeats.REPEAT_AFTER_S}", keepttl=True)


def test_whoever_gave_up_gets_the_first_job_when_it_has_ended(
    web: str, http: httpx.Client, worker: ChildProcess, alice: Account
) -> None:
    with suspended(worker):
        give_up(web, alice)
    wait_for(lambda: states(alice) == {"succeeded": 1}, seconds=30)
    let_time_pass(alice)
    assert send(http, alice).status_code == 200
    assert states(alice) == {"succeeded": 1}
    assert used(alice) == Decimal("0.25")


def test_whoever_gave_up_gets_the_first_job_while_it_runs(
    web: str, http: httpx.Client, worker: ChildProcess, alice: Account
) -> None:
    with ThreadPoolExecutor(1) as thread:
        with suspended(worker):
            give_up(web, alice)
            let_time_pass(alice)
            again = thread.submit(send, http, alice)
        assert again.result().status_code == 200
    assert states(alice) == {"succeeded": 1}
    assert used(alice) == Decimal("0.25")


def test_something_else_is_another_job(web: str, http: httpx.Client, worker: ChildProcess, alice: Account) -> None:
    with suspended(worker):
        give_up(web, alice)
    wait_for(lambda: states(alice) == {"succeeded": 1}, seconds=30)
    let_time_pass(alice)
    assert send(http, alice, crop="true").status_code == 200
    assert states(alice) == {"succeeded": 2}


def test_nobody_gets_the_job_of_another_tenant(
    web: str, http: httpx.Client, worker: ChildProcess, alice: Account, charlie: Account
) -> None:
    with suspended(worker):
        give_up(web, alice)
    wait_for(lambda: states(alice) == {"succeeded": 1}, seconds=30)
    let_time_pass(alice)
    assert send(http, charlie).status_code == 200
    assert states(charlie) == {"succeeded": 1}


def test_the_same_image_twice_is_two_jobs(http: httpx.Client, worker: ChildProcess, alice: Account) -> None:
    """Also at once: only what has waited for long, or was never fetched, counts as repeated."""
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: send(http, alice), range(2)))
    assert send(http, alice).status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200]
    assert states(alice) == {"succeeded": 3}
    assert used(alice) == Decimal("0.75")


def test_an_idempotency_key_holds_here_too(http: httpx.Client, worker: ChildProcess, alice: Account) -> None:
    headers = alice.headers | {"Idempotency-Key": "order-66"}
    answers = [
        http.post("/v1.0/removebg", headers=headers, files={"image_file": astronaut()}, data=FIELDS) for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["x-width"] == answers[0].headers["x-width"]
    assert states(alice) == {"succeeded": 1}
    answer = http.post("/v1.0/removebg", headers=headers, files={"image_file": astronaut()}, data={"size": "hd"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "idempotency_key_reused"
