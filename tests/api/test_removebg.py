"""POST /v1.0/removebg and GET /v1.0/account, as clients of remove.bg use them."""

import base64
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import httpx
import pytest
from PIL import Image

from accounts.models import UsageEntry
from api.compat.removebg_parameters import READERS
from api.compat.removebg_sources import BACKGROUND_SOURCES, IMAGE_SOURCES
from processing.models import Job
from tests.api.conftest import audit_lines, left_behind
from tests.conftest import Account
from tests.photographs import astronaut
from tests.test_docs import DOCS, names, rows, section

pytestmark = pytest.mark.usefixtures("worker")

type Remove = Callable[..., httpx.Response]

PREVIEW = {"max_pixels": "250000"}
CORAL = (255, 127, 80, 255)


@pytest.fixture
def remove(http: httpx.Client, alice: Account, photo: bytes) -> Remove:
    def send(
        files: dict[str, Any] | None = None, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        return http.post(
            "/v1.0/removebg",
            headers=alice.headers | (headers or {}),
            files=files or {"image_file": photo},
            data={"model": "u2netp"} | fields,
        )

    return send


@pytest.fixture
def native(http: httpx.Client, alice: Account, photo: bytes) -> Remove:
    """The same photograph through our own API."""

    def send(files: dict[str, bytes] | None = None, **options: str) -> httpx.Response:
        return http.post(
            "/api/v1/jobs",
            headers=alice.headers | {"Prefer": "wait=60"},
            files={"image": photo} | (files or {}),
            data={"model": "u2netp", "format": "auto"} | PREVIEW | options,
        )

    return send


def opened(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


# Their parameters → the options of ours that give the same bytes.
SAME: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {}),
    ({"size": "preview"}, {}),
    ({"size": "small"}, {}),
    ({"size": "regular"}, {}),
    ({"size": "medium"}, {"max_pixels": "1500000"}),
    ({"size": "hd"}, {"max_pixels": "4000000"}),
    ({"size": "full"}, {"max_pixels": "25000000"}),
    ({"size": "4k"}, {"max_pixels": "25000000"}),
    ({"size": "50MP"}, {"max_pixels": "50000000"}),
    ({"size": "auto"}, {"max_pixels": "25000000"}),
    ({"type": "auto"}, {}),
    ({"type": "person"}, {}),
    ({"type": "car", "type_level": "2"}, {}),
    ({"format": "auto"}, {}),
    ({"format": "png"}, {"format": "png"}),
    ({"format": "jpg"}, {"format": "jpeg"}),
    ({"format": "webp"}, {"format": "webp"}),
    ({"format": "zip"}, {"format": "zip"}),
    ({"roi": "0% 0% 100% 100%"}, {}),
    ({"roi": "0 0 100% 300px"}, {"roi": "0px 0px 100% 300px"}),
    ({"crop": "true"}, {"crop": "true"}),
    ({"crop": "false", "crop_margin": "0"}, {}),
    ({"crop": "true", "crop_margin": "10px"}, {"crop": "true", "crop_margin": "10px"}),
    ({"crop": "true", "crop_margin": "10% 5px"}, {"crop": "true", "crop_margin": "10% 5px"}),
    ({"crop": "true", "crop_margin": "1px 2px 3% 4%"}, {"crop": "true", "crop_margin": "1px 2px 3% 4%"}),
    ({"scale": "50%"}, {"scale": "50%", "position": "center"}),
    ({"scale": "original"}, {}),
    ({"scale": "40%", "position": "0% 100%"}, {"scale": "40%", "position": "0% 100%"}),
    ({"position": "original"}, {}),
    ({"position": "center"}, {"position": "50% 50%"}),
    ({"position": "20%"}, {"position": "20% 20%"}),
    ({"channels": "rgba"}, {}),
    ({"channels": "alpha"}, {"output": "mask"}),
    ({"shadow_type": "none"}, {}),
    ({"shadow_type": "drop"}, {"shadow": "drop"}),
    ({"shadow_type": "3D"}, {"shadow": "contact"}),
    ({"shadow_type": "car"}, {"shadow": "contact"}),
    ({"shadow_type": "auto"}, {"shadow": "drop"}),
    ({"shadow_type": "auto", "type": "product"}, {"shadow": "contact"}),
    ({"shadow_type": "drop", "shadow_opacity": "20"}, {"shadow": "drop", "shadow_opacity": "20"}),
    ({"shadow_type": "drop", "shadow_opacity": "auto"}, {"shadow": "drop"}),
    ({"shadow_type": "car", "type": "car"}, {"shadow": "contact", "shadow_opacity": "90"}),
    ({"shadow_type[car]": "car", "type": "car"}, {"shadow": "contact", "shadow_opacity": "90"}),
    ({"shadow_type[car]": "car", "shadow_type": "drop", "type": "animal"}, {"shadow": "drop"}),
    (
        {"shadow_type": "drop", "type": "person", "shadow_opacity[person]": "10", "shadow_opacity": "70"},
        {"shadow": "drop", "shadow_opacity": "10"},
    ),
    ({"add_shadow": "true", "type": "car"}, {"shadow": "contact", "shadow_opacity": "90"}),
    ({"add_shadow": "true", "type": "person"}, {}),
    ({"semitransparency": "true"}, {}),
    ({"semitransparency": "false"}, {}),
    ({"bg_color": "ff7f50"}, {"background": "#ff7f50"}),
    ({"bg_color": "#f75"}, {"background": "#ff7755"}),
    ({"bg_color": "f758"}, {"background": "#ff775588"}),
    ({"bg_color": "ff7f5080"}, {"background": "#ff7f5080"}),
    ({"bg_color": "coral"}, {"background": "#ff7f50"}),
    ({"a_parameter_of_tomorrow": "x"}, {}),
]


