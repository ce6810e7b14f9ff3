"""Hundreds of broken files, all at once: each gets an answer, none an error of ours, and only results are charged."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from config.errors import MatteryError
from processing.engine.errors import ImageError
from processing.models import Job, State
from tests.broken_images import FILES, damaged, polyglots, spliced
from tests.conftest import Account
from tests.waiting import wait_for

SUFFIXES = ("jpg", "png", "heic", "zip", "html", "txt")  # most of them wrong; a name decides nothing
UPLOADS = [
    *(variant for name in FILES for variant in damaged(name, variants=8)),
    *(content for name, content in polyglots().items() if "in the middle of" in name),
    *(content for name, content in spliced().items() if ", then " not in name),
    *(content[: len(content) // 3] for content in FILES.values()),
]
CODES = {error.code for error in MatteryError.concrete() if issubclass(error, ImageError)}


def finished(account: Account) -> bool:
    with account.caller.scope():
        return not Job.objects.filter(state__in=[State.QUEUED, State.RUNNING]).exists()


@pytest.mark.usefixtures("worker")
def test_broken_files_never_break_the_server(http: httpx.Client, alice: Account) -> None:
    def post(number: int) -> httpx.Response:
        file = (f"photo.{SUFFIXES[number % len(SUFFIXES)]}", UPLOADS[number])
        return http.post("/api/v1/jobs", headers=alice.headers, files={"image": file}, data={"model": "u2netp"})

    assert len(UPLOADS) >= 300
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(len(UPLOADS))))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {202, 415, 422}
    assert all(answer.json()["code"] in CODES for answer in answers if answer.status_code != 202)
    wait_for(lambda: finished(alice), seconds=120)
    with alice.caller.scope():
        jobs = list(Job.objects.all())
        used = alice.tenant.current_allowance().used
    failed = [job for job in jobs if job.state == State.FAILED]
    assert len(jobs) == statuses[202]
    assert {job.state for job in jobs} == {State.SUCCEEDED, State.FAILED}
    assert all(job.error_code in CODES and job.attempts == 1 for job in failed)
    assert used == len(jobs) - len(failed)
