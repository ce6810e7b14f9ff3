"""Every route of the URLconf, asked by those who have no business there. A new route is covered or fails here."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import ApiKey, User, WebhookEndpoint
from processing import images
from processing.images import Kind
from processing.models import DeliveryState, Job, State, WebhookDelivery
from tests.conftest import Account, make_member

# Open to everybody, with the reason why.
OPEN = {
    "healthz": "says only that the process lives",
    "readyz": "says only whether a worker is warm",
    "openapi": "describes the API",
    "api-docs": "shows that description",
    "api-errors": "explains the errors that everybody can meet",
    "image-link": "the signature is the permission; without one it is refused below",
    "rmbg-result": "the same, with a name",
    "account_login": "signing in",
    "account_logout": "signing out",
    "account_signup": "says that there is no open sign-up",
    "account_inactive": "says that an account is closed",
    "account_reset_password": "starts a password reset",
    "account_reset_password_done": "goes on with it",
    "account_reset_password_from_key": "goes on with it",
    "account_reset_password_from_key_done": "goes on with it",
    "account_confirm_email": "allauth's, needs its own signed key",
    "account_email_verification_sent": "allauth's note",
    "metrics": "figures without names",
}
REFUSALS = {302, 401, 403, 404, 405}
METHODS = ("get", "post", "put", "delete")
LISTED = 9  # jobs of each tenant, on several pages


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str | None, URLPattern]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            yield path, pattern.name, pattern


ROUTES = [(path, name) for path, name, _ in routes(get_resolver().url_patterns) if not path.startswith("admin/")]


@pytest.fixture
def job(alice: Account) -> Job:
    """A job of Alice's with everything to see."""
    now = timezone.now()
    job = Job(
        tenant=alice.tenant,
        state=State.SUCCEEDED,
        filename="secret-of-alice.jpg",
        model="u2netp",
        original_format="PNG",
        original_bytes=14,
        result_media_type="image/png",
        width=1,
        height=1,
        finished_at=now,
        has_preview=True,
        images_expire_at=now + timedelta(days=1),
    )
    with alice.caller.scope():
        job.save()
        listen(job)
    for kind in Kind:
        images.store(job, kind, b"pixels of alice")
    return job


def listen(job: Job) -> None:
    """A webhook and a message to it, both under the job's id: one is enough for all addresses."""
    tenant = job.tenant
    endpoint = WebhookEndpoint.objects.create(id=job.id, tenant=tenant, url="https://alice.example/", sealed_secret="x")
    WebhookDelivery.objects.create(
        id=job.id, tenant=tenant, endpoint=endpoint, event="job.failed", state=DeliveryState.FAILED, answer="alice"
    )


def address(path: str, job: Job, key_id: int) -> str:
    """The route with Alice's ids in it."""
    ids = ("job_id", "task_id", "webhook_id", "delivery_id")
    values = {f"<uuid:{name}>": str(job.id) for name in ids}
    values |= {"<kind:kind>": "result", "<int:key_id>": str(key_id)}
    values |= {"<str:token>": "forged", "<key>": "forged", "<str:name>": "forged.png"}
    for placeholder, value in values.items():
        path = path.replace(placeholder, value)
    assert "<" not in path or "account" in path, f"say in address() what stands for the placeholder in {path}"
    return "/" + path


@pytest.fixture
def key_id(alice: Account) -> int:
    with alice.caller.scope():
        key: ApiKey = ApiKey.objects.get()
    return key.pk


