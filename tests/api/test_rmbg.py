"""POST /api/v1/remove and GET /api/v1/task/{id}: the task API of the RMBG cloud service."""

import io
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from config.local.processes import ChildProcess
from tests.api.conftest import NOTHING, assert_problem, audit_lines, left_behind
from tests.conftest import Account
from tests.photographs import encoded
from tests.waiting import suspended, wait_for

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def hand_in(http: httpx.Client, alice: Account, photo: bytes) -> Any:
    def send(image: bytes = photo, **fields: str) -> httpx.Response:
        data = {"model": "u2netp"} | fields
        return http.post("/api/v1/remove", headers=alice.headers, files={"image": ("cat.jpg", image)}, data=data)

    return send


@pytest.fixture
def standing_still(worker: ChildProcess) -> Iterator[None]:
    with suspended(worker):
        yield


def finished(http: httpx.Client, account: Account, accepted: httpx.Response) -> dict[str, Any]:
    """The task when it has ended."""
    assert accepted.status_code == 202, accepted.text
    task: dict[str, Any] = {}

    def has_ended() -> bool:
        task.update(http.get(accepted.json()["status_url"], headers=account.headers).json())
        return task["status"] in ("completed", "failed")

    wait_for(has_ended, seconds=60)
    return task


def test_an_image_is_handed_in_and_its_result_fetched(
    http: httpx.Client, web: str, alice: Account, hand_in: Any
) -> None:
    accepted = hand_in()
    body = accepted.json()
    assert body.keys() == {"task_id", "status", "status_url"}
    assert body["status"] == "queued"
    assert body["status_url"] == f"{web}/api/v1/task/{body['task_id']}"
    task = finished(http, alice, accepted)
    assert task["status"] == "completed"
    assert task["progress"] == 100
    assert Image.open(io.BytesIO(http.get(task["result_url"]).content)).mode == "RGBA"


def test_the_links_name_the_file_for_when_and_what(http: httpx.Client, alice: Account, hand_in: Any) -> None:
    task = finished(http, alice, hand_in())
    name = task["result_url"].rpartition("/")[2]
    assert re.fullmatch(rf"\d{{8}}_\d{{6}}_{task['task_id']}\.png", name)
    shown, saved = http.get(task["result_url"]), http.get(task["download_url"])
    assert shown.content == saved.content
    assert shown.headers["content-disposition"] == f'inline; filename="{name}"'
    assert saved.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_two_results_never_have_one_name(http: httpx.Client, alice: Account, hand_in: Any) -> None:
    tasks = [finished(http, alice, hand_in()) for _ in range(2)]
    assert len({task["result_url"].rpartition("/")[2] for task in tasks}) == 2


@pytest.mark.parametrize(
    ("output_format", "media_type", "extension"),
    [("png", "image/png", "png"), ("webp", "image/webp", "webp"), ("jpg", "image/jpeg", "jpg")],
)
def test_an_output_format(
    http: httpx.Client, alice: Account, hand_in: Any, output_format: str, media_type: str, extension: str
) -> None:
    task = finished(http, alice, hand_in(output_format=output_format))
    assert task["result_url"].endswith(f".{extension}")
    assert http.get(task["result_url"]).headers["content-type"] == media_type


def test_options_of_ours_are_taken_too(http: httpx.Client, alice: Account, hand_in: Any) -> None:
    task = finished(http, alice, hand_in(width="100"))
    assert Image.open(io.BytesIO(http.get(task["result_url"]).content)).width == 100


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "I;16"])
def test_unusual_colours_are_converted(
    http: httpx.Client, alice: Account, hand_in: Any, photo: bytes, mode: str
) -> None:
    picture = Image.open(io.BytesIO(photo))
    image = encoded(picture.convert("L").convert(mode) if mode == "I;16" else picture.convert(mode), "TIFF")
    accepted = hand_in(image)
    assert finished(http, alice, accepted)["status"] == "completed"
    job = http.get(f"/api/v1/jobs/{accepted.json()['task_id']}", headers=alice.headers).json()
    assert job["original_format"] == "TIFF"


@pytest.mark.usefixtures("standing_still")
def test_a_task_that_waits_says_at_which_place(http: httpx.Client, alice: Account, hand_in: Any) -> None:
    urls = [hand_in().json()["status_url"] for _ in range(3)]
    waiting = [http.get(url, headers=alice.headers).json() for url in urls]
    waiting = [task for task in waiting if task["status"] == "queued"]
    places = [task["position"] for task in waiting]
    assert len(places) >= 1
    assert places == list(range(places[0], places[0] + len(places)))
    assert all(task["progress"] == 0 and task["result_url"] is None for task in waiting)


def test_a_task_that_failed_says_why(http: httpx.Client, alice: Account, hand_in: Any, photo: bytes) -> None:
    task = finished(http, alice, hand_in(photo[: len(photo) // 2]))
    assert task["status"] == "failed"
    assert task["code"] == "image_truncated"
    assert task["error"]
    assert task["result_url"] is None
    assert left_behind(alice)["used"] == 0


def test_a_canceled_task_has_failed(http: httpx.Client, worker: ChildProcess, alice: Account, hand_in: Any) -> None:
    with suspended(worker):
        task_id = hand_in().json()["task_id"]
        http.delete(f"/api/v1/jobs/{task_id}", headers=alice.headers)
    task = http.get(f"/api/v1/task/{task_id}", headers=alice.headers).json()
    assert (task["status"], task["code"]) == ("failed", "job_canceled")


def test_others_see_nothing(http: httpx.Client, alice: Account, charlie: Account, hand_in: Any) -> None:
    accepted = hand_in()
    url = accepted.json()["status_url"]
    assert_problem(http.get(url, headers=charlie.headers), 404, "job_not_found")
    assert_problem(http.get(url), 401, "key_missing")
    assert_problem(http.get(f"/api/v1/task/{uuid4()}", headers=alice.headers), 404, "job_not_found")
    finished(http, alice, accepted)


def test_a_link_works_as_it_is_or_not_at_all(http: httpx.Client, alice: Account, hand_in: Any) -> None:
    url = finished(http, alice, hand_in())["result_url"]
    stem, _, name = url.rpartition("/")
    assert_problem(http.get(f"{stem}/another.png"), 404, "not_found")
    assert_problem(http.get(f"{stem}x/{name}"), 404, "job_not_found")


WRONG: list[tuple[dict[str, str], str]] = [
    ({"output_format": "tga"}, "invalid_option"),
    ({"output_format": "png", "format": "png"}, "invalid_option"),
    ({"model": "nope"}, "unknown_model"),
    ({"foo": "1"}, "invalid_option"),
]


@pytest.mark.parametrize(("fields", "code"), WRONG)
def test_what_is_wrong_is_refused_and_leaves_nothing(
    hand_in: Any, alice: Account, fields: dict[str, str], code: str
) -> None:
    assert_problem(hand_in(**fields), 400, code)
    assert left_behind(alice) == NOTHING


def test_without_an_image(http: httpx.Client, alice: Account) -> None:
    assert_problem(http.post("/api/v1/remove", headers=alice.headers, files={"x": b"x"}), 400, "missing_image")


def test_no_path_of_a_link_stands_in_the_audit_log(http: httpx.Client, alice: Account, hand_in: Any) -> None:
    url = finished(http, alice, hand_in())["result_url"]
    http.get(url)
    assert audit_lines(alice)[-1].path == "/images/…"
