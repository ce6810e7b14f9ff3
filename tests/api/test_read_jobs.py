"""Asking for jobs, their results and the signed links, and taking them away again."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone

from accounts import ledger
from processing.models import FINAL, Job, State
from tests.api.conftest import Post, assert_problem, audit_lines, left_behind, stored_files
from tests.conftest import Account

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def done(post: Post, http: httpx.Client, alice: Account, photo: bytes) -> dict[str, Any]:
    """A job of Alice's that has succeeded."""
    job_id = post(photo, wait=60, filename="astronaut.jpg").headers["x-job-id"]
    found: dict[str, Any] = http.get(f"/api/v1/jobs/{job_id}", headers=alice.headers).json()
    return found


def put_aside(account: Account, state: State) -> str:
    """A job that no worker touches: in the database alone, never on the queue."""
    now = timezone.now()
    is_final = state in FINAL
    job = Job(
        tenant=account.tenant,
        state=state,
        model="none",
        original_format="PNG",
        original_bytes=1,
        width=1,
        height=1,
        images_expire_at=now + timedelta(days=1),
        finished_at=now if is_final else None,
    )
    with account.caller.scope():
        job.save()
        if not is_final:
            ledger.reserve(account.tenant, job_id=job.id, credits=job.credits, api_key=None)
    return str(job.id)


@pytest.fixture
def held_job(alice: Account) -> str:
    return put_aside(alice, State.QUEUED)


@pytest.fixture
def new_jobs(alice: Account) -> Callable[[int], list[str]]:
    return lambda count: [put_aside(alice, State.FAILED) for _ in range(count)]


def test_a_job_tells_its_story(done: dict[str, Any]) -> None:
    assert (done["state"], done["filename"], done["model"], done["output"]) == (
        "succeeded",
        "astronaut.jpg",
        "u2netp",
        "cutout",
    )
    assert (done["width"], done["height"], done["original_format"]) == (512, 512, "JPEG")
    assert done["duration_ms"] > 0
    assert (done["has_foreground"], done["notice"], done["error"]) == (True, None, None)


def test_the_result_can_be_fetched_again(http: httpx.Client, alice: Account, done: dict[str, Any]) -> None:
    direct = http.get(f"/api/v1/jobs/{done['id']}/result", headers=alice.headers)
    assert direct.headers["content-type"] == "image/png"
    assert direct.content == http.get(done["result_url"]).content


def test_a_signed_link_shows_one_image_and_nothing_else(http: httpx.Client, done: dict[str, Any]) -> None:
    link = done["thumbnail_url"]
    assert http.get(link).status_code == 200
    assert http.get(link + "x").status_code == 404
    body, _, signature = link.rpartition(":")
    assert http.get(f"{body}:{signature[::-1]}").status_code == 404


def test_a_look_through_a_signed_link_is_audited(http: httpx.Client, alice: Account, done: dict[str, Any]) -> None:
    http.get(done["result_url"])
    line = audit_lines(alice)[-1]
    assert line.path == "/images/…", "whoever reads the log cannot use the link"
    assert (line.status, line.api_key_prefix, str(line.job_id)) == (200, "", done["id"])


def test_a_download_is_named_after_the_original(http: httpx.Client, done: dict[str, Any]) -> None:
    disposition = http.get(done["result_url"] + "?download").headers["content-disposition"]
    assert disposition == 'attachment; filename="astronaut-cutout.png"'


HARMLESS_NAMES = [
    ("../../etc/passwd.png", "passwd-cutout.png"),
    ("C:\\photos\\my cat (1).jpg", "my cat (1)-cutout.png"),
    ("a;b\u202egpj.jpg", "a_bgpj-cutout.png"),
    ("x" * 250 + ".jpg", "x" * 100 + "-cutout.png"),
    ("-.hidden. cat v1.2.jpg", "hidden. cat v1.2-cutout.png"),
]


@pytest.mark.parametrize(("given", "name"), HARMLESS_NAMES)
def test_a_download_has_a_harmless_name(
    post: Post, http: httpx.Client, alice: Account, photo: bytes, given: str, name: str
) -> None:
    disposition = post(photo, wait=60, filename=given).headers["content-disposition"]
    assert disposition == f'inline; filename="{name}"'


