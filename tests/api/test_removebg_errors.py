"""What is refused at /v1.0/: always `{"errors": [{"title", "code", "detail"}]}`, never at a cost."""

import base64
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from api.compat.removebg_errors import TRANSLATIONS
from api.compat.removebg_parameters import READERS
from config.local import programs
from config.local.processes import free_port, running, wait_until
from tests.api.conftest import NOTHING, audit_lines, left_behind
from tests.api.test_plan_limits import png_header
from tests.conftest import Account
from tests.origins import Origin, origin, routed, sending
from tests.photographs import astronaut, encoded
from tests.servers import START_TIMEOUT_S
from tests.test_docs import DOCS, names, rows, section

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def images() -> Iterator[Origin]:
    with origin(routed(page_html=sending(b"<!doctype html><p>No image."))) as server:
        yield server


@pytest.fixture(scope="module")
def web_that_fetches(images: Origin, web_port: int, log_dir: Path) -> Iterator[str]:
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "FETCH_ALLOWED_HOSTS": images.authority, "WEB_PROCESSES": "1"}
    with running(programs.web(environment, log_dir / "removebg-errors")) as server:
        wait_until(lambda: programs.is_ok(port, "/healthz"), children=[server], timeout_s=START_TIMEOUT_S)
        yield f"http://127.0.0.1:{port}"


IMAGE = {"image_file": astronaut(64, 64)}


def assert_refused(response: httpx.Response, status: int, code: str) -> dict[str, str]:
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"errors"}
    (error,) = body["errors"]
    assert (response.status_code, error["code"]) == (status, code), response.text
    assert error.keys() == {"title", "code", "detail"}
    assert error["title"]
    assert error["detail"]
    found: dict[str, str] = error
    return found


def gif_of(width: int, height: int) -> bytes:
    image = io.BytesIO()
    Image.new("L", (width, height)).save(image, "GIF")
    return image.getvalue()


# The fields that are sent, and the code that they are refused with.
PARAMETERS = [
    ({"size": "huge"}, "invalid_size"),
    ({"type": "planet"}, "invalid_type"),
    ({"type_level": "3"}, "invalid_type_level"),
    ({"format": "tga"}, "invalid_format"),
    ({"format": "zip", "channels": "alpha"}, "invalid_channels"),
    ({"roi": "0 0"}, "invalid_roi"),
    ({"roi": "a b c d"}, "invalid_roi"),
    ({"roi": "0 0 100 65"}, "roi_exceeds_bounds"),
    ({"roi": "0% 0% 101% 100%"}, "roi_exceeds_bounds"),
    ({"roi": "10 10 10 20"}, "roi_region_empty"),
    ({"crop": "perhaps"}, "invalid_crop"),
    ({"crop": "true", "crop_margin": "51%"}, "invalid_crop_margin"),
    ({"crop": "true", "crop_margin": "501px"}, "invalid_crop_margin"),
    ({"crop": "true", "crop_margin": "1 2 3"}, "invalid_crop_margin"),
    ({"crop": "true", "crop_margin": "-1px"}, "invalid_crop_margin"),
    ({"scale": "9%"}, "invalid_scale"),
    ({"scale": "101%"}, "invalid_scale"),
    ({"scale": "50px"}, "invalid_scale"),
    ({"position": "top"}, "invalid_position"),
    ({"position": "10% 20% 30%"}, "invalid_position"),
    ({"channels": "rgb"}, "invalid_channels"),
    ({"shadow_type": "sun"}, "invalid_shadow_type"),
    ({"shadow_type[car]": "sun"}, "invalid_shadow_type"),
    ({"shadow_type[planet]": "car"}, "invalid_shadow_type"),
    ({"shadow_opacity": "101"}, "invalid_shadow_opacity"),
    ({"shadow_opacity[car]": "x"}, "invalid_shadow_opacity"),
    ({"add_shadow": "x"}, "invalid_add_shadow"),
    ({"semitransparency": "x"}, "invalid_semitransparency"),
    ({"bg_color": "fffff"}, "invalid_bg_color"),
    ({"bg_color": "no colour"}, "invalid_bg_color"),
    ({"bg_color": "9" * 5_000}, "invalid_bg_color"),
    ({"model": "nope"}, "unknown_model"),
    ({"bg_color": "red", "bg_image_url": "http://example.com/x.png"}, "multiple_bg_sources"),
    ({"image_url": "http://example.com/x.png"}, "multiple_sources"),
    ({"image_file_b64": "AAAA"}, "multiple_sources"),
]


@pytest.mark.parametrize(("fields", "code"), PARAMETERS, ids=lambda value: str(value)[:60])
def test_a_wrong_parameter(http: httpx.Client, alice: Account, fields: dict[str, str], code: str) -> None:
    response = http.post("/v1.0/removebg", headers=alice.headers, files=IMAGE, data=fields)
    assert_refused(response, 400, code)
    assert left_behind(alice) == NOTHING


