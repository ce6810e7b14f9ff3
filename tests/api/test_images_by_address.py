"""Images that a request names by their addresses, for both APIs, fetched from a server on this machine."""

import io
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from PIL import Image

from accounts.models import User
from config.local import programs
from config.local.processes import free_port, running, wait_until
from tests.api.conftest import NOTHING, assert_problem, audit_lines, left_behind
from tests.conftest import Account, NewAccount
from tests.origins import Origin, origin, redirecting, routed, sending
from tests.photographs import astronaut
from tests.servers import START_TIMEOUT_S

pytestmark = pytest.mark.usefixtures("worker")


def blank(width: int = 64, height: int = 64) -> bytes:
    image = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(image, "PNG")
    return image.getvalue()


@pytest.fixture(scope="module")
def images() -> Iterator[Origin]:
    """A server with images, next to the platform."""
    answers = routed(
        astronaut_jpg=sending(astronaut()),
        blank_png=sending(blank()),
        moved_jpg=redirecting("/astronaut.jpg"),
        page_html=sending(b"<!doctype html><p>No image."),
        inside_jpg=redirecting("http://169.254.169.254/latest/meta-data/"),
        large_png=sending(bytes(1_500_000)),
        wide_png=sending(blank(1_500, 1_000)),
    )
    with origin(answers) as server:
        yield server


@pytest.fixture(scope="module")
def web_that_fetches(images: Origin, web_port: int, log_dir: Path) -> Iterator[str]:
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "FETCH_ALLOWED_HOSTS": images.authority, "WEB_PROCESSES": "1"}
    with running(programs.web(environment, log_dir / "fetching")) as server:
        wait_until(lambda: programs.is_ok(port, "/healthz"), children=[server], timeout_s=START_TIMEOUT_S)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def http(web_that_fetches: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web_that_fetches, timeout=90) as client:
        yield client


def as_form(fields: dict[str, str]) -> dict[str, Any]:
    return {"files": {name: (None, value) for name, value in fields.items()}}


def as_urlencoded(fields: dict[str, str]) -> dict[str, Any]:
    return {"data": fields}


def as_json(fields: dict[str, str]) -> dict[str, Any]:
    return {"json": fields}


each_body = pytest.mark.parametrize("body", [as_form, as_urlencoded, as_json])


@each_body
def test_an_image_by_its_address(http: httpx.Client, alice: Account, images: Origin, photo: bytes, body: Any) -> None:
    headers = alice.headers | {"Prefer": "wait=60"}
    fields = {"image_url": f"{images.url}/astronaut.jpg", "model": "u2netp"}
    response = http.post("/api/v1/jobs", headers=headers, **body(fields))
    assert response.status_code == 200, response.text
    sent = http.post("/api/v1/jobs", headers=headers, files={"image": photo}, data={"model": "u2netp"})
    assert response.content == sent.content


def test_the_address_may_stand_in_the_query(http: httpx.Client, alice: Account, images: Origin) -> None:
    query = {"image_url": f"{images.url}/astronaut.jpg", "model": "u2netp"}
    assert http.post("/api/v1/jobs", params=query, headers=alice.headers, json={}).status_code == 202


def test_the_job_is_named_after_the_address(http: httpx.Client, alice: Account, images: Origin) -> None:
    body = {"image_url": f"{images.url}/moved.jpg?signature=secret"}
    assert http.post("/api/v1/jobs", headers=alice.headers, json=body).json()["filename"] == "moved.jpg"
    named = http.post("/api/v1/jobs", headers=alice.headers, json=body | {"filename": "mine.jpg"}).json()
    assert named["filename"] == "mine.jpg"


@each_body
def test_a_background_by_its_address(http: httpx.Client, alice: Account, images: Origin, body: Any) -> None:
    urls = {"image_url": f"{images.url}/astronaut.jpg", "background_url": f"{images.url}/blank.png"}
    response = http.post(
        "/api/v1/jobs", headers=alice.headers | {"Prefer": "wait=60"}, **body(urls | {"model": "u2netp"})
    )
    assert response.status_code == 200, response.text
    assert Image.open(io.BytesIO(response.content)).convert("RGBA").getpixel((505, 5)) == (255, 255, 255, 255)


