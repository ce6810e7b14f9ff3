"""POST /api/remove, as rembg's clients use it; GET is in test_images_by_address.py."""

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.api.conftest import NOTHING, audit_lines, left_behind
from tests.conftest import Account

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def remove(http: httpx.Client, alice: Account, photo: bytes) -> Any:
    def send(*, query: str = "", **fields: str) -> httpx.Response:
        return http.post(
            f"/api/remove?{query}", headers=alice.headers, files={"file": photo}, data={"model": "u2netp"} | fields
        )

    return send


def opened(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(response.content))


def test_it_removes_the_background(remove: Any) -> None:
    assert opened(remove()).mode == "RGBA"


def test_it_gives_the_bytes_of_the_native_api(remove: Any, http: httpx.Client, alice: Account, photo: bytes) -> None:
    native = http.post(
        "/api/v1/jobs",
        headers=alice.headers | {"Prefer": "wait=60"},
        files={"image": photo},
        data={"model": "u2netp", "edges": "raw"},
    )
    assert remove().content == native.content


@pytest.mark.parametrize("name", ["om", "return_mask"])
@pytest.mark.parametrize("place", ["query", "form"])
def test_only_the_mask(remove: Any, name: str, place: str) -> None:
    response = remove(query=f"{name}=true") if place == "query" else remove(**{name: "true"})
    assert opened(response).mode == "L"


def test_a_post_processed_mask_is_black_and_white(remove: Any) -> None:
    mask = opened(remove(om="true", ppm="true"))
    assert {value for _, value in mask.getcolors() or []} == {0, 255}


def test_a_background_colour(remove: Any) -> None:
    corner = opened(remove(query="bgc=255,0,0,255")).convert("RGBA").getpixel((505, 5))
    assert corner == (255, 0, 0, 255)


def test_alpha_matting(remove: Any) -> None:
    assert opened(remove(a="true", af="240", ab="10", ae="10")).size == (512, 512)


def test_empty_parameters_mean_not_given(remove: Any) -> None:
    assert opened(remove(om="", bgc="", extras="")).mode == "RGBA"


WRONG = [
    {"vm": "x"},
    {"model": "nope"},
    {"bgc": "no colour"},
    {"bgc": "9" * 5_000 + ",0,0,0"},
    {"af": "999"},
    {"ae": "9" * 5_000},
    {"foo": "1"},
    {"om": "maybe"},
]


@pytest.mark.parametrize("fields", WRONG)
def test_a_wrong_parameter_is_a_clear_400(remove: Any, alice: Account, fields: dict[str, str]) -> None:
    response = remove(**fields)
    assert response.status_code == 400
    body = response.json()
    assert body["detail"] == body["error"] != ""
    assert left_behind(alice) == NOTHING


def test_without_a_key_or_a_file(http: httpx.Client, alice: Account) -> None:
    assert http.post("/api/remove", files={"file": b"x"}).status_code == 401
    response = http.post("/api/remove", headers=alice.headers, files={"image": b"x"})
    assert response.status_code == 400
    assert response.json()["code"] == "missing_image"


def test_it_is_audited(remove: Any, alice: Account) -> None:
    remove()
    (line,) = audit_lines(alice)
    assert (line.path, line.status, line.model) == ("/api/remove", 200, "u2netp")


def test_an_unexpected_body_is_no_server_error(http: httpx.Client, alice: Account) -> None:
    for content_type in ("multipart/form-data", "application/json", "text/plain"):
        response = http.post("/api/remove", headers=alice.headers | {"Content-Type": content_type}, content=b"\0\xff")
        assert 400 <= response.status_code < 500
        assert response.json()["error"]


def test_another_method_is_refused_in_the_same_shape(http: httpx.Client, alice: Account) -> None:
    response = http.put("/api/remove", headers=alice.headers)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert response.json()["error"]


@pytest.mark.parametrize("value", [5, True, {"r": 1}, [1, 2], [1, 2, 3, "x"]])
def test_a_background_of_a_strange_type_is_a_clear_400(
    http: httpx.Client, alice: Account, photo: bytes, value: object
) -> None:
    body = {"file": base64.b64encode(photo).decode(), "bgc": value}
    response = http.post("/api/remove", headers=alice.headers, json=body)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_option"
