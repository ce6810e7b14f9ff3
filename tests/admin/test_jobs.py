import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Tenant
from accounts.tenancy import platform_scope
from processing.models import Job, State
from tests.admin.conftest import Press, make_busy_account
from tests.photographs import astronaut

LIST = "admin:processing_job_changelist"


def image_address(job: Job, kind: str) -> str:
    return reverse("admin:processing_job_image", args=[job.pk, kind])


def listed(console: Client, **query: str) -> list[uuid.UUID]:
    return [job.pk for job in console.get(reverse(LIST), query).context["cl"].result_list]


def test_a_canceled_job_gives_its_credit_back(
    press: Press, job: Job, acts: Callable[[], object], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        press("cancel", job)
    with platform_scope():
        job.refresh_from_db()
        assert Tenant.objects.get(pk=job.tenant_id).current_allowance().used == 0
    assert job.state == State.CANCELED
    assert not job.has_images
    assert acts() == [("admin.change", f"job {job.pk}: Canceled.")]


def test_a_job_that_has_ended_cannot_be_canceled(press: Press, job: Job) -> None:
    with platform_scope():
        Job.objects.filter(pk=job.pk).move(State.FAILED, finished_at=job.created_at)
    assert press("cancel", job).status_code == HTTPStatus.FORBIDDEN


def test_the_operator_sees_the_image(console: Client, job: Job) -> None:
    answer = console.get(image_address(job, "original"))
    assert answer["Content-Type"] == "image/jpeg"
    assert b"".join(answer) == astronaut(64, 64)
    assert (
        image_address(job, "original")
        in console.get(reverse("admin:processing_job_change", args=[job.pk])).content.decode()
    )


@pytest.mark.parametrize(("kind", "status"), [("result", HTTPStatus.GONE), ("secret", HTTPStatus.NOT_FOUND)])
def test_an_image_that_is_not_there_is_said_so(console: Client, job: Job, kind: str, status: HTTPStatus) -> None:
    assert console.get(image_address(job, kind)).status_code == status


def test_the_list_is_filtered(console: Client, job: Job) -> None:
    make_busy_account("Other")
    day = f"{job.created_at:%Y-%m-%d}"
    tenant = str(job.tenant_id)
    assert listed(console, tenant__id__exact=tenant, state__exact="queued", model="u2net") == [job.pk]
    assert listed(console, tenant__id__exact=tenant, created_at_from=day, created_at_to=day) == [job.pk]
    assert listed(console, tenant__id__exact=tenant, created_at_to="2020-01-01") == []
    assert listed(console, tenant__id__exact=tenant, provider="cuda") == []
    assert listed(console, q=str(job.pk)) == [job.pk]
    assert listed(console, q="nonsense") == []


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_jobs_cannot_be_written(console: Client, job: Job, page: str) -> None:
    url = reverse(f"admin:processing_job_{page}", args=[] if page == "add" else [job.pk])
    assert console.post(url, {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
