"""Whose address a request came from, and that the log cannot be rewritten."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory

from accounts.tenancy import platform_scope
from processing import audit
from processing.models import AuditRecord
from tests.conftest import Account

CASES = [
    (0, "203.0.113.7", "192.0.2.1"),
    (1, "203.0.113.7", "203.0.113.7"),
    (1, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
    (2, "6.6.6.6, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
    (1, "", "192.0.2.1"),
    (1, "not an address", None),
    (1, "2001:db8::7", "2001:db8::7"),
]


@pytest.mark.parametrize(("proxies", "forwarded", "counted"), CASES)
def test_only_what_trusted_proxies_wrote_counts(
    settings: Any, proxies: int, forwarded: str, counted: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="192.0.2.1")
    assert audit.client_ip(request) == counted


@pytest.mark.parametrize(
    "change", ["UPDATE processing_auditrecord SET ip = NULL", "DELETE FROM processing_auditrecord"]
)
def test_a_line_never_changes(alice: Account, change: str) -> None:
    audit.record(RequestFactory().get("/"), action="test.act", caller=alice.caller, detail="kept")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        platform_scope(),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    with alice.caller.scope():
        assert AuditRecord.objects.get(action="test.act").detail == "kept"


def test_an_act_names_who_did_it(alice: Account) -> None:
    audit.record(RequestFactory().get("/"), action="key.revoke", caller=alice.caller, detail="x" * 1_000)
    with alice.caller.scope():
        line = AuditRecord.objects.get()
    assert (line.action, line.person, line.tenant_id) == ("key.revoke", alice.owner.email, alice.tenant.id)
    assert len(line.detail) == 300


@pytest.mark.parametrize("path", ["/a\0b", "/a\u202eb", "/" + "x" * 5_000])
def test_strange_paths_are_kept_harmless(alice: Account, path: str) -> None:
    request = RequestFactory().get("/")
    request.path = path
    audit.record(request, action="test.path", caller=alice.caller)
    with alice.caller.scope():
        kept = AuditRecord.objects.get().path
    assert kept.isprintable()
    assert len(kept) <= 300


def test_what_a_person_does_in_the_dashboard_leaves_a_line(alice: Account) -> None:
    client = Client()
    client.force_login(alice.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.get("/keys/")
    client.post("/keys/create/", {"name": "web shop"})
    with alice.caller.scope():
        line = AuditRecord.objects.get()
    assert (line.action, line.person, line.status) == ("dashboard.key-create", alice.owner.email, 200)