@pytest.mark.parametrize(("theirs", "ours"), SAME, ids=lambda fields: " ".join(f"{k}={v}" for k, v in fields.items()))
def test_a_parameter_is_an_option_of_ours(
    remove: Remove, native: Remove, theirs: dict[str, str], ours: dict[str, str]
) -> None:
    response, expected = remove(**theirs), native(**ours)
    assert response.status_code == expected.status_code == 200, response.text
    assert response.headers["content-type"] == expected.headers["content-type"]
    assert response.content == expected.content


def test_all_fields_empty_are_as_none(remove: Remove, native: Remove) -> None:
    names = (
        "image_file_b64 image_url size type type_level format roi crop crop_margin scale position channels add_shadow "
        "shadow_type shadow_opacity semitransparency bg_color bg_image_url"
    )
    assert remove(**dict.fromkeys(names.split(), "")).content == native().content


def test_a_background_image_fills_the_canvas(remove: Remove, native: Remove, photo: bytes) -> None:
    background = astronaut(64, 32)
    response = remove({"image_file": photo, "bg_image_file": background})
    expected = native({"background_file": background})
    assert response.headers["content-type"] == "image/jpeg"  # format=auto, and nothing is transparent
    assert response.content == expected.content


def test_auto_is_a_jpeg_where_nothing_is_transparent(remove: Remove) -> None:
    assert remove(bg_color="coral").headers["content-type"] == "image/jpeg"
    assert remove(bg_color="ff7f5080").headers["content-type"] == "image/png"


@pytest.mark.parametrize(("size", "pixels"), [("preview", 250_000), ("full", 512 * 512)])
def test_a_size_bounds_the_result(remove: Remove, size: str, pixels: int) -> None:
    response = remove(size=size)
    width, height = opened(response).size
    assert pixels * 0.98 < width * height <= pixels
    assert (response.headers["x-width"], response.headers["x-height"]) == (str(width), str(height))


def test_a_zip_holds_colours_and_alpha(remove: Remove) -> None:
    response = remove(format="zip")
    assert response.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(response.content)) as folder:
        assert folder.namelist() == ["color.jpg", "alpha.png"]
        assert {entry.compress_type for entry in folder.infolist()} == {ZIP_STORED}
        assert Image.open(folder.open("color.jpg")).mode == "RGB"
        assert Image.open(folder.open("alpha.png")).mode == "L"


CREDITS = [
    *((size, "0.25") for size in ("preview", "small", "regular")),
    *((size, "1") for size in ("medium", "hd", "full", "4k", "50MP", "auto")),
]


