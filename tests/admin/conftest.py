"""An operator at the console, and two tenants that have something to show there."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from accounts.tenancy import platform_scope
from processing import audit, improvements, jobs
from processing.engine.options import Options
from processing.models import AuditRecord, Job
from tests.conftest import Account, make_account, make_user
from tests.photographs import astronaut

type Press = Callable[..., Any]


@pytest.fixture(autouse=True)
def styled(static_files: None) -> None:
    """The console's pages name the files that collectstatic has made."""


@pytest.fixture
def operator(db: None) -> User:
    return make_user("operator", is_operator=True)


@pytest.fixture
def console(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.fixture
def acme(db: None) -> Account:
    return make_busy_account("Acme")


@pytest.fixture
def job(acme: Account) -> Job:
    with platform_scope():
        return Job.objects.get(tenant=acme.tenant)


def make_busy_account(name: str) -> Account:
    """With a job, which has reserved a credit, the request for it in the audit log, and an image for better models."""
    account = make_account(name)
    account.tenant.allows_improvement = True
    improvements.submit(account.caller, astronaut(64, 64), filename="photo.jpg", tag="glass")
    job = jobs.submit(account.caller, astronaut(64, 64), Options(), filename="photo.jpg")
    record_request(account, job_id=job.id, model=job.model, pixels=job.pixels)
    return account


def record_request(account: Account, *, path: str = "/api/v1/jobs", **facts: Any) -> AuditRecord:
    request = RequestFactory().post(path, headers={"User-Agent": str(facts.pop("user_agent", "curl"))})
    with platform_scope():
        api_key = account.tenant.api_keys.get()
        caller = type(account.caller)(tenant=account.tenant, api_key=api_key)
        audit.record(request, action=audit.REQUEST, caller=caller, **{"status": HTTPStatus.OK, **facts})
        return AuditRecord.objects.latest("id")


@pytest.fixture
def press(console: Client) -> Press:
    """Confirms an action's dialog on the page of an object."""

    def press(action: str, obj: Model, **answers: str) -> Any:
        page = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{action}"
        return console.post(reverse(page, args=[obj.pk]), {"_form_submitted": "True", **answers})

    return press


@pytest.fixture
def acts(operator: User) -> Callable[[], list[tuple[str, str]]]:
    """What the audit log says that the operator did."""

    def acts() -> list[tuple[str, str]]:
        with platform_scope():
            return list(
                AuditRecord.objects.filter(person=operator.email).order_by("id").values_list("action", "detail")
            )

    return acts
