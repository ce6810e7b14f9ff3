"""What the sweeper does about jobs that a crash, or a queue that forgot, has left lying."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from accounts import ledger
from accounts.models import UsageEntry
from accounts.tenancy import platform_scope
from config.celery import INTERACTIVE
from config.limits import LIMITS
from config.local.processes import ChildProcess
from processing import images, jobs, queue, sweeping
from processing.images import Kind
from processing.models import FINAL, TRANSITIONS, Job, State
from tests.conftest import Account
from tests.waiting import suspended

LONG_AGO = timedelta(hours=1)
ALREADY_ON_THE_WAY = 10  # messages that a worker, asleep or not, has asked the broker for


def make_job(account: Account, **fields: Any) -> Job:
    now = timezone.now()
    defaults = {
        "tenant": account.tenant,
        "model": "none",
        "original_format": "PNG",
        "original_bytes": 1,
        "width": 1,
        "height": 1,
        "images_expire_at": now + timedelta(days=1),
    }
    job = Job(**defaults | fields)
    with account.caller.scope():
        ledger.reserve(account.tenant, job_id=job.id, credits=job.credits, api_key=None)
        job.save()
    return job


def running(account: Account, *, attempts: int, lease_ended: timedelta = LONG_AGO) -> Job:
    return make_job(
        account,
        state=State.RUNNING,
        attempts=attempts,
        lease=uuid4(),
        lease_expires_at=timezone.now() - lease_ended,
    )


def now(account: Account, job: Job) -> Job:
    with account.caller.scope():
        return Job.objects.get(id=job.id)


def kinds(account: Account) -> list[str]:
    with account.caller.scope():
        return sorted(UsageEntry.objects.values_list("kind", flat=True))


def test_an_abandoned_job_is_queued_again(alice: Account) -> None:
    job = running(alice, attempts=1)
    sweeping.sweep()
    assert now(alice, job).state == State.QUEUED
    assert now(alice, job).attempts == 1, "attempts are counted when a run begins"


def test_a_job_whose_lease_is_renewed_is_left_alone(alice: Account) -> None:
    job = running(alice, attempts=1, lease_ended=-timedelta(seconds=10))
    sweeping.sweep()
    assert now(alice, job).state == State.RUNNING


def test_after_the_last_attempt_it_fails_with_its_credit_back(alice: Account) -> None:
    job = running(alice, attempts=LIMITS.attempts)
    sweeping.sweep()
    failed = now(alice, job)
    assert (failed.state, failed.error_code) == (State.FAILED, "worker_lost")
    assert kinds(alice) == ["release", "reserve"]
    with alice.caller.scope():
        assert alice.tenant.current_allowance().used == 0


def test_sweeping_twice_releases_once(alice: Account) -> None:
    running(alice, attempts=LIMITS.attempts)
    sweeping.sweep()
    sweeping.sweep()
    assert kinds(alice) == ["release", "reserve"]


@pytest.fixture
def emptied_queue() -> None:
    redis.Redis.from_url(settings.BROKER_URL).delete(INTERACTIVE)


def test_a_job_that_the_queue_forgot_is_published_again(alice: Account, emptied_queue: None) -> None:
    job = make_job(alice, queued_at=timezone.now() - LONG_AGO)
    sweeping.sweep()
    assert now(alice, job).queued_at > timezone.now() - timedelta(minutes=1)


def test_a_job_in_a_long_queue_is_not_published_again(
    alice: Account, worker: ChildProcess, emptied_queue: None
) -> None:
    with suspended(worker):
        job = make_job(alice, queued_at=timezone.now() - LONG_AGO)
        with platform_scope():
            waiting = Job.objects.filter(state=State.QUEUED).count()
        for _ in range(waiting + ALREADY_ON_THE_WAY):
            queue.publish(uuid4())
        sweeping.sweep()
        assert now(alice, job).queued_at == job.queued_at


def test_a_fresh_job_is_not_published_twice(alice: Account) -> None:
    job = make_job(alice)
    sweeping.sweep()
    assert now(alice, job).queued_at == job.queued_at


def test_a_lease_is_given_to_one_alone(alice: Account) -> None:
    job = make_job(alice)
    with platform_scope():
        first, second = Job.objects.lease(job.id), Job.objects.lease(job.id)
    assert isinstance(first, UUID)
    assert second is None
    assert now(alice, job).attempts == 1


def test_nobody_gets_a_lease_after_the_last_attempt(alice: Account) -> None:
    job = make_job(alice, attempts=LIMITS.attempts)
    with platform_scope():
        assert Job.objects.lease(job.id) is None


@pytest.mark.parametrize("state", FINAL)
def test_what_has_ended_stays_as_it_ended(alice: Account, state: State) -> None:
    job = make_job(alice, state=state, finished_at=timezone.now())
    with alice.caller.scope():
        for other in State:
            assert Job.objects.filter(id=job.id).move(other) == 0
    assert not jobs.cancel(alice.caller, job.id)
    assert now(alice, job).state == state


def test_every_state_stands_in_the_table_of_transitions() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(FINAL) == {State.SUCCEEDED, State.FAILED, State.CANCELED}


def test_images_past_their_retention_are_removed_and_the_line_stays(alice: Account) -> None:
    job = make_job(
        alice,
        state=State.FAILED,
        finished_at=timezone.now(),
        images_expire_at=timezone.now() - timedelta(seconds=1),
    )
    kept = make_job(alice, state=State.FAILED, finished_at=timezone.now())
    for each in (job, kept):
        images.store(each, Kind.ORIGINAL, b"pixels")
    sweeping.remove_expired_images()
    assert now(alice, job).images_removed_at is not None
    assert now(alice, kept).images_removed_at is None
    assert images.read(kept, Kind.ORIGINAL) == b"pixels"
    with pytest.raises(Exception, match="removed"):
        images.read(job, Kind.ORIGINAL)
