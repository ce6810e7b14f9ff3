"""A POST with an Idempotency-Key: done once, and answered the same way as often as it comes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import Allowance
from api.idempotency import REPLAYED, once
from api.uploads import Upload
from config.limits import LIMITS
from processing import idempotency, jobs
from processing.engine.options import Options
from processing.errors import StorageUnavailable
from processing.models import IdempotentRequest, Job
from tests.api.conftest import NOTHING, assert_problem, audit_lines, left_behind
from tests.conftest import Account
from tests.photographs import astronaut

pytestmark = pytest.mark.usefixtures("worker")

type Send = Callable[..., httpx.Response]


@pytest.fixture
def send(http: httpx.Client, alice: Account, photo: bytes) -> Send:
    """Posts Alice's photograph with a key; httpx makes a new form boundary each time."""

    def post(key: str, *, wait: int = 60, image: bytes = photo, account: Account = alice, **fields: str) -> Any:
        headers = account.headers | {"Idempotency-Key": key} | ({"Prefer": f"wait={wait}"} if wait else {})
        form = {"model": "u2netp"} | fields
        return http.post("/api/v1/jobs", headers=headers, files={"image": ("photo.jpg", image)}, data=form)

    return post


def assert_the_same(first: httpx.Response, again: httpx.Response) -> None:
    assert (again.status_code, again.content) == (first.status_code, first.content)
    mine = {"x-request-id", "date", "ratelimit"}
    assert {name: value for name, value in again.headers.items() if name not in {*mine, REPLAYED.lower()}} == {
        name: value for name, value in first.headers.items() if name not in mine
    }
    assert again.headers[REPLAYED] == "true"
    assert REPLAYED not in first.headers


def count(account: Account) -> int:
    with account.caller.scope():
        return Job.objects.count()


def used(account: Account) -> int:
    with account.caller.scope():
        return int(account.tenant.current_allowance().used)


def test_a_repeated_request_is_done_once(send: Send, alice: Account) -> None:
    first, again = send("one"), send("one")
    assert first.headers["content-type"] == "image/png"
    assert_the_same(first, again)
    assert (count(alice), used(alice)) == (1, 1)


def test_a_description_is_repeated_byte_for_byte(send: Send, alice: Account) -> None:
    first, again = send("later", wait=0), send("later", wait=0)
    assert first.status_code == 202
    assert_the_same(first, again)
    assert count(alice) == 1


def test_without_a_key_every_request_is_new(http: httpx.Client, alice: Account, photo: bytes) -> None:
    for _ in range(2):
        http.post("/api/v1/jobs?model=u2netp", headers=alice.headers | {"Content-Type": "image/jpeg"}, content=photo)
    assert count(alice) == 2


@pytest.mark.parametrize("changed", [{"image": astronaut(32, 32)}, {"format": "webp"}])
def test_a_key_is_for_one_request(send: Send, alice: Account, changed: dict[str, Any]) -> None:
    send("mine")
    assert_problem(send("mine", **changed), 422, "idempotency_key_reused")
    assert (count(alice), used(alice)) == (1, 1)


def test_another_tenants_key_is_another_key(send: Send, alice: Account, charlie: Account) -> None:
    send("shared")
    assert REPLAYED not in send("shared", account=charlie, format="webp").headers
    assert (count(alice), count(charlie)) == (1, 1)


def test_many_at_once_are_one(send: Send, alice: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send("together"), range(8)))
    done = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert done
    assert len({answer.content for answer in done}) == 1
    for answer in refused:
        assert_problem(answer, 409, "request_in_progress")
        assert int(answer.headers["retry-after"]) >= 1
    assert (count(alice), used(alice)) == (1, 1)


def test_nothing_is_kept_of_a_refused_request(send: Send, alice: Account) -> None:
    assert_problem(send("again", crop_margin="1000000px"), 400, "invalid_option")
    assert_problem(send("again", image=b"not an image"), 415, "not_an_image")
    with alice.caller.scope():
        assert not IdempotentRequest.objects.exists()
    assert left_behind(alice) == NOTHING
    assert send("again").status_code == 200


def test_nothing_is_kept_of_a_request_without_credits(send: Send, alice: Account) -> None:
    with alice.caller.scope():
        allowance = alice.tenant.current_allowance()
        Allowance.objects.filter(pk=allowance.pk).update(granted=0)
    assert_problem(send("poor"), 402, "insufficient_credits")
    with alice.caller.scope():
        Allowance.objects.filter(pk=allowance.pk).update(granted=1)
    assert send("poor").status_code == 200


