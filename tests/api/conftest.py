from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.core.files.storage import default_storage

from accounts.models import UsageEntry
from processing.models import AuditRecord, Job
from tests.conftest import Account

type Post = Callable[..., httpx.Response]


def left_behind(account: Account) -> dict[str, Any]:
    """What requests of this account have changed: jobs, credits, ledger lines, stored files."""
    with account.caller.scope():
        return {
            "jobs": Job.objects.count(),
            "used": account.tenant.current_allowance().used,
            "entries": UsageEntry.objects.count(),
            "files": stored_files(account),
        }


NOTHING = {"jobs": 0, "used": Decimal(0), "entries": 0, "files": []}


def stored_files(account: Account) -> list[str]:
    root = str(account.tenant.id)
    if not default_storage.exists(root):
        return []
    return [
        f"{job}/{file}"
        for job in default_storage.listdir(root)[0]
        for file in default_storage.listdir(f"{root}/{job}")[1]
    ]


def audit_lines(account: Account) -> list[AuditRecord]:
    with account.caller.scope():
        return list(AuditRecord.objects.filter(action="request").order_by("id"))


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


@pytest.fixture
def post(http: httpx.Client, alice: Account) -> Post:
    """Posts an image as Alice, as a form, for the quickest network unless another one is named."""

    def send(image: bytes, *, wait: int = 0, filename: str = "photo.jpg", **fields: str) -> httpx.Response:
        headers = alice.headers | ({"Prefer": f"wait={wait}"} if wait else {})
        return http.post(
            "/api/v1/jobs", headers=headers, files={"image": (filename, image)}, data={"model": "u2netp"} | fields
        )

    return send
