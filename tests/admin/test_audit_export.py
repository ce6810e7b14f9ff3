import csv
import io
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from config.limits import LIMITS
from processing import audit_export
from tests.admin.conftest import make_busy_account, record_request
from tests.conftest import Account


def exported(console: Client, account: Account, **query: str) -> list[dict[str, Any]]:
    address = reverse("admin:processing_auditrecord_export")
    answer = console.get(address, {"tenant__id__exact": str(account.tenant.pk), **query})
    assert answer.status_code == HTTPStatus.OK
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode(), newline="")))


def test_a_line_says_who_asked_for_what(console: Client, acme: Account) -> None:
    (line,) = exported(console, acme)
    facts = {name: line[name] for name in ("tenant", "action", "ip", "method", "path", "status", "model", "pixels")}
    assert facts == {
        "tenant": "Acme",
        "action": "request",
        "ip": "127.0.0.1",
        "method": "POST",
        "path": "/api/v1/jobs",
        "status": "200",
        "model": "u2net",
        "pixels": "4096",
    }
    assert line["api_key_prefix"] == acme.key[:17]


def test_it_has_the_lines_that_the_filters_leave(console: Client, acme: Account) -> None:
    make_busy_account("Other")
    record_request(acme, status=404, path="/api/v1/jobs/1")
    assert [line["path"] for line in exported(console, acme, status="4xx")] == ["/api/v1/jobs/1"]
    assert len(exported(console, acme)) == 2


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_takes_nothing_for_a_formula(console: Client, acme: Account, text: str) -> None:
    record_request(acme, error_code=text)
    assert exported(console, acme)[0]["error_code"] == f"'{text}"


def test_it_stops_at_the_limit_with_the_newest_lines(
    console: Client, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_export, "LIMITS", replace(LIMITS, audit_export_rows=1))
    newest = record_request(acme, path="/newest")
    assert [line["path"] for line in exported(console, acme)] == [newest.path]


def test_it_reads_no_more_than_a_chunk_at_once(console: Client, acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_export, "CHUNK_LINES", 2)
    for number in range(4):
        record_request(acme, path=f"/{number}")
    assert [line["path"] for line in exported(console, acme)] == ["/3", "/2", "/1", "/0", "/api/v1/jobs"]


def test_it_is_itself_in_the_log(console: Client, acme: Account, acts: Callable[[], object]) -> None:
    exported(console, acme, status="4xx")
    assert acts() == [("audit.export", f"tenant__id__exact={acme.tenant.pk}&status=4xx")]


def test_the_list_leads_to_it_with_its_filters(console: Client, acme: Account) -> None:
    shown = console.get(reverse("admin:processing_auditrecord_changelist"), {"status": "4xx"}).content.decode()
    assert f'href="{reverse("admin:processing_auditrecord_export")}?status=4xx"' in shown