def test_a_job_that_failed_is_not_tried_again(send: Send, alice: Account, photo: bytes) -> None:
    cut_short = photo[: len(photo) // 2]
    first, again = send("broken", image=cut_short), send("broken", image=cut_short)
    assert first.status_code == 422
    assert_the_same(first, again)
    assert (count(alice), used(alice)) == (1, 0)


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 256])
def test_what_is_no_key(http: httpx.Client, alice: Account, photo: bytes, key: str) -> None:
    headers = {**alice.headers, "Content-Type": "image/jpeg", "Idempotency-Key": key}
    encoded = {name.encode(): value.encode() for name, value in headers.items()}
    response = http.post("/api/v1/jobs", headers=encoded, content=photo)
    assert assert_problem(response, 400, "invalid_parameter")["param"] == "Idempotency-Key"
    assert count(alice) == 0


def abandoned_claim(account: Account, fingerprint: str, job_id: UUID) -> None:
    """Of a process that died long ago."""
    long_ago = timezone.now() - timedelta(seconds=LIMITS.wait_max_s * 3)
    with account.caller.scope():
        IdempotentRequest.objects.create(
            tenant=account.tenant,
            key="died",
            fingerprint=fingerprint,
            job_id=job_id,
            created_at=long_ago,
            claimed_at=long_ago,
        )


def fingerprint_of(send: Send, account: Account) -> str:
    """As the server makes it of the same request."""
    send("probe", wait=0)
    with account.caller.scope():
        found: str = IdempotentRequest.objects.get(key="probe").fingerprint
    return found


def test_after_a_crash_the_job_that_was_made_is_found_again(send: Send, alice: Account, photo: bytes) -> None:
    made = jobs.submit(alice.caller, photo, Options(model="u2netp"), job_id=uuid4())
    abandoned_claim(alice, fingerprint_of(send, alice), made.id)
    answer = send("died")
    assert (answer.status_code, answer.headers["x-job-id"]) == (200, str(made.id))
    assert count(alice) == 2  # it, and the probe


def test_after_a_crash_before_the_job_it_is_made(send: Send, alice: Account) -> None:
    job_id = uuid4()
    abandoned_claim(alice, fingerprint_of(send, alice), job_id)
    assert send("died").headers["x-job-id"] == str(job_id)
    assert_the_same(send("fresh"), send("fresh"))


def test_images_that_are_gone_are_not_answered_again(send: Send, http: httpx.Client, alice: Account) -> None:
    job_id = send("gone").headers["x-job-id"]
    assert http.delete(f"/api/v1/jobs/{job_id}", headers=alice.headers).status_code == 204
    assert_problem(send("gone"), 410, "images_removed")
    assert count(alice) == 1


def test_a_key_is_forgotten_after_its_time(send: Send, alice: Account) -> None:
    send("old", wait=0)
    with alice.caller.scope():
        IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=LIMITS.idempotency_s + 1))
    send("young", wait=0)
    assert idempotency.remove_expired() == 1
    with alice.caller.scope():
        assert list(IdempotentRequest.objects.values_list("key", flat=True)) == ["young"]


def as_in_a_view(account: Account, photo: bytes, answer: Callable[[UUID | None], Any]) -> Any:
    request = RequestFactory().post("/api/v1/jobs", headers={"Idempotency-Key": "inside"})
    upload = Upload(image=photo, filename="", fields={})
    return once(request, account.caller, upload, answer)


def test_a_result_that_could_not_be_read_just_then_is_not_made_again(alice: Account, photo: bytes) -> None:
    seen: list[UUID] = []

    def answer(job_id: UUID | None) -> Any:
        assert job_id
        seen.append(job_id)
        if jobs.find(alice.caller, job_id) is None:
            jobs.submit(alice.caller, photo, Options(model="u2netp"), job_id=job_id)
            raise StorageUnavailable
        return HttpResponse(b"found again")

    with pytest.raises(StorageUnavailable):
        as_in_a_view(alice, photo, answer)
    assert as_in_a_view(alice, photo, answer).content == b"found again"
    assert seen[0] == seen[1]
    assert (count(alice), used(alice)) == (1, 1)


def test_after_an_unexpected_error_the_request_may_be_repeated_at_once(alice: Account, photo: bytes) -> None:
    def broken(_: UUID | None) -> Any:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        as_in_a_view(alice, photo, broken)
    assert as_in_a_view(alice, photo, lambda _: HttpResponse(b"well")).content == b"well"


def test_a_repeated_failure_is_audited_with_its_code(send: Send, alice: Account, photo: bytes) -> None:
    cut_short = photo[: len(photo) // 2]
    for _ in range(2):
        send("broken", image=cut_short)
    first, again = audit_lines(alice)
    assert first.error_code
    assert (again.status, again.error_code, again.job_id) == (422, first.error_code, first.job_id)
