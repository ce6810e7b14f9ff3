import base64
import io
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from processing.engine import providers
from tests.api.conftest import NOTHING, Post, assert_problem, audit_lines, left_behind, stored_files
from tests.conftest import Account
from tests.photographs import astronaut

pytestmark = pytest.mark.usefixtures("worker")


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def test_a_waiting_call_gets_the_cutout(post: Post, photo: bytes, alice: Account) -> None:
    response = post(photo, wait=60, model="u2net")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-credits-charged"] == "1"
    assert response.headers["preference-applied"] == "wait=60"
    cutout = opened(response.content)
    assert (cutout.mode, cutout.size) == ("RGBA", (512, 512))
    alpha = np.asarray(cutout.getchannel("A"))
    assert alpha[120, 220] > 250, "her face"
    assert alpha[20, 500] < 5, "the background"


def test_the_same_photograph_gives_the_same_bytes(post: Post, photo: bytes) -> None:
    assert post(photo, wait=60).content == post(photo, wait=60).content


def test_form_body_and_base64_give_the_same_bytes(post: Post, http: httpx.Client, alice: Account, photo: bytes) -> None:
    headers = alice.headers | {"Prefer": "wait=60"}
    raw = http.post("/api/v1/jobs?model=u2netp", headers=headers | {"Content-Type": "image/jpeg"}, content=photo)
    body = {"image": base64.b64encode(photo).decode(), "model": "u2netp"}
    encoded = http.post("/api/v1/jobs", headers=headers, json=body)
    assert post(photo, wait=60).content == raw.content == encoded.content


def test_a_chunked_body_is_taken(http: httpx.Client, alice: Account, photo: bytes) -> None:
    headers = alice.headers | {"Prefer": "wait=60", "Content-Type": "image/jpeg"}
    response = http.post("/api/v1/jobs?model=u2netp", headers=headers, content=iter([photo[:1000], photo[1000:]]))
    assert response.status_code == 200
    assert opened(response.content).size == (512, 512)


def test_a_data_uri_is_taken(http: httpx.Client, alice: Account, photo: bytes) -> None:
    uri = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    assert http.post("/api/v1/jobs", headers=alice.headers, json={"image": uri}).status_code == 202


def test_it_does_not_wait_unasked(post: Post, http: httpx.Client, photo: bytes, alice: Account) -> None:
    response = post(photo)
    assert response.status_code == 202
    job = response.json()
    assert job["state"] == "queued"
    assert response.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert http.get(response.headers["location"], headers=alice.headers).status_code == 200


def test_a_wait_that_is_too_short_ends_in_202(post: Post, photo: bytes, alice: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: post(photo, wait=1, model="u2net"), range(6)))
    assert 202 in {response.status_code for response in responses} <= {200, 202}
    assert all(
        response.json()["state"] in ("queued", "running") for response in responses if response.status_code == 202
    )


def test_json_is_answered_to_those_who_ask_for_it(http: httpx.Client, alice: Account, photo: bytes) -> None:
    headers = alice.headers | {"Prefer": "wait=60", "Accept": "application/json"}
    job = http.post("/api/v1/jobs", headers=headers, files={"image": photo}, data={"model": "u2netp"}).json()
    assert job["state"] == "succeeded"
    assert (job["provider"], job["precision"]) == (providers.named("auto")[0].name, "fp32")
    assert job["credits_charged"] == "1"
    assert {"decode", "inference", "encode"} <= job["timings_ms"].keys()
    assert http.get(job["result_url"]).headers["content-type"] == "image/png"
    assert http.get(job["thumbnail_url"]).headers["content-type"] == "image/webp"


def test_a_mask_is_grey(post: Post, photo: bytes) -> None:
    mask = opened(post(photo, wait=60, output="mask", model="u2netp").content)
    assert (mask.mode, mask.size) == ("L", (512, 512))


