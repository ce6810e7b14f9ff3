"""Webhooks as a program sets them up, and what its own server then hears from real workers."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.test import Client

from accounts.models import Role, User, WebhookEndpoint
from config.limits import LIMITS
from config.local import programs
from config.local.processes import ChildProcess, running
from processing import jobs, queue
from tests.api.conftest import Post, assert_problem
from tests.conftest import Account, make_member
from tests.processing.test_sweep import ALREADY_ON_THE_WAY, make_job
from tests.receivers import Inbox
from tests.test_strangers import as_person
from tests.waiting import suspended, wait_for

WEBHOOKS = "/api/v1/webhooks"
LINKS = {"result_url", "thumbnail_url", "original_url"}


@pytest.fixture(autouse=True)
def nothing_is_left(alice: Account) -> Iterator[None]:
    """What a test leaves is sent no more."""
    yield
    with alice.caller.scope():
        WebhookEndpoint.objects.all().delete()


class Api:
    """Alice's program."""

    def __init__(self, http: httpx.Client, account: Account) -> None:
        self._http, self._headers = http, account.headers

    def __call__(self, method: str, path: str = "", *, media_type: str = "", **options: Any) -> httpx.Response:
        headers = self._headers | ({"Content-Type": media_type} if media_type else {})
        return self._http.request(method, WEBHOOKS + path, headers=headers, **options)

    def add(self, url: str, **fields: Any) -> dict[str, Any]:
        response = self("POST", json={"url": url} | fields)
        assert response.status_code == 201, response.text
        added: dict[str, Any] = response.json()
        return added

    def log(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("GET", f"/{webhook['id']}/deliveries").json()["results"]
        return found


@pytest.fixture
def api(http: httpx.Client, alice: Account) -> Api:
    return Api(http, alice)


@pytest.mark.usefixtures("worker")
def test_a_job_that_succeeds_is_told_as_the_api_describes_it(
    api: Api, http: httpx.Client, alice: Account, inbox: Inbox, post: Post, photo: bytes
) -> None:
    webhook = api.add(inbox.url)
    job = http.get(post(photo, wait=60).headers["location"], headers=alice.headers).json()
    wait_for(lambda: bool(inbox.messages), seconds=30)
    told = inbox.messages[0].verified(webhook["secret"])
    assert (told["type"], told["data"]["state"]) == ("job.succeeded", "succeeded")
    assert told["data"].keys() == job.keys() - LINKS
    assert told["data"].pop("url") in job["url"]
    assert told["data"] == {name: job[name] for name in told["data"]}
    wait_for(lambda: api.log(webhook)[0]["state"] == "delivered", seconds=10)
    (delivery,) = api.log(webhook)
    assert (delivery["message_id"], delivery["job_id"]) == (inbox.messages[0].id, job["id"])
    assert (delivery["status"], delivery["answer"], delivery["attempts"]) == (200, "thanks", 1)
    assert len(delivery["durations_ms"]) == 1


@pytest.mark.usefixtures("worker")
def test_a_canceled_one_too(api: Api, alice: Account, inbox: Inbox, post: Post, photo: bytes) -> None:
    webhook = api.add(inbox.url, events=["job.canceled", "job.failed"])
    broken = post(photo[: len(photo) // 2], wait=60, model="isnet-general-use")
    wait_for(lambda: bool(inbox.messages), seconds=30)
    told = inbox.messages[0].verified(webhook["secret"])
    assert told["type"] == "job.failed"
    assert told["data"]["error"]["code"] == broken.json()["code"]


def test_what_failed_is_sent_again_by_the_workers(
    api: Api, inbox: Inbox, worker: ChildProcess, beat: ChildProcess, post: Post, photo: bytes
) -> None:
    webhook = api.add(inbox.url)
    inbox.answers = [500]
    post(photo)
    wait_for(lambda: len(inbox.messages) == 2, seconds=60)
    wait_for(lambda: api.log(webhook)[0]["state"] == "delivered", seconds=10)
    assert len(set(inbox.ids)) == 1
    assert api.log(webhook)[0]["attempts"] == 2


@pytest.mark.usefixtures("worker")
def test_a_ping_and_its_replay(api: Api, inbox: Inbox) -> None:
    webhook = api.add(inbox.url, events=["job.failed"])
    inbox.answers = [503]
    response = api("POST", f"/{webhook['id']}/test")
    assert (response.status_code, response.json()["event"], response.json()["state"]) == (202, "ping", "pending")
    wait_for(lambda: api.log(webhook)[0]["state"] == "failed", seconds=30)
    assert api.log(webhook)[0]["status"] == 503
    replayed = api("POST", f"/{webhook['id']}/deliveries/{response.json()['id']}/replay")
    assert (replayed.status_code, replayed.json()["state"]) == (202, "pending")
    wait_for(lambda: api.log(webhook)[0]["state"] == "delivered", seconds=30)
    assert inbox.ids == [response.json()["message_id"]] * 2
    assert inbox.messages[1].verified(webhook["secret"])["data"] == {"webhook_id": webhook["id"]}


def test_a_webhook_from_beginning_to_end(api: Api, inbox: Inbox) -> None:
    response = api("POST", json={"url": inbox.url, "events": ["job.failed"], "description": "shop"})
    added = response.json()
    assert response.headers["location"] == f"{WEBHOOKS}/{added['id']}"
    assert response.headers["cache-control"] == "no-store"
    assert added.pop("secret").startswith("whsec_")
    assert added == api("GET", f"/{added['id']}").json()
    assert (added["enabled"], added["disabled_at"], added["disabled_reason"]) == (True, None, "")

    changed = api("PATCH", f"/{added['id']}", json={"events": [], "enabled": False}).json()
    assert (changed["events"], changed["enabled"], changed["disabled_reason"]) == ([], False, "by_hand")
    assert (changed["url"], changed["description"]) == (inbox.url, "shop")
    assert api("GET").json() == {"results": [changed]}
    assert_problem(api("POST", f"/{added['id']}/test"), 409, "webhook_disabled")
    assert api("PATCH", f"/{added['id']}", json={"enabled": True}).json()["disabled_at"] is None

    assert api("DELETE", f"/{added['id']}").status_code == 204
    assert_problem(api("GET", f"/{added['id']}"), 404, "webhook_not_found")
    assert_problem(api("DELETE", f"/{added['id']}"), 404, "webhook_not_found")


def test_a_secret_is_shown_when_it_is_made_and_never_again(api: Api, inbox: Inbox) -> None:
    webhook = api.add(inbox.url)
    rotated = api("POST", f"/{webhook['id']}/rotate-secret").json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != webhook["secret"]
    assert rotated["previous_secret_expires_at"] is not None
    assert "whsec_" not in api("GET").text + api("GET", f"/{webhook['id']}").text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": ["http://example.com/"]}, "url"),
        ({"url": None}, "url"),
        ({"url": "x" * 2_001}, "url"),
        ({"events": ["job.started"]}, "events"),
        ({"events": "job.failed"}, "events"),
        ({"events": [["job.failed"]]}, "events"),
        ({"events": ["job.failed"] * 4}, "events"),
        ({"description": "x" * 201}, "description"),
        ({"description": "\0"}, "description"),
        ({"enabled": True}, "enabled"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_a_webhook_cannot_be(api: Api, inbox: Inbox, fields: dict[str, Any], param: str) -> None:
    given = fields if param == "url" else {"url": inbox.url} | fields
    assert assert_problem(api("POST", json=given), 400, "invalid_parameter")["param"] == param
    assert api("GET").json() == {"results": []}


def test_half_a_character_is_no_text(api: Api, inbox: Inbox) -> None:
    body = json.dumps({"url": inbox.url, "description": "\ud800"}).encode()
    problem = assert_problem(api("POST", content=body, media_type="application/json"), 400, "invalid_parameter")
    assert problem["param"] == "description"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/",
        "https://[::1]/",
        "https://me:secret@example.com/",
        "not an address",
    ],
)
def test_an_address_that_cannot_be_called_is_none(api: Api, url: str) -> None:
    assert assert_problem(api("POST", json={"url": url}), 422, "webhook_url_refused")["param"] == "url"


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b"[]", "application/json", 400, "malformed_body"),
        (b"[" * 5_000, "application/json", 400, "malformed_body"),
        (b'{"url": "' + b"x" * 20_000 + b'"}', "application/json", 400, "malformed_body"),
        (b"url=http://example.com/", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ],
)
def test_bodies_that_are_no_json_object(api: Api, body: bytes, media_type: str, status: int, code: str) -> None:
    assert_problem(api("POST", content=body, media_type=media_type), status, code)