def as_person(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def body_of(response: Any) -> bytes:
    """In lower case, as a name may be written either way."""
    body: bytes = b"".join(response.streaming_content) if response.streaming else response.content
    return body.lower()


@pytest.mark.parametrize(("path", "name"), ROUTES)
def test_a_stranger_without_an_account_is_refused(path: str, name: str | None, job: Job, key_id: int) -> None:
    client = Client(raise_request_exception=False)
    for method in METHODS:
        response = getattr(client, method)(address(path, job, key_id))
        assert name in OPEN or response.status_code in REFUSALS, (method, path, response.status_code)
        assert response.status_code != 500
        assert b"alice" not in body_of(response)


@pytest.mark.parametrize(("path", "name"), ROUTES)
def test_another_tenants_person_and_key_see_nothing(
    path: str, name: str | None, job: Job, key_id: int, charlie: Account
) -> None:
    url = address(path, job, key_id)
    has_id = "<uuid:" in path or "<int:" in path
    for client, headers in ((as_person(charlie.owner), {}), (Client(raise_request_exception=False), charlie.headers)):
        for method in METHODS:
            response = getattr(client, method)(url, headers=headers)
            assert response.status_code != 500, (method, path)
            assert b"alice" not in body_of(response), (method, path)
            assert not has_id or response.status_code in REFUSALS, (method, path, response.status_code)


def test_nothing_of_alices_was_changed_by_all_that(job: Job, key_id: int, alice: Account, charlie: Account) -> None:
    for path, _ in ROUTES:
        for method in METHODS:
            getattr(as_person(charlie.owner), method)(address(path, job, key_id))
    with alice.caller.scope():
        assert Job.objects.get().images_removed_at is None
        assert ApiKey.objects.get().revoked_at is None
        assert WebhookEndpoint.objects.get().sealed_secret == "x"
        assert WebhookDelivery.objects.get().state == DeliveryState.FAILED
    assert images.read(job, Kind.RESULT) == b"pixels of alice"


NOT_FOR_VIEWERS = [
    "jobs/{job}/remove/",
    "keys/create/",
    "keys/{key}/revoke/",
    "webhooks/create/",
    "webhooks/{job}/rotate/",
    "webhooks/{job}/enable/",
    "webhooks/{job}/disable/",
    "webhooks/{job}/test/",
    "webhooks/{job}/delete/",
    "webhooks/{job}/deliveries/{job}/replay/",
]


@pytest.mark.parametrize("path", NOT_FOR_VIEWERS)
def test_a_viewer_looks_and_touches_nothing(path: str, job: Job, key_id: int, alice: Account, victor: User) -> None:
    client = as_person(victor)
    assert client.get(f"/jobs/{job.id}/").status_code == 200
    response = client.post("/" + path.format(job=job.id, key=key_id), {"name": "mine"})
    assert response.status_code == 403
    with alice.caller.scope():
        assert Job.objects.get().images_removed_at is None
        assert ApiKey.objects.get().revoked_at is None
        assert WebhookEndpoint.objects.get().sealed_secret == "x"
        assert WebhookDelivery.objects.get().state == DeliveryState.FAILED


def test_a_viewer_submits_nothing(victor: User, photo: bytes, alice: Account) -> None:
    response = as_person(victor).post("/api/v1/jobs", photo, content_type="image/jpeg")
    assert (response.status_code, response.json()["code"]) == (403, "role_forbids")


def test_a_session_needs_the_csrf_token(alice: Account, photo: bytes) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    response = client.post("/api/v1/jobs", photo, content_type="image/jpeg")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_a_chosen_workspace_that_is_not_ones_own_is_ignored(alice: Account, charlie: Account, job: Job) -> None:
    client = as_person(charlie.owner)
    client.post("/workspace/", {"tenant": str(alice.tenant.id)})
    response = client.get("/history/")
    assert response.status_code == 200
    assert b"secret-of-alice" not in response.content


def test_somebody_who_left_sees_nothing_any_more(alice: Account, job: Job) -> None:
    member = make_member(alice.tenant, "member")  # type: ignore[arg-type]
    client = as_person(member)
    assert client.get(f"/jobs/{job.id}/").status_code == 200
    with alice.caller.scope():
        member.memberships.all().delete()
    assert client.get(f"/jobs/{job.id}/").status_code == 403


def add_jobs(account: Account, *, newest: datetime) -> list[str]:
    """Their ids, as the API lists them."""
    with account.caller.scope():
        added = Job.objects.bulk_create(
            Job(
                tenant=account.tenant,
                model="u2netp",
                original_format="PNG",
                original_bytes=14,
                width=1,
                height=1,
                created_at=newest - timedelta(seconds=age),
                images_expire_at=newest,
            )
            for age in range(LISTED)
        )
    return [str(job.id) for job in added]


def listed(web: str, account: Account) -> list[str]:
    """The ids that one walk over all pages finds."""
    ids: list[str] = []
    url: str | None = f"{web}/api/v1/jobs?limit=2"
    with httpx.Client(headers=account.headers, timeout=30) as client:
        while url and len(ids) <= LISTED:
            page = client.get(url).json()
            ids += [job["id"] for job in page["results"]]
            url = page["next"]
    return ids


def test_lists_that_are_read_at_once_keep_to_their_tenants(web: str, alice: Account, charlie: Account) -> None:
    now = timezone.now()
    own = [(alice, add_jobs(alice, newest=now)), (charlie, add_jobs(charlie, newest=now - timedelta(days=365)))]
    walks = own * 10
    with ThreadPoolExecutor(len(own) * 2) as threads:
        found = list(threads.map(lambda walk: listed(web, walk[0]), walks))
    assert found == [ids for _, ids in walks]


def test_ids_of_strange_kinds_find_nothing(alice: Account, job: Job) -> None:
    client = as_person(alice.owner)
    for kind in ("secret", "..", "original%00"):
        assert client.get(f"/jobs/{job.id}/{kind}").status_code == 404
    assert client.get(f"/jobs/{UUID(int=0)}/").status_code == 404