def test_an_image_that_is_sent_on_a_background_that_is_fetched(
    http: httpx.Client, alice: Account, images: Origin, photo: bytes
) -> None:
    data = {"background_url": f"{images.url}/blank.png", "model": "u2netp"}
    assert http.post("/api/v1/jobs", headers=alice.headers, files={"image": photo}, data=data).status_code == 202


def test_empty_addresses_count_as_not_given(http: httpx.Client, alice: Account, photo: bytes) -> None:
    data = {"image_url": "", "background_url": "", "model": "u2netp"}
    assert http.post("/api/v1/jobs", headers=alice.headers, files={"image": photo}, data=data).status_code == 202
    body = {"image_url": None, "background_url": None}
    assert_problem(http.post("/api/v1/jobs", headers=alice.headers, json=body), 400, "missing_image")


def test_one_source_of_each(http: httpx.Client, alice: Account, images: Origin, photo: bytes) -> None:
    before = len(images.requests)
    image, background = {"image_url": f"{images.url}/blank.png"}, {"background_url": f"{images.url}/blank.png"}
    raw = alice.headers | {"Content-Type": "image/jpeg"}
    twice = [
        http.post("/api/v1/jobs", headers=alice.headers, files={"image": photo}, data=image),
        http.post("/api/v1/jobs", headers=alice.headers, json=image | {"image": "AAAA"}),
        http.post("/api/v1/jobs", headers=raw, params=image, content=photo),
        http.post("/api/v1/jobs", headers=alice.headers, files={"background_file": photo}, data=image | background),
    ]
    for response in twice:
        assert_problem(response, 400, "too_many_images")
    assert len(images.requests) == before
    assert left_behind(alice) == NOTHING


REFUSED = {
    "http://127.0.0.1/photo.jpg": (422, "fetch_failed"),
    "http://169.254.169.254/latest/meta-data/": (422, "fetch_failed"),
    "http://[::ffff:10.0.0.1]/": (422, "fetch_failed"),
    "http://nobody.invalid/photo.jpg": (422, "fetch_failed"),
    "http://localhost:5432/": (400, "url_refused"),
    "file:///etc/passwd": (400, "url_refused"),
    "photo.jpg": (400, "url_refused"),
    "http://user:password@example.com/photo.jpg": (400, "url_refused"),
    "http://example.com/\r\nX-Injected: 1": (400, "url_refused"),
    "\ud800": (400, "url_refused"),
    "{images}/missing.jpg": (422, "fetch_failed"),
    "{images}/inside.jpg": (422, "fetch_failed"),
    "{images}/page.html": (415, "not_an_image"),
}


@pytest.mark.parametrize("url", REFUSED)
@pytest.mark.parametrize("field", ["image_url", "background_url"])
def test_what_cannot_be_fetched(http: httpx.Client, alice: Account, images: Origin, url: str, field: str) -> None:
    status, code = REFUSED[url]
    body = {"image_url": f"{images.url}/blank.png"} | {field: url.replace("{images}", images.url)}
    headers = alice.headers | {"Content-Type": "application/json"}
    response = http.post("/api/v1/jobs", headers=headers, content=json.dumps(body))
    problem = assert_problem(response, status, code)
    assert code == "not_an_image" or problem["param"] == field
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize("value", [7, True, ["http://example.com/"], {"url": "http://example.com/"}])
def test_an_address_is_text(http: httpx.Client, alice: Account, value: object) -> None:
    body = {"image_url": value}
    assert_problem(http.post("/api/v1/jobs", headers=alice.headers, json=body), 400, "malformed_body")


def test_the_plan_bounds_what_is_fetched(http: httpx.Client, new_account: Any, images: Origin) -> None:
    account = new_account("Small", max_upload_mb=1, max_megapixels=1)
    for name, status, code in [("large.png", 413, "too_many_bytes"), ("wide.png", 422, "too_many_pixels")]:
        body = {"image_url": f"{images.url}/{name}"}
        assert_problem(http.post("/api/v1/jobs", headers=account.headers, json=body), status, code)
    assert left_behind(account) == NOTHING