def test_their_own_names_stand_in_the_details(http: httpx.Client, alice: Account) -> None:
    response = http.post("/v1.0/removebg", headers=alice.headers, files=IMAGE, data={"bg_color": "x"})
    assert response.json()["errors"][0]["detail"].startswith("bg_color must be")


SOURCES: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {}, "missing_source"),
    ("an empty file", {"files": {"image_file": b""}}, "missing_source"),
    ("a file as JSON", {"json": {"image_file": "x"}}, "missing_source"),
    ("a file as a form's text", {"data": {"image_file": "x"}}, "missing_source"),
    ("two files", {"files": [("image_file", astronaut(64, 64)), ("image_file", b"x")]}, "multiple_sources"),
    ("no base64", {"data": {"image_file_b64": "?"}}, "failed_to_read_image"),
    ("base64 of nothing", {"json": {"image_file_b64": "===="}}, "failed_to_read_image"),
    ("no text", {"json": {"image_file_b64": ["x"]}}, "failed_to_read_image"),
    ("no image", {"files": {"image_file": b"hello"}}, "failed_to_read_image"),
    ("a broken image", {"files": {"image_file": astronaut()[:200]}}, "failed_to_read_image"),
    ("a PDF", {"files": {"image_file": b"%PDF-1.7 " + bytes(100)}}, "invalid_file_type"),
    ("too many pixels", {"files": {"image_file": png_header(10_000, 10_000)}}, "resolution_too_high"),
    ("a thread", {"files": {"image_file": gif_of(40_000, 1)}}, "invalid_dimensions"),
    ("a broken background", {"files": {**IMAGE, "bg_image_file": b"hello"}}, "failed_to_read_image"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES])
def test_a_wrong_image(http: httpx.Client, alice: Account, body: dict[str, Any], code: str) -> None:
    empty: dict[str, Any] = {} if body else {"data": {"size": "auto"}}
    assert_refused(http.post("/v1.0/removebg", headers=alice.headers, **body, **empty), 400, code)
    assert left_behind(alice) == NOTHING


def test_an_image_without_a_foreground(http: httpx.Client, alice: Account) -> None:
    files = {"image_file": encoded(Image.new("RGB", (200, 150), "white"))}
    response = http.post("/v1.0/removebg", headers=alice.headers, files=files, data={"model": "u2netp"})
    assert_refused(response, 400, "unknown_foreground")
    assert left_behind(alice)["used"] == 0