def test_an_image_without_foreground_says_so(post: Post) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(blank, "PNG")
    response = post(blank.getvalue(), wait=60)
    assert response.status_code == 200
    assert response.headers["x-foreground"] == "none"
    assert not np.asarray(opened(response.content).getchannel("A")).any()


def test_it_charges_one_credit(post: Post, photo: bytes, alice: Account) -> None:
    post(photo, wait=60)
    assert left_behind(alice)["used"] == Decimal(1)
    assert left_behind(alice)["entries"] == 2


def test_nothing_a_user_wrote_reaches_a_path(post: Post, photo: bytes, alice: Account) -> None:
    post(photo, wait=60, filename="../../etc/passwd\u202e.jpg")
    assert {file.partition("/")[2] for file in stored_files(alice)} == {"original", "result", "thumbnail"}


# Bad input: a clear answer, nothing charged, nothing left.


def broken_png() -> bytes:
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 60).save(whole, "PNG")
    return whole.getvalue()[:-2000]


BAD_IMAGES = {
    "text": (b"hello, this is no image", 415, "not_an_image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
    "pdf": (b"%PDF-1.7\n" + b"0" * 100, 415, "unsupported_format"),
    "truncated header": (astronaut()[:20], 422, None),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_it_refuses_what_is_no_image(post: Post, alice: Account, name: str) -> None:
    content, status, code = BAD_IMAGES[name]
    response = post(content)
    assert response.status_code == status, response.text
    assert code is None or response.json()["code"] == code
    assert left_behind(alice) == NOTHING


def test_an_image_cut_short_fails_with_its_credit_back(post: Post, alice: Account) -> None:
    response = post(astronaut()[:-9000], wait=60)
    assert_problem(response, 422, "image_truncated")
    assert left_behind(alice)["used"] == 0


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_a_job_that_fails_while_waited_for_answers_with_its_error(
    http: httpx.Client, alice: Account, accept: str
) -> None:
    headers = alice.headers | {"Prefer": "wait=60", "Accept": accept}
    response = http.post("/api/v1/jobs", headers=headers, files={"image": broken_png()})
    assert response.status_code == 422
    assert response.json()["code"] in ("image_truncated", "image_corrupt")


@pytest.mark.parametrize(
    "body",
    [
        {"files": {"other": b"x"}},
        {"files": {"image": b""}},
        {"json": {}},
        {"content": b"", "headers": {"Content-Type": "image/png"}},
    ],
)
def test_no_image(http: httpx.Client, alice: Account, body: dict[str, Any]) -> None:
    headers = alice.headers | body.get("headers", {})
    assert_problem(http.post("/api/v1/jobs", **body | {"headers": headers}), 400, "missing_image")
    assert left_behind(alice) == NOTHING


def test_two_images(http: httpx.Client, alice: Account, photo: bytes) -> None:
    files = [("image", ("a.jpg", photo)), ("image", ("b.jpg", photo))]
    assert_problem(http.post("/api/v1/jobs", headers=alice.headers, files=files), 400, "too_many_images")
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b'{"image": 7}'),
        ("application/json", b'{"image": "%%%"}'),
        ("application/json", b"[" * 50_000),
        ("application/json", b'{"image": "\xff\xfe"}'),
        ("multipart/form-data; boundary=x", b"no boundary in here"),
        ("multipart/form-data", b"--x"),
    ],
)
def test_a_body_that_cannot_be_read(http: httpx.Client, alice: Account, content_type: str, body: bytes) -> None:
    response = http.post("/api/v1/jobs", headers=alice.headers | {"Content-Type": content_type}, content=body)
    assert response.status_code == 400
    assert response.json()["code"] in ("malformed_body", "missing_image")
    assert left_behind(alice) == NOTHING


def test_a_body_of_another_type(http: httpx.Client, alice: Account, photo: bytes) -> None:
    headers = alice.headers | {"Content-Type": "application/pdf"}
    assert_problem(http.post("/api/v1/jobs", headers=headers, content=photo), 415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["", "; charset=latin-1"])