def test_nothing_is_fetched_for_those_who_may_not_ask(
    http: httpx.Client, new_account: Any, victor: User, images: Origin
) -> None:
    before = len(images.requests)
    body = {"image_url": f"{images.url}/blank.png"}
    assert http.post("/api/v1/jobs", json=body).status_code == 401
    assert http.get("/api/remove", params={"url": body["image_url"]}).status_code == 401
    viewer = Client()
    viewer.force_login(victor, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert viewer.post("/api/v1/jobs", body, content_type="application/json").status_code == 403
    hasty = new_account("Hasty", requests_per_minute=1)
    http.get("/api/v1/jobs", headers=hasty.headers)
    assert http.post("/api/v1/jobs", headers=hasty.headers, json=body).status_code == 429
    assert http.get("/api/remove", headers=hasty.headers, params={"url": body["image_url"]}).status_code == 429
    assert len(images.requests) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "gif"},
        {"colour": "red"},
        {"model": "nope"},
        {"model": "birefnet-general"},
        {"filename": 7},
        {"background_file": "%%%"},
        {"background_image": True},
    ],
)
def test_nothing_is_fetched_when_something_else_is_wrong(
    http: httpx.Client, alice: Account, images: Origin, wrong: dict[str, object]
) -> None:
    before = len(images.requests)
    body = {"image_url": f"{images.url}/blank.png"} | wrong
    assert http.post("/api/v1/jobs", headers=alice.headers, json=body).status_code in (400, 409)
    assert len(images.requests) == before


def test_nothing_is_fetched_for_those_without_credits(
    http: httpx.Client, new_account: NewAccount, images: Origin
) -> None:
    before, account = len(images.requests), new_account("Broke", monthly_credits=0)
    body = {"image_url": f"{images.url}/blank.png"}
    assert_problem(http.post("/api/v1/jobs", headers=account.headers, json=body), 402, "insufficient_credits")
    assert len(images.requests) == before


def test_a_repeated_request_fetches_once(http: httpx.Client, alice: Account, images: Origin) -> None:
    before = len(images.requests)
    headers = alice.headers | {"Idempotency-Key": "once"}
    body = {"image_url": f"{images.url}/blank.png"}
    first, again = (http.post("/api/v1/jobs", headers=headers, json=body) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    assert len(images.requests) == before + 1
    for other in ({"image_url": f"{images.url}/astronaut.jpg"}, body | {"background_url": f"{images.url}/blank.png"}):
        assert_problem(http.post("/api/v1/jobs", headers=headers, json=other), 422, "idempotency_key_reused")


def test_the_key_stays_here(http: httpx.Client, alice: Account, images: Origin) -> None:
    http.post("/api/v1/jobs", headers=alice.headers, json={"image_url": f"{images.url}/blank.png"})
    assert alice.key not in images.requests[-1]


# rembg's clients


def removed(http: httpx.Client, account: Account, **query: str) -> httpx.Response:
    return http.get("/api/remove", headers=account.headers, params={"model": "u2netp"} | query)


def test_rembgs_get(http: httpx.Client, alice: Account, images: Origin, photo: bytes) -> None:
    response = removed(http, alice, url=f"{images.url}/astronaut.jpg", om="true")
    assert response.status_code == 200, response.text
    sent = http.post(
        "/api/remove", headers=alice.headers, files={"file": photo}, data={"om": "true", "model": "u2netp"}
    )
    assert response.content == sent.content
    assert left_behind(alice)["used"] == Decimal(2)


@each_body
def test_rembgs_post_with_an_address(http: httpx.Client, alice: Account, images: Origin, body: Any) -> None:
    fields = {"url": f"{images.url}/astronaut.jpg", "model": "u2netp"}
    response = http.post("/api/remove", headers=alice.headers, **body(fields))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"


def test_rembgs_errors(http: httpx.Client, alice: Account, images: Origin) -> None:
    answers = {
        "": (400, "missing_image"),
        "http://127.0.0.1:6379/": (400, "url_refused"),
        "http://10.0.0.1/": (422, "fetch_failed"),
        f"{images.url}/inside.jpg": (422, "fetch_failed"),
        f"{images.url}/page.html": (415, "not_an_image"),
    }
    for url, expected in answers.items():
        response = removed(http, alice, url=url)
        assert (response.status_code, response.json()["code"]) == expected
        assert response.json()["detail"] == response.json()["error"] != ""
    assert left_behind(alice) == NOTHING


def test_rembgs_get_is_audited_without_the_address(http: httpx.Client, alice: Account, images: Origin) -> None:
    removed(http, alice, url=f"{images.url}/blank.png?signature=secret")
    (line,) = audit_lines(alice)
    assert (line.method, line.path, line.status) == ("GET", "/api/remove", 200)