def test_there_are_only_so_many(api: Api, inbox: Inbox) -> None:
    for _ in range(LIMITS.webhooks_per_tenant):
        api.add(inbox.url)
    assert_problem(api("POST", json={"url": inbox.url}), 409, "too_many_webhooks")


def test_the_log_has_pages(api: Api, inbox: Inbox) -> None:
    webhook = api.add(inbox.url)
    sent = [api("POST", f"/{webhook['id']}/test").json()["id"] for _ in range(3)]
    page = api("GET", f"/{webhook['id']}/deliveries", params={"limit": 2}).json()
    assert [delivery["id"] for delivery in page["results"]] == sent[:0:-1]
    cursor = dict(httpx.URL(page["next"]).params)
    assert [each["id"] for each in api("GET", f"/{webhook['id']}/deliveries", params=cursor).json()["results"]] == sent[
        :1
    ]
    for wrong in ({"state": "lost"}, {"cursor": "x"}, {"limit": "0"}):
        assert_problem(api("GET", f"/{webhook['id']}/deliveries", params=wrong), 400, "invalid_parameter")


def test_another_tenants_webhooks_are_not_there(
    api: Api, http: httpx.Client, alice: Account, charlie: Account, inbox: Inbox
) -> None:
    webhook = api.add(inbox.url)
    delivery = api("POST", f"/{webhook['id']}/test").json()
    stranger = Api(http, charlie)
    assert stranger("GET").json() == {"results": []}
    one = f"/{webhook['id']}"
    for method, path, body in (
        ("GET", one, None),
        ("PATCH", one, {"enabled": False}),
        ("DELETE", one, None),
        ("POST", f"{one}/rotate-secret", None),
        ("POST", f"{one}/test", None),
        ("GET", f"{one}/deliveries", None),
        ("POST", f"{one}/deliveries/{delivery['id']}/replay", None),
    ):
        assert_problem(stranger(method, path, json=body), 404, "webhook_not_found")
    own = stranger.add(inbox.url)
    assert_problem(stranger("POST", f"/{own['id']}/deliveries/{delivery['id']}/replay"), 404, "delivery_not_found")
    assert_problem(api("POST", f"{one}/deliveries/{uuid4()}/replay"), 404, "delivery_not_found")
    assert stranger("DELETE", f"/{own['id']}").status_code == 204
    assert api("GET", one).json()["enabled"]