def test_damage_that_only_a_worker_sees_costs_nothing_either(http: httpx.Client, alice: Account, photo: bytes) -> None:
    files = {"image_file": photo[: len(photo) // 2]}
    assert_refused(http.post("/v1.0/removebg", headers=alice.headers, files=files), 400, "failed_to_read_image")
    assert left_behind(alice)["used"] == 0


@pytest.mark.parametrize("path", ["/v1.0/removebg", "/v1.0/account", "/v1.0/improve"])
def test_without_a_key_or_with_a_wrong_one(http: httpx.Client, alice: Account, path: str) -> None:
    method = "GET" if path.endswith("account") else "POST"
    missing = assert_refused(http.request(method, path), 403, "auth_failed")
    assert missing["title"] == "Missing API Key"
    for key in ("", "nonsense", alice.key[:-1] + "x"):
        response = http.request(method, path, headers={"X-Api-Key": key})
        error = assert_refused(response, 403, "auth_failed")
        assert error["title"] in ("API Key invalid", "Missing API Key")
        assert "www-authenticate" not in response.headers


def test_the_audit_log_has_our_own_code(http: httpx.Client, alice: Account) -> None:
    http.post("/v1.0/removebg", headers=alice.headers, files=IMAGE, data={"size": "huge"})
    (line,) = audit_lines(alice)
    assert (line.path, line.status, line.error_code) == ("/v1.0/removebg", 400, "invalid_option")


def test_no_credits(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Broke", monthly_credits=0)
    for size in ("preview", "full", "auto"):
        response = http.post("/v1.0/removebg", headers=account.headers, files=IMAGE, data={"size": size})
        assert_refused(response, 402, "insufficient_credits")
    assert left_behind(account) == NOTHING


def test_too_fast_says_how_long_to_wait(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Fast", requests_per_minute=2)
    answers = [http.get("/v1.0/account", headers=account.headers) for _ in range(3)]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers[:2]] == ["1", "0"]
    for path, method in (("/v1.0/account", "GET"), ("/v1.0/removebg", "POST"), ("/v1.0/improve", "POST")):
        response = http.request(method, path, headers=account.headers)
        assert_refused(response, 429, "rate_limit_exceeded")
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert response.headers["x-ratelimit-limit"] == "2"


def test_more_than_the_plan_allows(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Light", max_upload_mb=1)
    large = bytes(1_100_000)
    bodies: list[dict[str, Any]] = [
        {"files": {"image_file": large}},
        {"files": {"image_file": bytes(30_000_000)}},
        {"data": {"image_file_b64": base64.b64encode(large).decode()}},
        {"json": {"image_file_b64": base64.b64encode(large).decode()}},
        {"files": {**IMAGE, "bg_image_file": large}},
    ]
    for body in bodies:
        response = http.post("/v1.0/removebg", headers=account.headers, **body)
        assert_refused(response, 400, "file_too_large")
    assert left_behind(account) == NOTHING


def test_addresses_that_are_not_there(http: httpx.Client, alice: Account) -> None:
    for path in ("/v1.0/", "/v1.0/nothing", "/v1.0/removebg/", "/v1.0/account/x"):
        assert_refused(http.get(path, headers=alice.headers), 404, "not_found")
        assert_refused(http.post(path, headers=alice.headers), 404, "not_found")


def test_other_methods(http: httpx.Client, alice: Account) -> None:
    for path, method, allowed in (("removebg", "GET", "POST"), ("account", "POST", "GET"), ("improve", "PUT", "POST")):
        response = http.request(method, f"/v1.0/{path}", headers=alice.headers)
        assert_refused(response, 405, "method_not_allowed")
        assert response.headers["allow"] == allowed


NOT_UTF_8 = b'--x\r\nContent-Disposition: form-data; name="size"\r\n\r\n\xff\r\n--x--\r\n'
BROKEN = [
    ("multipart/form-data", b"\0\xff", 400),
    ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
    ("multipart/form-data; boundary=x", NOT_UTF_8, 400),
    ("multipart/form-data; boundary=" + "x" * 5_000, b"", 400),
    ("application/json", b"\0\xff", 400),
    ("application/json", b"[]", 400),
    ("application/json", b"[" * 100_000, 400),
    ("application/x-www-form-urlencoded", b"\xff", 400),
    ("application/x-www-form-urlencoded", b"a&" * 1_000, 400),
    ("text/plain", b"x", 415),
    ("image/png", b"x", 415),
    ("", b"x", 415),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "body", "status"), BROKEN)
def test_a_broken_body(http: httpx.Client, alice: Account, content_type: str, body: bytes, status: int) -> None:
    response = http.post("/v1.0/removebg", headers=alice.headers | {"Content-Type": content_type}, content=body)
    code = "unsupported_media_type" if status == 415 else response.json()["errors"][0]["code"]
    assert code in ("unsupported_media_type", "malformed_body", "missing_source")
    assert_refused(response, status, code)
    assert left_behind(alice) == NOTHING


ADDRESSES = [
    ({"image_url": "ftp://example.com/x.png"}, "invalid_image_url"),
    ({"image_url": "not an address"}, "invalid_image_url"),
    ({"image_url": "http://name:word@example.com/x.png"}, "invalid_image_url"),
    ({"bg_image_url": "//example.com/x.png"}, "invalid_bg_image_url"),
    ({"image_url": "http://127.0.0.1/x.png"}, "failed_image_download"),
    ({"image_url": "http://169.254.169.254/latest/meta-data/"}, "failed_image_download"),
    ({"bg_image_url": "http://[::1]/x.png"}, "failed_bg_download"),
    ({"image_url": "{images}/nothing.jpg"}, "failed_image_download"),
    ({"bg_image_url": "{images}/nothing.jpg"}, "failed_bg_download"),
    ({"image_url": "{images}/page.html"}, "failed_to_read_image"),
]


@pytest.mark.parametrize(("fields", "code"), ADDRESSES)
def test_an_address_that_gives_no_image(
    web_that_fetches: str, images: Origin, alice: Account, fields: dict[str, str], code: str
) -> None:
    fields = {name: value.replace("{images}", images.url) for name, value in fields.items()}
    files = IMAGE if "bg_image_url" in fields else None
    response = httpx.post(
        f"{web_that_fetches}/v1.0/removebg", headers=alice.headers, files=files, data=fields, timeout=60
    )
    assert_refused(response, 400, code)
    assert left_behind(alice) == NOTHING


def test_every_code_of_theirs_is_documented_and_can_be_met() -> None:
    documented = set(names(row[1] for row in rows(section(DOCS / "migrate-from-removebg.md", "## Errors"))))
    tested = {code for table in (PARAMETERS, SOURCES, ADDRESSES) for *_, code in table}
    translated = {theirs.code for theirs in TRANSLATIONS.values()}
    others = {f"invalid_{name}" for name in READERS} | {"unknown_model"}
    assert (tested | translated) - documented <= others
    assert documented - {"invalid_"} <= tested | translated
