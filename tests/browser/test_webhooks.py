import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts import webhooks
from accounts.models import User, WebhookEndpoint
from config.local.processes import ChildProcess
from processing.models import DeliveryState, WebhookDelivery
from tests.browser.conftest import OpenPage
from tests.conftest import Account
from tests.receivers import Inbox
from tests.waiting import wait_for

WEBHOOK = re.compile(r"/webhooks/[-0-9a-f]{36}/$")


def add(page: Page, url: str) -> None:
    page.goto("/webhooks/")
    page.get_by_label("Address").fill(url)
    page.get_by_label("Description").fill("Web shop")
    page.get_by_label("job.failed").check()
    page.get_by_role("button", name="Add webhook").click()
    expect(page).to_have_url(WEBHOOK)


def test_a_webhook_is_added_tested_and_its_secret_shown_once(page: Page, inbox: Inbox, worker: ChildProcess) -> None:
    add(page, inbox.url)
    secret = page.locator("#secret").inner_text()
    page.reload()
    assert secret not in page.content()
    page.get_by_role("button", name="Send a test").click()
    wait_for(lambda: bool(inbox.messages), seconds=30)
    assert inbox.messages[0].verified(secret)["type"] == "ping"
    expect(page.get_by_role("row", name="ping")).to_contain_text("Delivered")

    page.get_by_role("button", name="Replay ping").click()
    wait_for(lambda: len(inbox.messages) == 2, seconds=30)
    assert len(set(inbox.ids)) == 1

    page.get_by_role("button", name="Rotate secret").click()
    page.get_by_role("button", name="Make a new secret").click()
    new = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Send a test").click()
    wait_for(lambda: len(inbox.messages) == 3, seconds=30)
    assert inbox.messages[2].verified(secret) == inbox.messages[2].verified(new)


def test_a_webhook_is_disabled_enabled_and_deleted(page: Page, inbox: Inbox) -> None:
    add(page, inbox.url)
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("button", name="Disable webhook").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing is sent there until you enable it again")
    expect(page.get_by_role("button", name="Send a test")).to_have_count(0)
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "not an address"])
def test_an_address_that_cannot_be_called_is_refused_by_its_field(page: Page, complaints: list[str], url: str) -> None:
    page.goto("/webhooks/")
    page.locator("form.webhook-form").evaluate("form => form.noValidate = true")
    page.get_by_label("Address").fill(url)
    page.get_by_role("button", name="Add webhook").click()
    expect(page.locator("#id_url_error")).to_be_visible()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    assert complaints.pop()


def test_a_viewer_sees_hosts_and_no_more(
    open_page: OpenPage, victor: User, alice: Account, inbox: Inbox, complaints: list[str]
) -> None:
    with alice.caller.scope():
        endpoint, _ = webhooks.add(alice.tenant, url=f"{inbox.url}?token=secret-of-alice")
    page = open_page(victor)
    page.goto("/webhooks/")
    expect(page.get_by_role("main")).to_contain_text("Only owners and admins manage webhooks")
    expect(page.get_by_role("row", name="127.0.0.1")).to_be_visible()
    assert "secret-of-alice" not in page.content()
    answer = page.goto(f"/webhooks/{endpoint.id}/")
    assert answer is not None
    assert answer.status == 403
    assert "secret-of-alice" not in page.content()
    assert "403" in complaints.pop()


def fill_log(endpoint: WebhookEndpoint) -> None:
    for state, status, answer, error in (
        (DeliveryState.DELIVERED, 200, "ok", ""),
        (DeliveryState.FAILED, 500, "<html><body><h1>Internal Server Error</h1>" + "Traceback " * 40, ""),
        (DeliveryState.FAILED, None, "", "There is no public server at this address, or it does not answer."),
    ):
        WebhookDelivery.objects.create(
            tenant=endpoint.tenant,
            endpoint=endpoint,
            event="job.succeeded",
            payload="{}",
            state=state,
            attempts=3,
            status=status,
            answer=answer,
            error=error,
            durations_ms=[120],
        )


@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_their_window(
    open_page: OpenPage, alice: Account, inbox: Inbox, tmp_path: Path, scheme: str, width: int
) -> None:
    with alice.caller.scope():
        long_url = f"{inbox.url}/{'deeply/' * 12}?token={'x' * 80}"
        endpoint, _ = webhooks.add(alice.tenant, url=long_url, events=["job.failed", "job.succeeded"])
        webhooks.add(alice.tenant, url="https://shop.example.com/mattery", description="Web shop")
        fill_log(endpoint)
    folder = Path(os.environ.get("SHOTS", tmp_path))
    page = open_page(alice.owner, color_scheme=scheme, viewport={"width": width, "height": 844})
    for name, path in (("list", "/webhooks/"), ("webhook", f"/webhooks/{endpoint.id}/")):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
