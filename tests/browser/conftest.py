"""A real browser before the real servers. Whatever its console complains of fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from accounts.models import User
from tests.conftest import Account

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 40_000

# Playwright keeps an event loop running in the thread that the tests run in; Django takes that for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
expect.set_options(timeout=PATIENCE_MS)

type OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console complained of: script errors, broken requests, violations of the content security policy."""
    return []


@pytest.fixture
def open_page(browser: Browser, web: str, complaints: list[str]) -> Iterator[OpenPage]:
    """A fresh window, signed in as `person` if one is given. Options are those of Playwright's new_context()."""
    contexts = []

    def opened(person: User | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=web, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if person:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(person), "url": web}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: OpenPage, alice: Account) -> Page:
    """Alice's window."""
    return open_page(alice.owner)


def session_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def drop(page: Page, files: Mapping[str, bytes]) -> None:
    """Drops files, by name, on the page as a mouse would."""
    page.locator("#dropzone").wait_for()
    page.evaluate(
        """files => {
            const dropped = new DataTransfer();
            for (const [name, bytes] of Object.entries(files))
                dropped.items.add(new File([new Uint8Array(bytes)], name));
            const drop = new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true });
            document.getElementById("dropzone").dispatchEvent(drop);
        }""",
        {name: list(data) for name, data in files.items()},
    )
