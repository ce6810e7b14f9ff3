from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Tenant
from accounts.tenancy import platform_scope
from processing.models import AuditRecord
from tests.api.conftest import assert_problem, audit_lines
from tests.conftest import Account


def test_no_key(http: httpx.Client) -> None:
    response = http.get("/api/v1/jobs")
    assert_problem(response, 401, "key_missing")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", ["", "x", "mat_live_" + "a" * 46])
def test_a_wrong_key(http: httpx.Client, key: str) -> None:
    response = http.get("/api/v1/jobs", headers={"X-API-Key": key})
    assert response.status_code == 401
    assert response.json()["code"] in ("key_missing", "key_invalid")


def test_both_headers_are_taken(http: httpx.Client, alice: Account) -> None:
    assert http.get("/api/v1/jobs", headers={"X-API-Key": alice.key}).status_code == 200
    assert http.get("/api/v1/jobs", headers={"Authorization": f"Bearer {alice.key}"}).status_code == 200


def test_a_revoked_key(http: httpx.Client, alice: Account) -> None:
    with alice.caller.scope():
        keys.revoke(ApiKey.objects.get())
    assert_problem(http.get("/api/v1/jobs", headers=alice.headers), 401, "key_revoked")


def test_an_expired_key(http: httpx.Client, alice: Account) -> None:
    with alice.caller.scope():
        ApiKey.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert_problem(http.get("/api/v1/jobs", headers=alice.headers), 401, "key_expired")


def test_a_suspended_tenant(http: httpx.Client, alice: Account) -> None:
    with platform_scope():
        Tenant.objects.filter(pk=alice.tenant.pk).update(is_suspended=True)
    assert_problem(http.get("/api/v1/jobs", headers=alice.headers), 403, "tenant_suspended")


def test_a_refused_request_is_audited_without_a_tenant(http: httpx.Client, committed_db: None) -> None:
    request_id = http.get("/api/v1/jobs", headers={"X-API-Key": "wrong"}).headers["x-request-id"]
    with platform_scope():
        line = AuditRecord.objects.get(request_id=request_id)
    assert (line.tenant_id, line.status, line.error_code) == (None, 401, "key_invalid")


def test_the_key_is_nowhere_in_the_audit_log(http: httpx.Client, alice: Account) -> None:
    http.get("/api/v1/jobs", headers=alice.headers)
    (line,) = audit_lines(alice)
    assert alice.key not in " ".join(str(value) for value in vars(line).values())


@pytest.mark.parametrize(("hops", "counted"), [("203.0.113.7", "127.0.0.1"), ("203.0.113.7, 10.0.0.1", "127.0.0.1")])
def test_forwarded_addresses_do_not_count_without_a_trusted_proxy(
    http: httpx.Client, alice: Account, hops: str, counted: str
) -> None:
    http.get("/api/v1/jobs", headers=alice.headers | {"X-Forwarded-For": hops})
    assert audit_lines(alice)[0].ip == counted


def test_a_request_id_of_the_callers_own_is_kept_when_harmless(http: httpx.Client, alice: Account) -> None:
    kept = http.get("/api/v1/jobs", headers=alice.headers | {"X-Request-ID": "order-4711"})
    assert kept.headers["x-request-id"] == "order-4711"
    refused = http.get("/api/v1/jobs", headers=alice.headers | {"X-Request-ID": "a b<c>"})
    assert refused.headers["x-request-id"] != "a b<c>"
