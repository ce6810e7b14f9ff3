import os
from http import HTTPStatus

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.tenancy import platform_scope
from processing.models import AuditRecord
from tests.admin.conftest import record_request
from tests.conftest import Account

LIST = "admin:processing_auditrecord_changelist"
CHANGES = ["UPDATE processing_auditrecord SET path = ''", "DELETE FROM processing_auditrecord"]


@pytest.fixture
def record(acme: Account) -> AuditRecord:
    with platform_scope():
        return AuditRecord.objects.get(tenant=acme.tenant)


def listed(console: Client, account: Account, **query: str) -> list[AuditRecord]:
    answer = console.get(reverse(LIST), {"tenant__id__exact": str(account.tenant.pk), **query})
    assert answer.status_code == HTTPStatus.OK
    return list(answer.context["cl"].result_list)


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_an_operator_cannot_write_it(console: Client, record: AuditRecord, page: str) -> None:
    url = reverse(f"admin:processing_auditrecord_{page}", args=[] if page == "add" else [record.pk])
    assert console.post(url, {"path": "/other", "post": "yes"}).status_code == HTTPStatus.FORBIDDEN


def test_there_is_no_way_to_delete_a_selection(console: Client, acme: Account, record: AuditRecord) -> None:
    console.post(reverse(LIST), {"action": "delete_selected", "_selected_action": [record.pk], "post": "yes"})
    assert listed(console, acme) == [record]


@pytest.mark.parametrize("change", CHANGES)
def test_the_app_cannot_change_it_in_sql(record: AuditRecord, change: str) -> None:
    with platform_scope(), pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change)


@pytest.mark.parametrize("change", [*CHANGES, "TRUNCATE processing_auditrecord"])
def test_the_owner_of_the_schema_cannot_change_it_in_sql(db: None, change: str) -> None:
    with (
        psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner,
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
    ):
        owner.execute(change)


def test_it_is_filtered_by_status_and_by_class_of_status(console: Client, acme: Account, record: AuditRecord) -> None:
    refused = record_request(acme, status=404)
    assert listed(console, acme, status="404") == [refused]
    assert listed(console, acme, status="4xx") == [refused]
    assert listed(console, acme, status="2XX") == [record]
    assert listed(console, acme, status="5xx") == []


def test_it_is_filtered_by_key_address_model_and_action(console: Client, acme: Account, record: AuditRecord) -> None:
    for name in ("api_key_prefix", "ip", "model", "action"):
        assert listed(console, acme, **{name: getattr(record, name)}) == [record]
        assert listed(console, acme, **{name: "192.0.2.1"}) == []


def test_it_is_filtered_by_day(console: Client, acme: Account, record: AuditRecord) -> None:
    day = f"{record.at:%Y-%m-%d}"
    assert listed(console, acme, at_from=day, at_to=day) == [record]
    assert listed(console, acme, at_from="2999-01-01") == []
    assert listed(console, acme, at_from="0001-01-01", at_to="9999-12-31") == [record]


def test_it_is_searched_by_request_job_and_path(console: Client, acme: Account, record: AuditRecord) -> None:
    other = record_request(acme, path="/v1.0/removebg")
    assert listed(console, acme, q=str(record.job_id)) == [record]
    assert listed(console, acme, q="/v1.0/") == [other]
    assert listed(console, acme, q="/nowhere") == []


@pytest.mark.parametrize(
    "nonsense", [{"status": "x"}, {"ip": "1.2.3"}, {"at_from": "x"}, {"q": "\x00"}, {"request_id": "\x00"}]
)
def test_a_filter_that_makes_no_sense_is_no_error(console: Client, acme: Account, nonsense: dict[str, str]) -> None:
    listed(console, acme, **nonsense)


def test_no_list_counts_the_whole_table(console: Client, acme: Account) -> None:
    with CaptureQueriesContext(connection) as queries:
        listed(console, acme)
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"].upper()]
