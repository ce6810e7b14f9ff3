from datetime import timedelta

import httpx
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import ApiKey, User
from tests.browser.conftest import OpenPage
from tests.conftest import Account


def test_a_new_key_is_shown_once_and_works_until_it_is_revoked(page: Page, http: httpx.Client) -> None:
    page.goto("/keys/")
    page.get_by_label("Name").fill("Web shop")
    page.get_by_role("button", name="Create key").click()
    key = page.locator("#new-key").inner_text()
    assert key in page.locator("#new-key-request").inner_text()
    assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).status_code == 200

    page.reload()
    assert key not in page.content()
    expect(page.get_by_role("row", name="Web shop")).to_have_count(1)
    page.get_by_role("button", name="Revoke Web shop").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("row", name="Web shop")).to_contain_text("Revoked")
    assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).json()["code"] == "key_revoked"


def test_a_key_that_expires_says_when_and_is_refused_from_then_on(
    page: Page, alice: Account, http: httpx.Client
) -> None:
    page.goto("/keys/")
    page.get_by_label("Name").fill("Contractor")
    page.get_by_label("Expires").select_option("In 30 days")
    page.get_by_role("button", name="Create key").click()
    key = page.locator("#new-key").inner_text()
    in_30_days = timezone.now() + timedelta(days=30)
    expect(page.get_by_role("row", name="Contractor")).to_contain_text(f"{in_30_days.day} {in_30_days:%b %Y}")
    assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).status_code == 200

    with alice.caller.scope():
        ApiKey.objects.filter(name="Contractor").update(expires_at=F("expires_at") - timedelta(days=30))
    page.goto("/keys/")
    expect(page.get_by_role("row", name="Contractor")).to_contain_text("Expired")
    assert http.get("/api/v1/jobs", headers={"X-API-Key": key}).json()["code"] == "key_expired"


def test_the_new_key_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/keys/")
    page.get_by_label("Name").fill("Web shop")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="Copy key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#new-key").inner_text()


def test_a_key_without_a_name_is_not_made(page: Page, complaints: list[str]) -> None:
    page.goto("/keys/")
    page.get_by_label("Name").fill("   ")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#id_name_error")).to_have_text("This field is required.")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "422" in complaints.pop()


def test_a_viewer_is_told_who_makes_keys(open_page: OpenPage, victor: User) -> None:
    page = open_page(victor)
    page.goto("/keys/")
    expect(page.get_by_role("main")).to_contain_text("Only owners and admins create and revoke keys")
    expect(page.get_by_role("button", name="Create key")).to_have_count(0)