@pytest.mark.parametrize(("size", "credits"), CREDITS)
def test_what_a_size_costs(remove: Remove, alice: Account, size: str, credits: str) -> None:
    assert remove(size=size).headers["x-credits-charged"] == credits
    with alice.caller.scope():
        assert alice.tenant.current_allowance().used == Decimal(credits)
        assert {entry.credits for entry in UsageEntry.objects.all()} == {Decimal(credits)}


def test_auto_takes_the_largest_that_the_credits_allow(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Last", monthly_credits=2)

    def send(image: bytes, size: str) -> httpx.Response:
        data = {"size": size, "model": "u2netp"}
        return http.post("/v1.0/removebg", headers=account.headers, files={"image_file": image}, data=data)

    assert send(astronaut(), "small").headers["x-credits-charged"] == "0.25"
    answers = [send(astronaut(), "auto") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 402]
    assert [answer.headers.get("x-credits-charged") for answer in answers] == ["1", "0.25", "0.25", "0.25", None]
    assert [answer.headers.get("x-width") for answer in answers] == ["512", "500", "500", "500", None]


def test_the_headers(remove: Remove, alice: Account) -> None:
    response = remove(size="full", crop="true", crop_margin="10px")
    headers = response.headers
    assert headers["x-type"] == "other"
    box = [int(headers[f"x-foreground-{side}"]) for side in ("top", "left", "width", "height")]
    assert box[:2] == [10, 10]
    assert box[2] == int(headers["x-width"]) - 20
    assert box[3] == int(headers["x-height"]) - 20
    assert headers["x-ratelimit-limit"] == "3000"  # of the tenant, which is reached before the key's
    assert 0 < int(headers["x-ratelimit-remaining"]) <= 3_000
    assert headers["x-ratelimit-reset"].isdecimal()
    assert headers["x-job-id"]


@pytest.mark.parametrize(("level", "type_"), [("none", None), ("1", "other"), ("2", "other"), ("latest", "other")])
def test_a_type_is_told_unless_it_is_not_wanted(remove: Remove, level: str, type_: str | None) -> None:
    assert remove(type_level=level, type="car").headers.get("x-type") == type_


def test_the_answer_as_json(remove: Remove, native: Remove) -> None:
    response = remove(headers={"Accept": "application/json"}, crop="true")
    data = response.json()["data"]
    assert base64.b64decode(data.pop("result_b64")) == native(crop="true").content
    sides = {f"foreground_{side}": int(response.headers[f"x-foreground-{side}"]) for side in
             ("top", "left", "width", "height")}  # fmt: skip
    assert data == sides
    assert response.headers["x-credits-charged"] == "0.25"
    assert response.headers["x-width"]


BODIES: list[tuple[str, Callable[[bytes], dict[str, Any]]]] = [
    ("a file", lambda image: {"files": {"image_file": image}, "data": {"model": "u2netp"}}),
    ("a file without a name", lambda image: {"files": {"image_file": (None, image)}, "data": {"model": "u2netp"}}),
    ("base64 in a form", lambda image: {
        "data": {"image_file_b64": base64.b64encode(image).decode(), "model": "u2netp"}}),
    ("base64 in a multipart form", lambda image: {
        "files": {"image_file_b64": (None, base64.b64encode(image)), "model": (None, "u2netp")}}),
    ("base64 in JSON", lambda image: {"json": {"image_file_b64": base64.b64encode(image).decode(), "model": "u2netp"}}),
    ("a data address", lambda image: {
        "json": {"image_file_b64": "data:image/png;base64," + base64.b64encode(image).decode(), "model": "u2netp"}}),
    ("base64 in lines", lambda image: {
        "json": {"image_file_b64": base64.encodebytes(image).decode().rstrip("=\n"), "model": "u2netp"}}),
]  # fmt: skip


@pytest.mark.parametrize("body", [body for _, body in BODIES], ids=[name for name, _ in BODIES])
def test_the_bodies(http: httpx.Client, alice: Account, native: Remove, photo: bytes, body: Any) -> None:
    response = http.post("/v1.0/removebg", headers=alice.headers, **body(photo))
    assert response.status_code == 200, response.text
    assert response.content == native().content


@pytest.mark.parametrize("is_multipart", [False, True])
def test_base64_in_a_form_may_be_long(http: httpx.Client, alice: Account, remove: Remove, is_multipart: bool) -> None:
    image = io.BytesIO()
    Image.open(io.BytesIO(astronaut(2_000, 2_000))).save(image, "PNG")
    assert len(image.getvalue()) > 2_600_000  # where Django would stop
    fields = {"image_file_b64": base64.b64encode(image.getvalue()).decode(), "model": "u2netp"}
    body: Any = {"files": {name: (None, value) for name, value in fields.items()}} if is_multipart else {"data": fields}
    response = http.post("/v1.0/removebg", headers=alice.headers, **body)
    assert opened(response).size == (500, 500)
    assert response.content == remove({"image_file": image.getvalue()}).content


def test_json_takes_numbers_truth_and_brackets(
    http: httpx.Client, alice: Account, native: Remove, photo: bytes
) -> None:
    body = {
        "image_file_b64": base64.b64encode(photo).decode(),
        "model": "u2netp",
        "crop": True,
        "crop_margin": 10,
        "type": "car",
        "type_level": 1,
        "shadow_type": {"car": "car"},
        "shadow_opacity[car]": 40,
        "scale": None,
    }
    response = http.post("/v1.0/removebg", headers=alice.headers, json=body)
    assert response.status_code == 200, response.text
    expected = native(crop="true", crop_margin="10px", shadow="contact", shadow_opacity="40")
    assert response.content == expected.content


def test_the_bytes_count_not_the_name_or_the_type(remove: Remove, native: Remove, photo: bytes) -> None:
    for name, type_ in (("photo.png", "image/png"), ("photo", "text/plain"), ("x.exe", "application/octet-stream")):
        assert remove({"image_file": (name, photo, type_)}).content == native().content


def test_the_answer_is_not_packed(remove: Remove, photo: bytes) -> None:
    response = remove(headers={"Accept-Encoding": "gzip, deflate, br"})
    assert "content-encoding" not in response.headers
    assert opened(response).mode == "RGBA"


def test_a_body_may_come_in_chunks(http: httpx.Client, alice: Account, native: Remove, photo: bytes) -> None:
    prepared = http.build_request(
        "POST", "/v1.0/removebg", headers=alice.headers, files={"image_file": photo}, data={"model": "u2netp"}
    )
    body = prepared.read()

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    headers = alice.headers | {"Content-Type": prepared.headers["content-type"]}
    response = http.post("/v1.0/removebg", headers=headers, content=chunks())
    assert response.content == native().content


def test_it_is_audited(remove: Remove, alice: Account) -> None:
    remove()
    (line,) = audit_lines(alice)
    assert (line.path, line.status, line.model, line.error_code) == ("/v1.0/removebg", 200, "u2netp", "")


def test_the_job_stands_in_the_history(remove: Remove, alice: Account, photo: bytes) -> None:
    remove({"image_file": ("cat.jpg", photo)})
    with alice.caller.scope():
        job: Job = Job.objects.get()
    assert (job.filename, job.credits_charged) == ("cat.jpg", "0.25")


def test_what_is_left(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Counted", monthly_credits=50)

    def answer() -> str:
        return http.get("/v1.0/account", headers=account.headers).text

    def expected(left: str) -> str:
        return (
            f'{{"data": {{"attributes": {{"credits": {{"total": {left}, "subscription": {left}, "payg": 0, '
            f'"enterprise": 0}}, "api": {{"free_calls": 0, "sizes": "all"}}}}}}}}'
        )

    assert answer() == expected("50")
    data = {"model": "u2netp"}
    http.post("/v1.0/removebg", headers=account.headers, files={"image_file": astronaut()}, data=data)
    assert answer() == expected("49.75")
    assert left_behind(account)["jobs"] == 1


def test_every_parameter_is_documented() -> None:
    documented = names(row[0] for row in rows(section(DOCS / "migrate-from-removebg.md", "## Parameters")))
    sources = {*IMAGE_SOURCES, *BACKGROUND_SOURCES}
    assert sorted(documented) == sorted(READERS.keys() | sources)
