"""From the drop to the download, as a person does it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from config.local.processes import ChildProcess
from processing import jobs
from processing.engine.options import Options
from tests.browser.conftest import OpenPage, drop
from tests.conftest import Account
from tests.photographs import astronaut, encoded
from tests.waiting import suspended

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def card(page: Page, name: str) -> Locator:
    return page.locator("#visit .card", has_text=name)


def state(page: Page, name: str) -> Locator:
    return card(page, name).locator(".state")


@pytest.fixture
def mug() -> bytes:
    return Path("static/samples/mug.jpg").read_bytes()


def test_two_dropped_photographs_become_cutouts_to_download(page: Page, worker: ChildProcess, mug: bytes) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Your first cutout appears here")).to_be_visible()
    drop(page, {"person.jpg": astronaut(), "mug.jpg": mug})
    expect(card(page, "person.jpg").locator("img")).to_be_visible()  # the local picture, before any answer
    expect(state(page, "person.jpg")).to_have_text("Succeeded")
    expect(state(page, "mug.jpg")).to_have_text("Succeeded")
    expect(page.locator("#visit-count")).to_have_text("2 of 2 done")
    expect(page.get_by_role("button", name="Download all")).to_be_visible()
    expect(page.locator("#credits")).to_contain_text("998 of 1,000")
    expect(page.locator("#announcer")).to_contain_text("Succeeded")
    with page.expect_download() as download:
        card(page, "mug.jpg").get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes().startswith(PNG_SIGNATURE)


def test_a_pasted_photograph_is_cut_out_too(page: Page, worker: ChildProcess) -> None:
    page.goto("/")
    page.evaluate(
        """bytes => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(bytes)], "pasted.jpg"));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }""",
        list(astronaut(200, 200)),
    )
    expect(state(page, "pasted.jpg")).to_have_text("Succeeded")


def test_the_chosen_output_and_model_are_used(page: Page, worker: ChildProcess) -> None:
    page.goto("/")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Model").select_option("u2netp")
    page.get_by_label("Mask").check()
    drop(page, {"person.jpg": astronaut(200, 200)})
    expect(state(page, "person.jpg")).to_have_text("Succeeded")
    card(page, "person.jpg").get_by_title("Compare").click()
    expect(page.get_by_role("complementary")).to_contain_text("u2netp")
    expect(page.locator(".result figcaption")).to_have_text("Mask")


def test_options_shape_the_result_and_are_told_on_its_page(page: Page, worker: ChildProcess) -> None:
    page.goto("/")
    page.get_by_label("Fast").check()
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Format").select_option("JPEG")
    page.get_by_label("Colour", exact=True).check()
    page.get_by_label("Choose a colour").fill("#00ff00")
    page.get_by_label("Drop", exact=True).check()
    page.get_by_label("To the subject").check()
    page.get_by_label("Margin").fill("10%")
    page.get_by_label("Width").fill("300")
    drop(page, {"person.jpg": astronaut(200, 200)})
    expect(state(page, "person.jpg")).to_have_text("Succeeded")
    with page.expect_download() as download:
        card(page, "person.jpg").get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "person-cutout.jpg"
    result = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert (result.format, result.width) == ("JPEG", 300)
    card(page, "person.jpg").get_by_title("Compare").click()
    facts = page.get_by_role("complementary")
    for told in ("Quality tierfast", "Background#00ff00", "Shadowdrop", "Crop margin10%", "Width300 px"):
        expect(facts).to_contain_text(told)
    expect(page.get_by_role("radio", name="Slider")).to_have_count(0)


def test_margins_that_no_option_takes_are_asked_for_again(page: Page) -> None:
    page.goto("/")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("To the subject").check()
    margin = page.get_by_label("Margin")
    for lengths, is_valid in (("5%", True), ("1 2px", True), ("1 2 3 4%", True), ("1 2 3", False), ("5em", False)):
        margin.fill(lengths)
        assert margin.evaluate("field => field.checkValidity()") == is_valid, lengths
    drop(page, {"early.jpg": astronaut(200, 200)})
    expect(page.locator("#visit")).to_be_hidden()


def test_a_background_image_is_asked_for_and_used(page: Page, worker: ChildProcess) -> None:
    page.goto("/")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Model").select_option("u2netp")
    page.get_by_label("Image", exact=True).check()
    drop(page, {"early.jpg": astronaut(200, 200)})
    expect(page.locator("#visit")).to_be_hidden()
    blue = encoded(Image.new("RGB", (8, 8), "blue"), "PNG")
    page.get_by_label("Background image").set_input_files({"name": "blue.png", "mimeType": "image/png", "buffer": blue})
    drop(page, {"person.jpg": astronaut(200, 200)})
    expect(state(page, "person.jpg")).to_have_text("Succeeded")
    card(page, "person.jpg").get_by_title("Compare").click()
    expect(page.get_by_role("complementary")).to_contain_text("Background imageyes")


def test_options_last_as_long_as_the_visit_and_can_be_taken_back(page: Page) -> None:
    page.goto("/")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Format").select_option("WebP")
    page.get_by_label("Contact").check()
    page.get_by_label("Opacity").fill("20")
    page.reload()
    expect(page.locator("#options-changed")).to_be_visible()
    page.get_by_text("Options", exact=True).click()
    expect(page.get_by_label("Opacity")).to_have_value("20")
    page.get_by_role("button", name="Back to the defaults").click()
    expect(page.get_by_label("Format")).to_have_value("png")
    expect(page.locator("#options-changed")).to_be_hidden()


def test_a_file_that_is_no_image_says_so_on_its_card(page: Page, complaints: list[str]) -> None:
    page.goto("/")
    drop(page, {"notes.txt": b"not an image at all"})
    expect(state(page, "notes.txt")).to_have_text("Not accepted")
    expect(card(page, "notes.txt")).to_contain_text("not an image that can be read")
    card(page, "notes.txt").get_by_role("button", name="Dismiss").click()
    expect(page.locator("#visit")).to_be_hidden()
    assert "415" in complaints.pop()  # the browser's own line about the refusal


def test_a_photograph_that_breaks_off_fails_with_the_reason(page: Page, worker: ChildProcess) -> None:
    page.goto("/")
    drop(page, {"broken.jpg": astronaut()[:9000]})
    expect(state(page, "broken.jpg")).to_have_text("Failed")
    expect(card(page, "broken.jpg")).to_contain_text("breaks off before its end")


def test_without_credits_the_refusal_says_when_there_are_new_ones(
    open_page: OpenPage, complaints: list[str], new_account: Callable[..., Account]
) -> None:
    page = open_page(new_account("Poor", monthly_credits=0).owner)
    page.goto("/")
    expect(page.get_by_role("main")).to_contain_text("credits are used up")
    drop(page, {"person.jpg": astronaut(200, 200)})
    expect(card(page, "person.jpg")).to_contain_text("renew on the first day of the next month")
    assert "402" in complaints.pop()


def test_who_is_too_fast_is_told_to_wait_and_tries_again_by_itself(
    open_page: OpenPage, complaints: list[str], new_account: Callable[..., Account]
) -> None:
    page = open_page(new_account("Hasty", requests_per_minute=1).owner)
    page.goto("/")
    drop(page, {"one.jpg": astronaut(200, 200), "two.jpg": astronaut(200, 200)})
    expect(page.locator("#visit .state", has_text="Trying again in")).to_have_count(1)
    expect(page.locator("#visit")).to_contain_text("Wait as Retry-After says.")
    assert "429" in complaints.pop()


def test_a_session_that_ends_while_a_job_is_watched_leads_to_sign_in(
    page: Page, worker: ChildProcess, alice: Account
) -> None:
    with suspended(worker):
        jobs.submit(alice.caller, astronaut(), Options())
        page.goto("/")
        expect(page.locator(".card .state")).to_have_text("Queued")
        page.context.clear_cookies()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_viewer_sees_no_drop_zone(open_page: OpenPage, victor: User) -> None:
    page = open_page(victor)
    page.goto("/")
    expect(page.get_by_role("main")).to_contain_text("Ask an owner or admin")
    expect(page.locator("#dropzone")).to_have_count(0)
