"""POST /v1.0/improve: images for better models, with the account's consent only."""

import base64
from uuid import UUID

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from accounts.tenancy import platform_scope
from config.limits import LIMITS
from processing.models import ImprovementSubmission
from tests.api.conftest import NOTHING, audit_lines, left_behind, stored_files
from tests.api.test_removebg_errors import assert_refused
from tests.conftest import Account, make_user
from tests.photographs import astronaut


def send(http: httpx.Client, account: Account, **body: object) -> httpx.Response:
    return http.post("/v1.0/improve", headers=account.headers, **(body or {"files": {"image_file": astronaut()}}))  # type: ignore[arg-type]


@pytest.fixture
def willing(alice: Account) -> Account:
    with platform_scope():
        alice.tenant.allows_improvement = True
        alice.tenant.save()
    return alice


def submissions(account: Account) -> list[ImprovementSubmission]:
    with account.caller.scope():
        return list(ImprovementSubmission.objects.all())


def test_without_consent_nothing_is_taken_in(http: httpx.Client, alice: Account) -> None:
    assert_refused(send(http, alice), 403, "consent_missing")
    assert left_behind(alice) == NOTHING
    assert submissions(alice) == []


def test_an_image_is_kept_and_costs_nothing(http: httpx.Client, willing: Account, charlie: Account) -> None:
    data = {"image_filename": "mug.jpg", "tag": "glass"}
    response = send(http, willing, files={"image_file": ("x.jpg", astronaut())}, data=data)
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"id"}
    (submission,) = submissions(willing)
    assert submission.id == UUID(response.json()["id"])
    assert (submission.filename, submission.tag, submission.original_format) == ("mug.jpg", "glass", "JPEG")
    assert left_behind(willing) == NOTHING | {"files": [f"{submission.id}/original"]}
    assert submissions(charlie) == []
    assert audit_lines(willing)[0].path == "/v1.0/improve"


def test_base64_will_do(http: httpx.Client, willing: Account) -> None:
    assert send(http, willing, json={"image_file_b64": base64.b64encode(astronaut()).decode()}).status_code == 200


@pytest.mark.parametrize(("body", "code"), [({"data": {"tag": "x"}}, "missing_source"),
                                            ({"files": {"image_file": b"x"}}, "failed_to_read_image")])  # fmt: skip
def test_what_is_no_image_is_refused(http: httpx.Client, willing: Account, body: dict[str, object], code: str) -> None:
    assert_refused(send(http, willing, **body), 400, code)
    assert submissions(willing) == []
    assert stored_files(willing) == []


def test_so_many_a_day(http: httpx.Client, willing: Account) -> None:
    with willing.caller.scope():
        ImprovementSubmission.objects.bulk_create(
            ImprovementSubmission(tenant=willing.tenant, original_format="JPEG", original_bytes=1, width=1, height=1)
            for _ in range(LIMITS.submissions_per_day - 1)
        )
    assert send(http, willing).status_code == 200
    response = send(http, willing)
    assert_refused(response, 429, "rate_limit_exceeded")
    assert 0 < int(response.headers["retry-after"]) <= 86_400


def test_the_operator_sees_it(http: httpx.Client, willing: Account, client: Client) -> None:
    submission_id = send(http, willing).json()["id"]
    client.force_login(make_user("operator", is_operator=True))
    page = client.get(reverse("admin:processing_improvementsubmission_change", args=[submission_id]))
    image = reverse("admin:processing_improvementsubmission_image", args=[submission_id])
    assert image in page.content.decode()
    shown = client.get(image)
    assert b"".join(shown.streaming_content) == astronaut()  # type: ignore[attr-defined]
    client.force_login(willing.owner)
    assert client.get(image).status_code in (302, 403)
