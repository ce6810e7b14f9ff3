import io
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from config.local.processes import ChildProcess
from processing import jobs
from processing.engine.options import Options
from tests.conftest import Account
from tests.photographs import astronaut
from tests.waiting import suspended

type CutOut = Callable[[str, bytes], UUID]


@pytest.fixture
def cut_out(http: httpx.Client, worker: ChildProcess, alice: Account) -> CutOut:
    """Has a program of Alice's cut out an image; gives the job's id."""

    def through_the_api(name: str, data: bytes) -> UUID:
        response = http.post(
            "/api/v1/jobs",
            data={"model": "u2netp"},
            files={"image": (name, data)},
            headers={**alice.headers, "Prefer": "wait=60"},
        )
        assert response.status_code == 200, response.text
        return UUID(response.headers["X-Job-ID"])

    return through_the_api


def corners(page: Page, selector: str) -> dict[str, float]:
    found: dict[str, float] = page.locator(selector).evaluate("e => e.getBoundingClientRect().toJSON()")
    return found


def are_loaded(page: Page, selector: str) -> bool:
    return bool(page.locator(selector).evaluate_all("images => images.every(i => i.complete && i.naturalWidth > 0)"))


def test_original_and_cutout_lie_side_by_side(page: Page, cut_out: CutOut) -> None:
    page.goto(f"/jobs/{cut_out('person.jpg', astronaut())}/", wait_until="networkidle")
    assert are_loaded(page, ".stage img")
    original, result = corners(page, ".original img"), corners(page, ".result img")
    assert original["top"] == result["top"]
    assert original["right"] <= result["left"]


def test_a_job_that_has_not_ended_shows_its_result_by_itself(
    page: Page, worker: ChildProcess, alice: Account, photo: bytes
) -> None:
    with suspended(worker):
        job = jobs.submit(alice.caller, photo, Options(model="u2netp"))
        page.goto(f"/jobs/{job.id}/")
        expect(page.get_by_role("heading", name="Waiting for a worker")).to_be_visible()
        page.locator(".back").focus()
    expect(page.locator(".stage")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.locator(".back")).to_be_focused()
    page.get_by_role("button", name="Delete images").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_slider_moves_by_keyboard(page: Page, cut_out: CutOut) -> None:
    page.goto(f"/jobs/{cut_out('person.jpg', astronaut())}/")
    page.get_by_role("radio", name="Slider").check()
    split = page.get_by_role("slider")
    before = page.locator(".original").evaluate("e => getComputedStyle(e).clipPath")
    split.press("ArrowLeft")
    assert split.input_value() == "49"
    assert page.locator(".original").evaluate("e => getComputedStyle(e).clipPath") != before


def test_the_background_changes_to_the_chosen_colour(page: Page, cut_out: CutOut) -> None:
    page.goto(f"/jobs/{cut_out('person.jpg', astronaut())}/")
    page.get_by_label("Choose the background's colour").fill("#00ff00")
    colour = page.locator(".result img").evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour == "rgb(0, 255, 0)"


def test_an_original_that_browsers_cannot_show_has_a_preview(page: Page, cut_out: CutOut, photo: bytes) -> None:
    tiff = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(tiff, "TIFF")
    page.goto(f"/jobs/{cut_out('person.tiff', tiff.getvalue())}/", wait_until="networkidle")
    assert are_loaded(page, ".original img")


def test_images_are_deleted_only_after_a_confirmation(page: Page, cut_out: CutOut) -> None:
    page.goto(f"/jobs/{cut_out('person.jpg', astronaut())}/")
    page.get_by_role("button", name="Delete images").click()
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator(".stage")).to_be_visible()
    page.get_by_role("button", name="Delete images").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete images").click()
    expect(page.get_by_role("heading", name="The images are removed")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
