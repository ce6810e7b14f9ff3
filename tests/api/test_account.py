"""What a caller may know of the account, of what it has used, and of the models."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from accounts import keys
from accounts.models import Tenant, next_month, this_month
from processing.engine import catalog
from processing.models import Job, State
from tests.api.conftest import Post, assert_problem
from tests.conftest import Account


def get(http: httpx.Client, account: Account, path: str, **query: str) -> dict[str, Any]:
    response = http.get(f"/api/v1/{path}", headers=account.headers, params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def ended(account: Account, day: str, **fields: Any) -> None:
    """A job of that day, long over."""
    at = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
    known = {"state": State.SUCCEEDED, "model": "u2net", "width": 2000, "height": 1500}
    with account.caller.scope():
        Job.objects.create(
            tenant=account.tenant,
            original_format="PNG",
            original_bytes=1,
            created_at=at,
            finished_at=at,
            images_expire_at=at,
            images_removed_at=at,
            **known | fields,
        )


@pytest.mark.usefixtures("worker")
def test_the_account_says_what_is_left(http: httpx.Client, alice: Account, post: Post, photo: bytes) -> None:
    before = get(http, alice, "account")["credits"]
    assert post(photo, wait=60).status_code == 200
    after = get(http, alice, "account")
    assert (before["used"], after["credits"]["used"]) == ("0", "1")
    assert after["credits"]["granted"] == str(alice.tenant.plan.monthly_credits)
    assert after["credits"]["left"] == str(alice.tenant.plan.monthly_credits - 1)
    assert after["credits"]["renews_on"] == next_month().isoformat()
    assert after["tenant"]["name"] == "Alice"
    assert after["plan"]["max_upload_bytes"] == alice.tenant.plan.max_upload_bytes
    assert alice.key.startswith(after["api_key"]["prefix"])
    assert alice.key not in str(after)


def test_credits_are_renewed_on_the_first_of_the_next_month() -> None:
    assert next_month().day == 1
    assert timedelta(days=28) <= next_month() - this_month() <= timedelta(days=31)


def test_usage_by_day(http: httpx.Client, alice: Account, charlie: Account) -> None:
    ended(alice, "2026-01-01")
    ended(alice, "2026-01-03")
    ended(alice, "2026-01-03", state=State.FAILED)
    ended(alice, "2026-01-05")
    ended(charlie, "2026-01-03")
    found = get(http, alice, "usage", **{"from": "2026-01-01", "to": "2026-01-04"})
    assert found["results"] == [
        {"group": "2026-01-01", "jobs": 1, "succeeded": 1, "failed": 0, "credits": "1", "megapixels": 3.0},
        {"group": "2026-01-03", "jobs": 2, "succeeded": 1, "failed": 1, "credits": "1", "megapixels": 3.0},
    ]
    assert found["total"] == {
        "group": None, "jobs": 3, "succeeded": 2, "failed": 1, "credits": "2", "megapixels": 6.0,
    }  # fmt: skip
    assert (found["from"], found["to"], found["group_by"]) == ("2026-01-01", "2026-01-04", "day")


def test_usage_by_model_and_by_key(http: httpx.Client, alice: Account) -> None:
    with alice.caller.scope():
        second, _ = keys.issue(alice.tenant, name="second")
    ended(alice, "2026-01-01", model="u2netp", api_key=second)
    ended(alice, "2026-01-01", model="u2net")
    days = {"from": "2026-01-01", "to": "2026-01-01"}
    by_model = get(http, alice, "usage", group_by="model", **days)["results"]
    assert [line["group"] for line in by_model] == ["u2net", "u2netp"]
    by_key = get(http, alice, "usage", group_by="key", **days)["results"]
    assert {line["group"] for line in by_key} == {second.prefix, None}


def test_usage_of_nothing(http: httpx.Client, alice: Account) -> None:
    found = get(http, alice, "usage")
    assert (found["results"], found["total"]["jobs"], found["total"]["credits"]) == ([], 0, "0")


@pytest.mark.parametrize(
    ("param", "query"),
    [
        ("from", {"from": "yesterday"}),
        ("from", {"from": "0001-01-01"}),
        ("to", {"to": "9999-12-31"}),
        ("from", {"from": "2026-01-02", "to": "2026-01-01"}),
        ("from", {"from": "2024-01-01", "to": "2026-01-01"}),
        ("group_by", {"group_by": "tenant"}),
    ],
)
def test_what_usage_cannot_be_asked(http: httpx.Client, alice: Account, param: str, query: dict[str, str]) -> None:
    problem = assert_problem(http.get("/api/v1/usage", headers=alice.headers, params=query), 400, "invalid_parameter")
    assert problem["param"] == param


@pytest.mark.usefixtures("worker")
def test_the_models(http: httpx.Client, alice: Account, post: Post, photo: bytes) -> None:
    assert post(photo, wait=60).status_code == 200
    found = {model["name"]: model for model in get(http, alice, "models")["results"]}
    assert found.keys() == catalog.read().models.keys()
    used = found["u2netp"]
    assert (used["is_installed"], used["is_warm"], used["version"], used["tiers"]) == (True, True, "1", ["fast"])
    assert used["inference_ms"] > 0
    assert used["licence"] == "Apache-2.0"
    absent = found["birefnet-general"]
    assert (absent["is_installed"], absent["is_warm"], absent["version"], absent["inference_ms"]) == (
        False,
        False,
        None,
        None,
    )


@pytest.mark.parametrize("path", ["account", "usage", "models"])
def test_nobody_without_a_key_is_told(http: httpx.Client, path: str) -> None:
    assert_problem(http.get(f"/api/v1/{path}"), 401, "key_missing")


def test_a_suspended_tenant_is_told_nothing(http: httpx.Client, alice: Account) -> None:
    with alice.caller.scope():
        Tenant.objects.update(is_suspended=True)
    assert_problem(http.get("/api/v1/account", headers=alice.headers), 403, "tenant_suspended")
