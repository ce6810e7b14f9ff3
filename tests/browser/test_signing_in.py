import quopri
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.conftest import Account
from tests.waiting import wait_for

PASSWORD = "correct-horse-7"


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def give_password(account: Account) -> None:
    account.owner.set_password(PASSWORD)
    account.owner.save()


def test_a_person_signs_in_and_is_led_to_where_they_wanted(open_page: OpenPage, alice: Account) -> None:
    give_password(alice)
    page = open_page()
    page.goto("/keys/")
    sign_in(page, alice.owner.email, PASSWORD)
    expect(page.get_by_role("heading", name="API keys")).to_be_visible()


def test_a_person_signs_out(page: Page) -> None:
    page.goto("/")
    page.locator(".account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_password_is_refused(open_page: OpenPage, alice: Account) -> None:
    give_password(alice)
    page = open_page()
    page.goto("/accounts/login/")
    sign_in(page, alice.owner.email, "something else")
    expect(page.get_by_role("alert")).to_contain_text("not correct")


def test_nobody_signs_up_by_themselves(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/accounts/signup/")
    expect(page.get_by_role("heading")).to_have_text("Accounts are by invitation")


def test_a_forgotten_password_is_replaced_through_an_e_mail(open_page: OpenPage, alice: Account, log_dir: Path) -> None:
    page = open_page()
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill(alice.owner.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading")).to_have_text("Look into your e-mail")

    page.goto(link_sent_to(alice.owner.email, log_dir / "web.log"))
    page.get_by_label("New Password", exact=True).fill(PASSWORD)
    page.get_by_label("New Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, alice.owner.email, PASSWORD)
    expect(page.locator("#dropzone")).to_be_visible()


def link_sent_to(email: str, log: Path) -> str:
    """Without a mail server, messages go to the log."""
    wait_for(lambda: f"To: {email}" in log.read_text(), seconds=10)
    message = quopri.decodestring(log.read_bytes()).decode().rpartition(f"To: {email}")[2]
    found = re.search(r"http\S+/accounts/password/reset/key/\S+", message)
    assert found, message
    return found[0]
