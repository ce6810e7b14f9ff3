"""Web pages that call the API: only from origins that a tenant has listed."""

import httpx
import pytest
from django.core.exceptions import ValidationError

from accounts.models import Tenant
from accounts.tenancy import platform_scope
from tests.conftest import Account

SHOP = "https://shop.example"
PREFLIGHT = {
    "Origin": SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-api-key, prefer",
}
ALLOWED = "access-control-allow-origin"


@pytest.fixture
def alice_has_a_shop(alice: Account) -> Account:
    with platform_scope():
        Tenant.objects.filter(pk=alice.tenant.pk).update(cors_origins=[SHOP])
    return alice


@pytest.mark.usefixtures("alice_has_a_shop")
@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/remove"])
def test_a_browser_may_ask_beforehand(http: httpx.Client, path: str) -> None:
    answer = http.options(path, headers=PREFLIGHT)
    assert (answer.status_code, answer.headers[ALLOWED]) == (200, SHOP)
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert {"x-api-key", "prefer", "idempotency-key"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.usefixtures("alice_has_a_shop")
@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example.evil.example", "null", "%", ""])
def test_other_pages_may_not(http: httpx.Client, origin: str) -> None:
    assert ALLOWED not in http.options("/api/v1/jobs", headers=PREFLIGHT | {"Origin": origin}).headers


@pytest.mark.usefixtures("alice_has_a_shop")
def test_the_dashboard_is_not_for_other_pages(http: httpx.Client) -> None:
    assert ALLOWED not in http.options("/accounts/login/", headers=PREFLIGHT).headers
    assert ALLOWED not in http.get("/accounts/login/", headers={"Origin": SHOP}).headers


def test_the_answer_names_the_origin(http: httpx.Client, alice_has_a_shop: Account) -> None:
    answer = http.get("/api/v1/jobs", headers=alice_has_a_shop.headers | {"Origin": SHOP})
    assert (answer.status_code, answer.headers[ALLOWED]) == (200, SHOP)
    assert "origin" in answer.headers["vary"].lower()
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]


@pytest.mark.usefixtures("alice_has_a_shop")
@pytest.mark.usefixtures("alice_has_a_shop")
def test_a_page_can_read_why_its_key_was_refused(http: httpx.Client) -> None:
    answer = http.get("/api/v1/jobs", headers={"X-API-Key": "wrong", "Origin": SHOP})
    assert (answer.status_code, answer.headers[ALLOWED]) == (401, SHOP)


@pytest.mark.usefixtures("alice_has_a_shop")
def test_an_origin_is_for_its_own_tenant(http: httpx.Client, charlie: Account) -> None:
    answer = http.get("/api/v1/jobs", headers=charlie.headers | {"Origin": SHOP})
    assert answer.status_code == 200
    assert ALLOWED not in answer.headers


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://Shop.example", "https://shop.example/", "https://*", "javascript:x", "null"]
)
def test_what_is_no_origin(alice: Account, origin: str) -> None:
    alice.tenant.cors_origins = [origin]
    with pytest.raises(ValidationError, match="An origin is"):
        alice.tenant.full_clean(exclude=["plan"])
