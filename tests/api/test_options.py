"""Every option through HTTP, the background image among them; and that what is refused costs nothing."""

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image

from config.local.processes import ChildProcess
from processing import images, jobs
from processing.engine.options import OPTIONS
from processing.images import Kind
from processing.models import Job
from tests.api.conftest import NOTHING, Post, assert_problem, left_behind, stored_files
from tests.conftest import Account
from tests.photographs import astronaut, encoded
from tests.waiting import suspended

pytestmark = pytest.mark.usefixtures("worker")

type Send = Callable[..., httpx.Response]

# For each option a value other than its default, as a form has it.
VALUES = {
    "model": "u2netp",
    "tier": "fast",
    "output": "mask",
    "format": "webp",
    "quality": "50",
    "lossless": "true",
    "edges": "raw",
    "refine": "true",
    "post_process_mask": "true",
    "alpha_matting": "true",
    "alpha_matting_foreground_threshold": "200",
    "alpha_matting_background_threshold": "20",
    "alpha_matting_erode_size": "5",
    "roi": "0 0 50% 64px",
    "require_foreground": "true",
    "crop": "true",
    "crop_margin": "5% 10px",
    "scale": "80%",
    "position": "center",
    "width": "100",
    "height": "100",
    "padding": "10px",
    "max_pixels": "5000",
    "background": "#ff8800",
    "background_blur": "2%",
    "background_image": "true",
    "shadow": "drop",
    "shadow_opacity": "30",
    "dpi": "300",
    "metadata": "keep",
}
BLUE = encoded(Image.new("RGB", (40, 30), "blue"), "PNG")


@pytest.fixture
def send(http: httpx.Client, alice: Account, photo: bytes) -> Send:
    """Posts as Alice with a background image, and waits for the result."""

    def posted(background: bytes | None = BLUE, /, *, wait: int = 60, **fields: str) -> httpx.Response:
        files = {"image": ("photo.jpg", photo)} | ({"background_file": ("sky.png", background)} if background else {})
        headers = alice.headers | {"Prefer": f"wait={wait}"}
        return http.post("/api/v1/jobs", headers=headers, files=files, data={"model": "u2netp"} | fields)

    return posted


