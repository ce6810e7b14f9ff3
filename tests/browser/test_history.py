import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from processing.models import Job, State
from processing.views import HISTORY_PAGE
from tests.browser.conftest import OpenPage
from tests.conftest import Account


def add_lines(account: Account, *names: str, **fields: Any) -> None:
    """Lines as ended jobs leave them, without the work."""
    ended = {
        "state": State.CANCELED,
        "model": "u2net",
        "original_format": "JPEG",
        "original_bytes": 1_000,
        "width": 64,
        "height": 64,
        "finished_at": timezone.now(),
        "images_expire_at": timezone.now(),
        "images_removed_at": timezone.now(),
    }
    with account.caller.scope():
        Job.objects.bulk_create(Job(tenant=account.tenant, filename=name, **(ended | fields)) for name in names)


@pytest.fixture
def lines(alice: Account) -> None:
    add_lines(alice, "apple.jpg", "pear.jpg")
    add_lines(alice, "plum.jpg", state=State.FAILED, error_code="image_truncated", error_detail="It breaks off.")


def test_what_is_typed_filters_the_lines_and_the_address(page: Page, lines: None) -> None:
    page.goto("/history/")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("File name").press_sequentially("pear")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#announcer")).to_have_text("1 image")
    expect(page).to_have_url(re.compile(r"/history/\?q=pear$"))
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("File name")).to_have_value("pear")


def test_a_state_filters_the_lines(page: Page, lines: None) -> None:
    page.goto("/history/")
    page.get_by_label("State").select_option("failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("It breaks off.")


def test_days_filter_the_lines_up_to_the_last_one_there_is(page: Page, lines: None) -> None:
    today = f"{timezone.now():%Y-%m-%d}"
    page.goto(f"/history/?since={today}&until={today}")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.goto("/history/?since=0001-01-01&until=9999-12-31")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.goto("/history/?until=2020-01-01")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_the_filters_work_without_scripts(open_page: OpenPage, alice: Account, lines: None) -> None:
    page = open_page(alice.owner, java_script_enabled=False)
    page.goto("/history/")
    page.get_by_label("File name").fill("plum")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_filters_that_match_nothing_can_be_cleared(page: Page, lines: None) -> None:
    page.goto("/history/?q=quince")
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_an_empty_history_leads_to_the_drop_zone(page: Page) -> None:
    page.goto("/history/")
    page.get_by_role("link", name="Cut out a photograph").click()
    expect(page.locator("#dropzone")).to_be_visible()


def test_older_lines_are_on_the_next_page(page: Page, alice: Account) -> None:
    add_lines(alice, *(f"{number}.jpg" for number in range(HISTORY_PAGE + 1)))
    page.goto("/history/")
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("link", name="Clear filters")).to_have_count(0)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(HISTORY_PAGE)