def everything(client: Client, webhook: UUID | str) -> list[int]:
    """The statuses of all that can be asked."""
    one = f"{WEBHOOKS}/{webhook}"
    body: Any = {"data": "{}", "content_type": "application/json"}
    return [
        client.get(WEBHOOKS).status_code,
        client.post(WEBHOOKS, **body).status_code,
        client.get(one).status_code,
        client.patch(one, **body).status_code,
        client.post(f"{one}/rotate-secret").status_code,
        client.post(f"{one}/test").status_code,
        client.get(f"{one}/deliveries").status_code,
        client.post(f"{one}/deliveries/{uuid4()}/replay").status_code,
        client.delete(one).status_code,
    ]


def test_of_the_people_only_owners_and_admins_manage_them(api: Api, alice: Account, victor: User, inbox: Inbox) -> None:
    webhook = api.add(inbox.url)
    for person in (victor, make_member(alice.tenant, Role.MEMBER)):
        assert set(everything(as_person(person), webhook["id"])) == {403}
    admin = everything(as_person(make_member(alice.tenant, Role.ADMIN)), webhook["id"])
    assert admin == [200, 400, 200, 200, 200, 202, 200, 404, 204]


def test_a_worker_killed_while_it_sends_leaves_the_message_to_another(
    api: Api, alice: Account, inbox: Inbox, worker: ChildProcess, beat: ChildProcess, log_dir: Path
) -> None:
    webhook = api.add(inbox.url)
    inbox.answers = [30.0]
    short = {"WORKER_PROCESSES": "1", "PINNED_MODELS": "u2netp", "MATTERY_LEASE_S": "2", "MATTERY_LEASE_RENEWAL_S": "1"}
    with suspended(worker), running(programs.worker(os.environ | short, log_dir / "sending")) as doomed:
        jobs.cancel(alice.caller, make_job(alice).id)
        for _ in range(ALREADY_ON_THE_WAY):
            queue.publish_delivery(UUID(api.log(webhook)[0]["id"]))
        wait_for(lambda: bool(inbox.messages), seconds=90)
        os.killpg(doomed.pid, signal.SIGKILL)
    wait_for(lambda: api.log(webhook)[0]["state"] == "delivered", seconds=90)
    assert inbox.ids == [api.log(webhook)[0]["message_id"]] * 2
    assert api.log(webhook)[0]["attempts"] == 2
    assert inbox.messages[1].verified(webhook["secret"])["type"] == "job.canceled"
