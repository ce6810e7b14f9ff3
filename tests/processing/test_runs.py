"""One attempt at a job, in this process and with a real network: how it ends, and what it may not end."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from uuid import uuid4

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from accounts.models import UsageEntry
from config import valkey
from processing import images, jobs, queue, runs
from processing.engine.options import Options
from processing.engine.sessions import Session, SessionCache
from processing.images import Kind
from processing.models import Job, State
from tests.conftest import Account
from tests.photographs import astronaut


@cache
def sessions() -> SessionCache:
    return SessionCache(provider="cpu", pinned=["u2netp"])


class Interrupted(SessionCache):
    """Does something while a run is under way, then goes on as usual or breaks off."""

    def __init__(self, meanwhile: object) -> None:
        super().__init__(provider="cpu")
        self.meanwhile = meanwhile

    def get(self, name: str) -> Session:
        if callable(self.meanwhile):
            self.meanwhile()
        return sessions().get(name)


@pytest.fixture
def job(alice: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """No worker is told of it, or a living one would take it from us."""
    monkeypatch.setattr(queue, "publish", lambda _job_id: None)
    job = jobs.submit(alice.caller, astronaut(64, 64), Options(model="u2netp"))
    yield job
    valkey.client().delete(f"mattery:ended:{job.id}")


def now(account: Account, job: Job) -> Job:
    return jobs.get(account.caller, job.id)


def kinds(account: Account) -> list[str]:
    with account.caller.scope():
        return sorted(UsageEntry.objects.values_list("kind", flat=True))


def was_woken(job: Job) -> bool:
    return bool(valkey.client().exists(f"mattery:ended:{job.id}"))


def lose_the_lease(account: Account, job: Job) -> None:
    """Another worker has taken the job over."""
    with account.caller.scope():
        Job.objects.filter(id=job.id).update(lease=uuid4(), lease_expires_at=timezone.now() + timedelta(hours=1))


def test_a_run_succeeds_is_charged_and_wakes(alice: Account, job: Job) -> None:
    runs.run(job.id, sessions())
    ended = now(alice, job)
    assert (ended.state, ended.attempts, ended.provider, ended.model_version) == (State.SUCCEEDED, 1, "cpu", "1")
    assert kinds(alice) == ["charge", "reserve"]
    assert images.read(ended, Kind.RESULT).startswith(b"\x89PNG")
    assert was_woken(job)


def test_a_second_delivery_does_nothing(alice: Account, job: Job) -> None:
    runs.run(job.id, sessions())
    first = now(alice, job)
    runs.run(job.id, sessions())
    assert now(alice, job).finished_at == first.finished_at
    assert now(alice, job).attempts == 1


def test_a_run_that_lost_its_lease_ends_nothing_and_wakes_nobody(alice: Account, job: Job) -> None:
    runs.run(job.id, Interrupted(lambda: lose_the_lease(alice, job)))
    assert now(alice, job).state == State.RUNNING
    assert kinds(alice) == ["reserve"]
    assert not was_woken(job)


def test_a_job_canceled_while_it_runs_keeps_no_image_and_costs_nothing(alice: Account, job: Job) -> None:
    runs.run(job.id, Interrupted(lambda: jobs.cancel(alice.caller, job.id)))
    assert now(alice, job).state == State.CANCELED
    assert kinds(alice) == ["release", "reserve"]
    for kind in Kind:
        with pytest.raises(Exception, match="removed"):
            images.read(job, kind)


def test_images_removed_while_a_late_run_goes_on_stay_removed(alice: Account, job: Job) -> None:
    """Its lease was lost, another worker has ended the job, and its images were deleted since."""

    def ended_and_deleted() -> None:
        with alice.caller.scope():
            Job.objects.filter(id=job.id).update(state=State.SUCCEEDED, finished_at=timezone.now(), lease=uuid4())
        jobs.remove(alice.caller, job.id)

    runs.run(job.id, Interrupted(ended_and_deleted))
    for kind in Kind:
        with pytest.raises(Exception, match="removed"):
            images.read(job, kind)


def test_a_run_out_of_time_fails_with_its_credit_back(alice: Account, job: Job) -> None:
    def too_long() -> None:
        raise SoftTimeLimitExceeded

    runs.run(job.id, Interrupted(too_long))
    ended = now(alice, job)
    assert (ended.state, ended.error_code) == (State.FAILED, "run_timed_out")
    assert kinds(alice) == ["release", "reserve"]
    assert was_woken(job)


def test_a_stored_image_that_is_gone_fails_by_that_name(alice: Account, job: Job) -> None:
    images.remove(job)
    runs.run(job.id, sessions())
    assert now(alice, job).error_code == "original_missing"
    assert kinds(alice) == ["release", "reserve"]


def test_an_error_that_may_pass_leaves_the_job_to_the_sweeper(alice: Account, job: Job) -> None:
    def broken() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        runs.run(job.id, Interrupted(broken))
    assert now(alice, job).state == State.RUNNING
    assert kinds(alice) == ["reserve"]
