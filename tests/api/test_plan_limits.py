"""What a plan allows, and what is refused before any pixel is decoded."""

import io
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection
from PIL import Image

from accounts.errors import TooManyJobs
from processing import jobs, queue
from processing.engine.options import Options
from processing.models import State
from tests.api.conftest import NOTHING, assert_problem, left_behind
from tests.api.test_read_jobs import put_aside
from tests.conftest import Account
from tests.photographs import astronaut


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces this size and holds next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def png(width: int, height: int) -> bytes:
    image = io.BytesIO()
    Image.new("RGB", (width, height)).save(image, "PNG")
    return image.getvalue()


def send(http: httpx.Client, account: Account, image: bytes) -> httpx.Response:
    return http.post("/api/v1/jobs", headers=account.headers, files={"image": image})


def test_more_pixels_than_the_plan_allows(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Small", max_megapixels=1)
    assert_problem(send(http, account, png(1_001, 1_000)), 422, "too_many_pixels")
    assert left_behind(account) == NOTHING


def test_more_bytes_than_the_plan_allows(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Light", max_upload_mb=1)
    noise = io.BytesIO()
    Image.effect_noise((1_200, 1_200), 90).save(noise, "PNG")
    assert len(noise.getvalue()) > 1_100_000
    assert_problem(send(http, account, noise.getvalue()), 413, "too_many_bytes")
    assert left_behind(account) == NOTHING


@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_upload_far_beyond_the_plan_still_gets_its_answer(
    http: httpx.Client, new_account: Callable[..., Account], is_chunked: bool
) -> None:
    account = new_account("Light", max_upload_mb=1)
    body = bytes(30_000_000)
    headers = account.headers | {"Content-Type": "image/png"}
    content = (body[i : i + 100_000] for i in range(0, len(body), 100_000)) if is_chunked else body
    assert_problem(http.post("/api/v1/jobs", headers=headers, content=content), 413, "too_many_bytes")


@pytest.mark.parametrize("size", [(60_000, 60_000), (30_000, 30_000), (2**31 - 1, 1)])
def test_a_bomb_is_refused_at_once(http: httpx.Client, alice: Account, size: tuple[int, int]) -> None:
    started = time.monotonic()
    response = send(http, alice, png_header(*size))
    assert response.status_code == 422
    assert response.json()["code"] in ("too_many_pixels", "decompression_bomb", "image_dimensions")
    assert time.monotonic() - started < 2
    assert left_behind(alice) == NOTHING


def test_no_credits_left(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Broke", monthly_credits=0)
    problem = assert_problem(send(http, account, astronaut()), 402, "insufficient_credits")
    assert "renew" in problem["detail"]
    assert left_behind(account) == NOTHING


def test_too_fast(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account, other = new_account("Fast", requests_per_minute=5), new_account("Slow", requests_per_minute=5)
    answers = [http.get("/api/v1/jobs", headers=account.headers) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert_problem(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert http.get("/api/v1/jobs", headers=other.headers).status_code == 200


def test_too_fast_is_one_count_for_native_and_rembg(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Both", requests_per_minute=2)
    for _ in range(2):
        http.get("/api/v1/jobs", headers=account.headers)
    response = http.post("/api/remove", headers=account.headers, files={"file": astronaut()})
    assert response.status_code == 429
    assert "retry-after" in response.headers


def test_an_image_counts_for_its_megapixels(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Weighed", requests_per_minute=10)
    assert send(http, account, png(2_100, 2_000)).status_code == 202  # 4.2 megapixels count 5
    assert_problem(send(http, account, png(3_000, 2_000)), 429, "rate_limited")
    assert http.get("/api/v1/jobs", headers=account.headers).status_code == 200


def test_an_image_larger_than_the_rate_is_taken(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Large", requests_per_minute=5)
    assert send(http, account, png(3_100, 2_000)).status_code == 202


def test_every_answer_says_what_is_left(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Told", requests_per_minute=5, tenant_requests_per_minute=50)
    answers = [http.get("/api/v1/jobs", headers=account.headers) for _ in range(6)]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=5;w=60, "tenant";q=50;w=60'
    assert answers[0].headers["ratelimit"].startswith('"key";r=4;t=12, "tenant";r=49;t=')
    assert answers[-1].status_code == 429
    assert answers[-1].headers["ratelimit"].startswith('"key";r=0;t=')
    assert "ratelimit" not in http.get("/api/v1/jobs").headers


def test_only_so_many_jobs_may_be_unfinished(http: httpx.Client, new_account: Callable[..., Account]) -> None:
    account = new_account("Hoarder", max_unfinished_jobs=3)
    for _ in range(3):
        put_aside(account, State.QUEUED)
    before = left_behind(account)
    problem = assert_problem(send(http, account, astronaut()), 429, "too_many_jobs")
    assert "3 jobs" in problem["detail"]
    assert left_behind(account) == before


def test_a_crowd_gets_no_more_unfinished_jobs_than_allowed(
    new_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "publish", lambda _job_id: None)
    account = new_account("Crowd", max_unfinished_jobs=3)

    def try_it(_: int) -> bool:
        try:
            jobs.submit(account.caller, astronaut(32, 32), Options(model="u2netp"))
        except TooManyJobs:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_it, range(12))) == 3
