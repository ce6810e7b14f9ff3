"""Canceling and removing: at once for everybody who looks, and tried again when the storage fails."""

from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import transaction

from accounts.models import UsageEntry
from config import valkey
from processing import images, jobs, sweeping
from processing.engine.options import Options
from processing.errors import ImagesRemoved
from processing.images import Kind
from processing.models import Job, State
from tests.conftest import Account
from tests.photographs import astronaut


@pytest.fixture
def job(alice: Account) -> Job:
    job = jobs.submit(alice.caller, astronaut(64, 64), Options(model="u2netp"))
    valkey.client().delete("interactive")
    return job


def folder(job: Job) -> Path:
    return Path(default_storage.path(f"{job.tenant_id}/{job.id}"))


def test_canceling_twice_releases_once(alice: Account, job: Job) -> None:
    assert jobs.cancel(alice.caller, job.id)
    assert not jobs.cancel(alice.caller, job.id)
    with alice.caller.scope():
        assert UsageEntry.objects.filter(kind="release").count() == 1


def test_nothing_is_left_on_the_disk(alice: Account, job: Job) -> None:
    assert folder(job).exists()
    jobs.remove(alice.caller, job.id)
    assert not folder(job).exists()
    assert jobs.get(alice.caller, job.id).images_removed_at is not None


def test_a_cancel_that_is_rolled_back_removes_nothing(alice: Account, job: Job) -> None:
    with alice.caller.scope(), transaction.atomic():
        jobs.cancel(alice.caller, job.id)
        transaction.set_rollback(True)
    assert images.read(job, Kind.ORIGINAL)
    assert jobs.get(alice.caller, job.id).state == State.QUEUED


def test_when_the_storage_fails_nobody_sees_the_images_and_the_sweeper_tries_again(alice: Account, job: Job) -> None:
    stubborn = folder(job) / "thumbnail"
    (stubborn / "x").mkdir(parents=True)  # a folder that is not empty is not deleted
    jobs.remove(alice.caller, job.id)
    left = jobs.get(alice.caller, job.id)
    assert left.images_removed_at is None, "not said before it is true"
    with pytest.raises(ImagesRemoved):
        images.open_stored(left, Kind.ORIGINAL)
    (stubborn / "x").rmdir()
    stubborn.rmdir()
    sweeping.remove_expired_images()
    assert jobs.get(alice.caller, job.id).images_removed_at is not None
    assert not folder(job).exists()