@pytest.mark.parametrize("size", [100, 400_000])
def test_a_photograph_in_place_of_a_form(
    http: httpx.Client, alice: Account, photo: bytes, charset: str, size: int
) -> None:
    """What curl sends when it is not told the type."""
    headers = alice.headers | {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    response = http.post("/api/v1/jobs", headers=headers, content=(photo * 20)[:size])
    assert response.status_code == 400
    assert response.json()["code"] in ("malformed_body", "missing_image")


def test_an_unknown_model_names_the_known_ones(post: Post, photo: bytes, alice: Account) -> None:
    problem = assert_problem(post(photo, model="u3net"), 400, "unknown_model")
    assert "isnet-general-use" in problem["detail"]
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [("output", "video", "cutout, mask"), ("format", "gif", "png"), ("colour", "red", "model, tier, output, format")],
)
def test_an_unknown_option_names_the_allowed_ones(
    post: Post, photo: bytes, alice: Account, field: str, value: str, named: str
) -> None:
    assert named in assert_problem(post(photo, **{field: value}), 400, "invalid_option")["detail"]
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize("value", [{"a": 1}, [1], 7, True])
def test_an_option_of_a_strange_type(http: httpx.Client, alice: Account, photo: bytes, value: object) -> None:
    for name in ("model", "output", "format"):
        body = json.dumps({"image": base64.b64encode(photo).decode(), name: value})
        headers = alice.headers | {"Content-Type": "application/json"}
        assert http.post("/api/v1/jobs", headers=headers, content=body).status_code == 400
    assert left_behind(alice) == NOTHING


def test_a_model_that_is_not_installed(post: Post, photo: bytes, alice: Account) -> None:
    assert_problem(post(photo, wait=10, model="birefnet-general"), 409, "model_not_installed")
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize("wait", ["wait=soon", "wait=-1", "wait"])
def test_a_wait_that_is_no_number(http: httpx.Client, alice: Account, photo: bytes, wait: str) -> None:
    response = http.post("/api/v1/jobs", headers=alice.headers | {"Prefer": wait}, files={"image": photo})
    assert_problem(response, 400, "invalid_parameter")


def test_other_preferences_are_ignored(http: httpx.Client, alice: Account, photo: bytes) -> None:
    headers = alice.headers | {"Prefer": "respond-async, handling=strict"}
    assert http.post("/api/v1/jobs", headers=headers, files={"image": photo}).status_code == 202


def test_each_request_is_audited(post: Post, http: httpx.Client, photo: bytes, alice: Account) -> None:
    post(photo, wait=60)
    post(b"no image")
    done, refused = audit_lines(alice)
    assert (done.method, done.path, done.status, done.model, done.pixels) == (
        "POST",
        "/api/v1/jobs",
        200,
        "u2netp",
        512 * 512,
    )
    assert done.bytes_in > len(photo)
    assert done.bytes_out > 10_000
    assert done.duration_ms > 0
    assert done.ip == "127.0.0.1"
    assert done.user_agent.startswith("python-httpx")
    assert done.api_key_prefix == alice.key[:17]
    assert done.job_id is not None
    assert (refused.status, refused.error_code, refused.job_id) == (415, "not_an_image", None)


@pytest.mark.parametrize("filename", ["a\0b.jpg", "\ud800.jpg", "x" * 10_000 + ".jpg", "\u202egpj.exe"])
def test_a_strange_file_name_is_kept_harmless(http: httpx.Client, alice: Account, photo: bytes, filename: str) -> None:
    body = json.dumps({"image": base64.b64encode(photo).decode(), "filename": filename})
    response = http.post("/api/v1/jobs", headers=alice.headers | {"Content-Type": "application/json"}, content=body)
    assert response.status_code == 202
    assert response.json()["filename"].isprintable()
    assert len(response.json()["filename"]) <= 255