def opened(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    image = Image.open(io.BytesIO(response.content))
    image.load()
    return image


def stored_options(account: Account) -> dict[str, Any]:
    with account.caller.scope():
        found: dict[str, Any] = Job.objects.get().options
    return found


def test_every_option_is_tried_here() -> None:
    assert VALUES.keys() == OPTIONS.keys()


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_is_taken_and_kept(http: httpx.Client, alice: Account, worker: ChildProcess, name: str) -> None:
    files = {"image": astronaut(128, 128)} | ({"background_file": BLUE} if name == "background_image" else {})
    with suspended(worker):
        response = http.post("/api/v1/jobs", headers=alice.headers, files=files, data={name: VALUES[name]})
        assert response.status_code == 202, response.text
        assert name in stored_options(alice)
        jobs.cancel(alice.caller, UUID(response.json()["id"]))


def test_a_query_takes_options_too(http: httpx.Client, alice: Account, photo: bytes) -> None:
    headers = alice.headers | {"Prefer": "wait=60", "Content-Type": "image/jpeg"}
    response = http.post("/api/v1/jobs?model=u2netp&format=webp&width=100", headers=headers, content=photo)
    assert (response.headers["content-type"], opened(response).size) == ("image/webp", (100, 100))


def test_json_takes_them_with_numbers_truth_and_lists(http: httpx.Client, alice: Account, photo: bytes) -> None:
    body = {"image": base64.b64encode(photo).decode(), "model": "u2netp", "width": 120, "height": 90, "crop": True}
    more = {"padding": ["5px", 10], "background": [0, 255, 0]}
    response = http.post("/api/v1/jobs", headers=alice.headers | {"Prefer": "wait=60"}, json=body | more)
    cutout = opened(response).convert("RGB")
    assert (cutout.size, cutout.getpixel((2, 2))) == ((120, 90), (0, 255, 0))


def test_a_coloured_cropped_jpeg(post: Post, http: httpx.Client, alice: Account, photo: bytes) -> None:
    response = post(photo, wait=60, background="#ff8800", crop="true", crop_margin="10px", format="jpeg")
    cutout = opened(response)
    assert (response.headers["content-type"], cutout.mode) == ("image/jpeg", "RGB")
    job = http.get(response.headers["location"], headers=alice.headers).json()
    assert (job["result_width"], job["result_height"]) == cutout.size
    left, top, width, height = job["foreground_box"]
    assert (left, top) == (10, 10)
    assert (width + 20, height + 20) == cutout.size
    assert np.abs(np.asarray(cutout)[1, 1].astype(int) - (255, 136, 0)).max() < 12


def test_a_shadowed_placed_webp_on_a_canvas(post: Post, photo: bytes) -> None:
    fields = {"scale": "50%", "position": "100%", "width": "300", "height": "200", "shadow": "contact"}
    response = post(photo, wait=60, format="webp", lossless="true", **fields)
    alpha = np.asarray(opened(response).getchannel("A"))
    assert response.headers["content-type"] == "image/webp"
    assert alpha.shape == (200, 300)
    assert not alpha[:80, :150].any()


def test_a_zip_is_a_download_of_colour_and_alpha(post: Post, photo: bytes) -> None:
    response = post(photo, wait=60, format="zip", filename="me & my cat.jpg")
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == 'attachment; filename="me _ my cat-cutout.zip"'
    assert zipfile.ZipFile(io.BytesIO(response.content)).namelist() == ["color.jpg", "alpha.png"]


def test_a_region_bounds_the_mask_and_avif_holds_it(post: Post, photo: bytes) -> None:
    response = post(photo, wait=60, output="mask", roi="0 0 50% 100%", format="avif", max_pixels="10000")
    mask = np.asarray(opened(response).convert("L"))
    assert response.headers["content-type"] == "image/avif"
    assert mask.size <= 10_000
    assert mask[:, :45].max() > 200
    assert mask[:, 55:].max() < 10


def test_a_tier_chooses_the_model(http: httpx.Client, alice: Account, photo: bytes) -> None:
    job = http.post("/api/v1/jobs", headers=alice.headers, files={"image": photo}, data={"tier": "fast"}).json()
    assert job["model"] == "u2netp"


def test_where_nothing_is_found_the_job_says_so(post: Post, http: httpx.Client, alice: Account) -> None:
    response = post(encoded(Image.new("RGB", (64, 64), "white"), "PNG"), wait=60, background="red", crop="true")
    assert response.headers["x-foreground"] == "none"
    assert opened(response).convert("RGB").getcolors() == [(64 * 64, (255, 0, 0))]
    job = http.get(response.headers["location"], headers=alice.headers).json()
    assert (job["has_foreground"], job["foreground_box"], job["notice"]["code"]) == (False, None, "no_foreground")


def test_where_nothing_is_found_the_job_fails_if_it_is_to(post: Post, alice: Account) -> None:
    response = post(encoded(Image.new("RGB", (64, 64), "white"), "PNG"), wait=60, require_foreground="true")
    assert_problem(response, 422, "no_foreground")
    left = left_behind(alice)
    assert (left["jobs"], left["used"]) == (1, 0)


# Refused: with the option's name, and nothing charged or stored.

BAD = [
    ("tier", "best", "invalid_option"),
    ("format", "gif", "invalid_option"),
    ("quality", "0", "invalid_option"),
    ("crop", "maybe", "invalid_option"),
    ("crop_margin", "51%", "invalid_option"),
    ("scale", "5%", "invalid_option"),
    ("position", "left", "invalid_option"),
    ("width", "8193", "invalid_option"),
    ("background", "reddish", "invalid_option"),
    ("background_blur", "0", "invalid_option"),
    ("shadow", "long", "invalid_option"),
    ("dpi", "-1", "invalid_option"),
    ("colour", "red", "invalid_option"),
    ("roi", "0 0 600 10", "roi_exceeds_bounds"),
    ("roi", "10 10 10 20", "roi_region_empty"),
]


@pytest.mark.parametrize(("name", "value", "code"), BAD)
def test_a_bad_value_names_its_option(
    post: Post, alice: Account, photo: bytes, name: str, value: str, code: str
) -> None:
    assert assert_problem(post(photo, **{name: value}), 400, code)["param"] == name
    assert left_behind(alice) == NOTHING


def test_contradicting_options_are_refused(post: Post, alice: Account, photo: bytes) -> None:
    problem = assert_problem(post(photo, background="red", background_blur="2%"), 400, "invalid_option")
    assert problem["param"] == "background_blur"
    assert left_behind(alice) == NOTHING


def test_a_canvas_that_is_too_large_for_this_image_is_refused(post: Post, alice: Account) -> None:
    tall = encoded(Image.new("RGB", (100, 300)), "PNG")
    assert assert_problem(post(tall, width="8000"), 400, "invalid_option")["param"] == "width"
    assert left_behind(alice) == NOTHING


def test_an_error_without_an_option_has_no_param(post: Post) -> None:
    assert "param" not in assert_problem(post(b"no image"), 415, "not_an_image")


# The background image.


def test_a_background_image_fills_the_canvas(send: Send, alice: Account) -> None:
    cutout = opened(send()).convert("RGB")
    assert (cutout.size, cutout.getpixel((505, 5))) == ((512, 512), (0, 0, 255))
    assert {file.partition("/")[2] for file in stored_files(alice)} == {"original", "background", "result", "thumbnail"}
    assert left_behind(alice)["used"] == 1


def test_base64_gives_the_same_bytes(send: Send, http: httpx.Client, alice: Account, photo: bytes) -> None:
    body = {"image": photo, "background_file": BLUE}
    json = {name: base64.b64encode(data).decode() for name, data in body.items()} | {"model": "u2netp"}
    response = http.post("/api/v1/jobs", headers=alice.headers | {"Prefer": "wait=60"}, json=json)
    assert opened(response).tobytes() == opened(send()).tobytes()


def test_it_goes_with_the_jobs_images(send: Send, http: httpx.Client, alice: Account) -> None:
    assert http.delete(send().headers["location"], headers=alice.headers).status_code == 204
    assert stored_files(alice) == []


def test_nobody_sees_it_not_even_its_own_people(send: Send, http: httpx.Client, alice: Account) -> None:
    job = http.get(send().headers["location"], headers=alice.headers).json()
    assert "background" not in str([value for name, value in job.items() if name.endswith("_url")])
    with alice.caller.scope():
        found = Job.objects.get()
    assert_problem(http.get(images.link(found, Kind.BACKGROUND)), 404, "job_not_found")


BROKEN = [
    (b"not an image", 415, "not_an_image"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
    (astronaut()[:20], 422, None),
]


@pytest.mark.parametrize(("background", "status", "code"), BROKEN)
def test_a_bad_background_is_refused_by_its_name(
    send: Send, alice: Account, background: bytes, status: int, code: str | None
) -> None:
    response = send(background)
    assert (response.status_code, response.json()["param"]) == (status, "background_file")
    assert code is None or response.json()["code"] == code
    assert left_behind(alice) == NOTHING


def test_a_background_beyond_the_plan_is_refused(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Small", max_upload_mb=1, max_megapixels=1)
    heavy = encoded(Image.effect_noise((900, 1_000), 90), "PNG") + bytes(600_000)
    large = encoded(Image.new("RGB", (1_001, 1_000)), "PNG")
    for background, status, code in ((heavy, 413, "too_many_bytes"), (large, 422, "too_many_pixels")):
        files = {"image": astronaut(64, 64), "background_file": background}
        problem = assert_problem(http.post("/api/v1/jobs", headers=account.headers, files=files), status, code)
        assert problem["param"] == "background_file"
    assert left_behind(account) == NOTHING


def test_both_files_may_be_as_large_as_the_plan_allows(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Small", max_upload_mb=1)
    full = astronaut(64, 64) + bytes(990_000 - len(astronaut(64, 64)))
    files = {"image": full, "background_file": full}
    assert http.post("/api/v1/jobs", headers=account.headers, files=files).status_code == 202


@pytest.mark.parametrize("fields", [{"background_image": "true"}, {"background_image": "1", "output": "mask"}])
def test_without_the_file_it_is_refused(send: Send, alice: Account, fields: dict[str, str]) -> None:
    assert assert_problem(send(None, **fields), 400, "invalid_option")["param"] == "background_file"
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize("fields", [{"background": "red"}, {"background_blur": "1%"}, {"background_image": "false"}])
def test_the_file_beside_another_background_is_refused(send: Send, alice: Account, fields: dict[str, str]) -> None:
    assert_problem(send(**fields), 400, "invalid_option")
    assert left_behind(alice) == NOTHING


def test_two_backgrounds_are_refused(http: httpx.Client, alice: Account, photo: bytes) -> None:
    files = [("image", photo), ("background_file", BLUE), ("background_file", BLUE)]
    assert_problem(http.post("/api/v1/jobs", headers=alice.headers, files=files), 400, "too_many_images")
    assert left_behind(alice) == NOTHING


@pytest.mark.parametrize("value", [7, ["x"], "%%%"])
def test_a_background_that_is_no_base64_is_refused(
    http: httpx.Client, alice: Account, photo: bytes, value: object
) -> None:
    body = {"image": base64.b64encode(photo).decode(), "background_file": value}
    assert_problem(http.post("/api/v1/jobs", headers=alice.headers, json=body), 400, "malformed_body")
    assert left_behind(alice) == NOTHING


def test_a_background_that_is_gone_fails_the_job_with_its_credit_back(
    http: httpx.Client, alice: Account, worker: ChildProcess, photo: bytes
) -> None:
    with suspended(worker):
        job = http.post("/api/v1/jobs", headers=alice.headers, files={"image": photo, "background_file": BLUE}).json()
        with alice.caller.scope():
            default_storage.delete(images.path(Job.objects.get(), Kind.BACKGROUND))
    ended = jobs.wait(alice.caller, jobs.get(alice.caller, UUID(job["id"])), seconds=30)
    assert (ended.state, ended.error_code) == ("failed", "original_missing")
    assert left_behind(alice)["used"] == 0


def test_anothers_background_stays_anothers(send: Send, http: httpx.Client, charlie: Account, photo: bytes) -> None:
    send()
    data = {"background_image": "true"}
    response = http.post("/api/v1/jobs", headers=charlie.headers, files={"image": photo}, data=data)
    assert_problem(response, 400, "invalid_option")


def test_the_schema_describes_every_option(http: httpx.Client) -> None:
    schemas = http.get("/api/v1/openapi.json").json()["components"]["schemas"]
    for body in ("JobForm", "JobJson"):
        assert schemas[body]["properties"].keys() >= {"image", "background_file", *OPTIONS}
    assert schemas["JobForm"]["properties"]["quality"]["maximum"] == 100
