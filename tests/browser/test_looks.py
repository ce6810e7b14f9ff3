"""Every page in both colour schemes, wide and narrow. That the console stays silent is what `open_page` checks."""

from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage
from tests.conftest import Account

SIGNED_IN = ["/", "/history/", "/keys/", "/webhooks/", "/accounts/password/change/", "/accounts/logout/"]
SIGNED_OUT = ["/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"]
WIDTHS_PX = [1440, 390, 320]


@pytest.mark.parametrize("width", WIDTHS_PX)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window(
    open_page: OpenPage, alice: Account, tmp_path: Path, scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    for person, paths in ((alice.owner, SIGNED_IN), (None, SIGNED_OUT)):
        page = open_page(person, **options)
        for path in paths:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.screenshot(path=tmp_path / f"{path.strip('/').replace('/', '-') or 'home'}.png")


def test_a_dark_page_is_dark(open_page: OpenPage, alice: Account) -> None:
    page = open_page(alice.owner, color_scheme="dark")
    page.goto("/")
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert colour == "rgb(17, 17, 18)"


def test_a_wrong_address_leads_back(open_page: OpenPage, alice: Account, complaints: list[str]) -> None:
    page = open_page(alice.owner)
    page.goto("/nothing/here/")
    page.get_by_role("link", name="Back to cutting out").click()
    page.locator("#dropzone").wait_for()
    assert "404" in complaints.pop()