def raw(web: str, request_line: str, headers: dict[str, str], body: bytes = b"") -> str:
    """What the server answers to bytes that no proper client would send."""
    host, _, port = web.removeprefix("http://").partition(":")
    headers = {"Host": host, "Connection": "close"} | headers
    lines = [f"{request_line} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(partial(connection.recv, 65_536), b"")).decode()


def test_a_body_that_breaks_off_is_refused(web: str, alice: Account, photo: bytes) -> None:
    for content_type in ("image/jpeg", "application/x-www-form-urlencoded"):
        headers = alice.headers | {"Content-Type": content_type, "Content-Length": str(len(photo))}
        answer = raw(web, "POST /api/v1/jobs", headers, photo[:5_000])
        assert answer.startswith("HTTP/1.1 400")
        assert "malformed_body" in answer
    assert left_behind(alice) == NOTHING


def test_a_model_that_is_not_installed_is_refused_without_waiting_too(post: Post, photo: bytes, alice: Account) -> None:
    problem = assert_problem(post(photo, model="silueta"), 409, "model_not_installed")
    assert "u2netp" in problem["detail"]
    assert left_behind(alice) == NOTHING


TRICKS = [("GET", {"Content-Length": "9" * 20}), ("GET", {"Content-Length": str(2**63)}), ("A" * 15, {})]


@pytest.mark.parametrize(("method", "headers"), TRICKS)
def test_no_trick_keeps_a_request_out_of_the_audit_log(
    web: str, alice: Account, method: str, headers: dict[str, str]
) -> None:
    raw(web, f"{method} /api/v1/jobs", alice.headers | headers | {"X-Request-ID": "trick"})
    assert [line.request_id for line in audit_lines(alice)] == ["trick"]


@pytest.mark.parametrize("filename", [7, ["a.jpg"], {"name": "a.jpg"}, True])
def test_a_file_name_is_text(http: httpx.Client, alice: Account, photo: bytes, filename: object) -> None:
    body = {"image": base64.b64encode(photo).decode(), "filename": filename}
    assert_problem(http.post("/api/v1/jobs", headers=alice.headers, json=body), 400, "malformed_body")


def test_a_long_unknown_option_is_not_sent_back_whole(http: httpx.Client, alice: Account, photo: bytes) -> None:
    body = {"image": base64.b64encode(photo).decode(), "x" * 100_000: "1"}
    response = http.post("/api/v1/jobs", headers=alice.headers, json=body)
    assert_problem(response, 400, "invalid_option")
    assert len(response.content) < 2_000


@pytest.mark.parametrize("accept", ["text/html", "application/xml, video/*;q=0.5"])
def test_what_cannot_be_accepted_costs_nothing(http: httpx.Client, alice: Account, photo: bytes, accept: str) -> None:
    headers = alice.headers | {"Accept": accept}
    assert_problem(http.post("/api/v1/jobs", headers=headers, files={"image": photo}), 406, "not_acceptable")
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize("accept", ["", "*/*", "image/*", "text/html, application/json;q=0.1", "IMAGE/PNG"])
def test_what_can_be_accepted(http: httpx.Client, alice: Account, photo: bytes, accept: str) -> None:
    headers = alice.headers | {"Accept": accept}
    assert http.post("/api/v1/jobs", headers=headers, files={"image": photo}).status_code == 202


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "image/png"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/jsonp, */*", "image/png"),
        ("image/png, application/json;q=0.1", "image/png"),
        ("image/png;q=0.1, application/json", "application/json"),
    ],
)
@pytest.mark.usefixtures("worker")
def test_what_is_preferred(http: httpx.Client, alice: Account, photo: bytes, accept: str, given: str) -> None:
    headers = alice.headers | {"Accept": accept, "Prefer": "wait=60"}
    answer = http.post("/api/v1/jobs?model=u2netp", headers=headers, files={"image": photo})
    assert (answer.status_code, answer.headers["content-type"]) == (200, given)