def test_a_download_of_an_image_without_a_name_has_the_jobs_id(
    http: httpx.Client, alice: Account, photo: bytes
) -> None:
    headers = alice.headers | {"Prefer": "wait=60", "Content-Type": "image/jpeg"}
    response = http.post("/api/v1/jobs?model=u2netp&output=mask", headers=headers, content=photo)
    assert f'filename="{response.headers["x-job-id"]}-mask.png"' in response.headers["content-disposition"]


def test_jobs_come_in_pages_newest_first(
    http: httpx.Client, alice: Account, new_jobs: Callable[[int], list[str]]
) -> None:
    ids = new_jobs(7)
    seen: list[str] = []
    page = http.get("/api/v1/jobs?limit=3", headers=alice.headers).json()
    while True:
        seen += [job["id"] for job in page["results"]]
        if not page["next"]:
            break
        page = http.get(page["next"], headers=alice.headers).json()
    assert seen == ids[::-1]


def test_the_list_can_be_filtered(
    http: httpx.Client, alice: Account, done: dict[str, Any], new_jobs: Callable[[int], list[str]]
) -> None:
    new_jobs(2)
    for query, count in (
        ("state=succeeded", 1),
        ("state=failed", 2),
        ("model=u2netp", 1),
        ("state=succeeded&model=u2net", 0),
    ):
        assert len(http.get(f"/api/v1/jobs?{query}", headers=alice.headers).json()["results"]) == count, query


DISTANT_CURSOR = base64.b64encode(b"p=9999-12-31T23:59:59-23:59").decode()
TAMPERED_CURSOR = "cD1ub25zZW5zZQ=="  # a position that is no time


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("state=odd", "invalid_parameter"),
        ("model=odd", "unknown_model"),
        ("model=%00", "unknown_model"),
        ("cursor=nonsense", "invalid_parameter"),
        (f"cursor={TAMPERED_CURSOR}", "invalid_parameter"),
        (f"cursor={DISTANT_CURSOR}", "invalid_parameter"),
        ("limit=0", "invalid_parameter"),
        ("limit=-1", "invalid_parameter"),
        ("limit=101", "invalid_parameter"),
        ("limit=abc", "invalid_parameter"),
    ],
)
def test_an_odd_query_is_a_clear_400(http: httpx.Client, alice: Account, query: str, code: str) -> None:
    assert_problem(http.get(f"/api/v1/jobs?{query}", headers=alice.headers), 400, code)


def test_an_unfinished_job_has_no_result_yet(http: httpx.Client, alice: Account, held_job: str) -> None:
    response = http.get(f"/api/v1/jobs/{held_job}/result", headers=alice.headers)
    assert_problem(response, 409, "result_not_ready")
    assert response.headers["retry-after"] == "1"


def test_a_failed_jobs_result_is_its_error(post: Post, http: httpx.Client, alice: Account, photo: bytes) -> None:
    job_id = post(photo[:-9000], wait=60) and http.get("/api/v1/jobs", headers=alice.headers).json()["results"][0]["id"]
    assert_problem(http.get(f"/api/v1/jobs/{job_id}/result", headers=alice.headers), 422, "image_truncated")


def test_delete_takes_the_images_and_leaves_the_line(http: httpx.Client, alice: Account, done: dict[str, Any]) -> None:
    url = f"/api/v1/jobs/{done['id']}"
    assert http.delete(url, headers=alice.headers).status_code == 204
    assert stored_files(alice) == []
    line = http.get(url, headers=alice.headers).json()
    assert line["images_removed_at"] is not None
    assert line["result_url"] is line["original_url"] is None
    assert_problem(http.get(f"{url}/result", headers=alice.headers), 410, "images_removed")
    assert http.get(done["result_url"]).status_code == 410
    assert http.delete(url, headers=alice.headers).status_code == 204, "twice is harmless"
    assert left_behind(alice)["used"] == 1, "what was done stays charged"


def test_delete_cancels_what_has_not_ended(http: httpx.Client, alice: Account, held_job: str) -> None:
    assert http.delete(f"/api/v1/jobs/{held_job}", headers=alice.headers).status_code == 204
    line = http.get(f"/api/v1/jobs/{held_job}", headers=alice.headers).json()
    assert (line["state"], line["credits_charged"]) == ("canceled", "0")
    assert left_behind(alice)["used"] == 0
    assert stored_files(alice) == []
    assert_problem(http.get(f"/api/v1/jobs/{held_job}/result", headers=alice.headers), 409, "job_canceled")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_tenants_job_does_not_exist(
    http: httpx.Client, charlie: Account, done: dict[str, Any], method: str
) -> None:
    stranger = http.request(method, f"/api/v1/jobs/{done['id']}", headers=charlie.headers)
    nobody = http.request(method, f"/api/v1/jobs/{uuid4()}", headers=charlie.headers)
    for response in (stranger, nobody):
        assert_problem(response, 404, "job_not_found")
    assert stranger.json()["detail"] == nobody.json()["detail"], "the answer tells nobody whether the job exists"
    assert http.get(done["result_url"]).status_code == 200, "and it is still there"


def test_another_tenants_result_and_list_show_nothing(
    http: httpx.Client, charlie: Account, done: dict[str, Any]
) -> None:
    assert http.get(f"/api/v1/jobs/{done['id']}/result", headers=charlie.headers).status_code == 404
    assert http.get("/api/v1/jobs", headers=charlie.headers).json()["results"] == []


@pytest.mark.parametrize("path", ["/api/v1/jobs/7", "/api/v1/nothing", "/api/", "/api/v1/jobs/"])
def test_a_wrong_address_is_a_problem_too(http: httpx.Client, alice: Account, path: str) -> None:
    assert_problem(http.get(path, headers=alice.headers), 404, "not_found")


def test_a_wrong_method_names_the_right_ones(http: httpx.Client, alice: Account) -> None:
    response = http.put("/api/v1/jobs", headers=alice.headers)
    assert_problem(response, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["allow"].split(", "))


def test_canceling_gives_the_credit_back_and_may_be_repeated(http: httpx.Client, alice: Account, held_job: str) -> None:
    for _ in range(2):
        answer = http.post(f"/api/v1/jobs/{held_job}/cancel", headers=alice.headers)
        assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
    assert left_behind(alice)["used"] == 0


def test_a_job_that_has_ended_cannot_be_canceled(http: httpx.Client, alice: Account, done: dict[str, Any]) -> None:
    answer = http.post(f"/api/v1/jobs/{done['id']}/cancel", headers=alice.headers)
    assert_problem(answer, 409, "job_finished")
    assert http.get(done["result_url"]).status_code == 200


def test_another_tenants_job_cannot_be_canceled(http: httpx.Client, charlie: Account, held_job: str) -> None:
    answer = http.post(f"/api/v1/jobs/{held_job}/cancel", headers=charlie.headers)
    assert_problem(answer, 404, "job_not_found")


def test_jobs_of_a_time(http: httpx.Client, alice: Account, new_jobs: Callable[[int], list[str]]) -> None:
    early, late = new_jobs(2)
    with alice.caller.scope():
        Job.objects.filter(id=early).update(created_at=timezone.now() - timedelta(hours=2))
    an_hour_ago = (timezone.now() - timedelta(hours=1)).isoformat()

    def listed(**query: str) -> list[str]:
        answer = http.get("/api/v1/jobs", headers=alice.headers, params=query)
        return [job["id"] for job in answer.json()["results"]]

    assert listed(created_after=an_hour_ago) == [late]
    assert listed(created_before=an_hour_ago) == [early]


@pytest.mark.parametrize("given", ["yesterday", "2026-01-01", "2026-01-01T00:00:00"])
def test_what_is_no_time(http: httpx.Client, alice: Account, given: str) -> None:
    answer = http.get("/api/v1/jobs", headers=alice.headers, params={"created_after": given})
    assert assert_problem(answer, 400, "invalid_parameter")["param"] == "created_after"
