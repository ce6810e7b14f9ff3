"""The same flow with images in S3, over HTTP against moto's server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from config.local import programs
from config.local.processes import free_port, running, wait_until
from tests.conftest import Account
from tests.photographs import astronaut

CREDENTIALS = {"S3_ACCESS_KEY_ID": "testing", "S3_SECRET_ACCESS_KEY": "testing", "S3_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server._port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(s3: str) -> Any:
    resource = boto3.resource(
        "s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    return resource.create_bucket(Bucket="cutouts")


@pytest.fixture(scope="module")
def s3_web(s3: str, web_port: int, log_dir: Path) -> Iterator[str]:
    """A platform of its own: another queue, and images in the bucket."""
    port = free_port()
    environment = (
        os.environ
        | CREDENTIALS
        | {
            "PORT": str(port),
            "REDIS_URL": os.environ["REDIS_URL"].removesuffix("/0") + "/1",
            "S3_BUCKET": "cutouts",
            "S3_ENDPOINT_URL": s3,
            "DEFAULT_MODEL": "u2netp",
            "PINNED_MODELS": "u2netp",
            "WORKER_PROCESSES": "1",
            "WEB_PROCESSES": "1",
        }
    )
    with (
        running(programs.web(environment, log_dir / "s3")),
        running(programs.worker(environment, log_dir / "s3")) as worker,
    ):
        wait_until(lambda: programs.is_ok(port, "/readyz"), children=[worker], timeout_s=60)
        yield f"http://127.0.0.1:{port}"


def keys_in(bucket: Any) -> set[str]:
    return {stored.key for stored in bucket.objects.all()}


def test_an_image_goes_through_the_bucket(s3_web: str, bucket: Any, alice: Account) -> None:
    with httpx.Client(base_url=s3_web, headers=alice.headers, timeout=60) as http:
        response = http.post("/api/v1/jobs", headers={"Prefer": "wait=30"}, files={"image": astronaut()})
        assert response.headers["content-type"] == "image/png", response.text
        job = http.get(response.headers["location"]).json()
        prefix = f"{alice.tenant.id}/{job['id']}/"
        assert keys_in(bucket) == {prefix + name for name in ("original", "result", "thumbnail")}
        assert http.get(job["result_url"]).content == response.content
        assert http.get(job["original_url"]).content == astronaut()
        assert http.delete(job["url"]).status_code == 204
        assert keys_in(bucket) == set()
        assert http.get(f"{job['url']}/result").status_code == 410


def test_a_bucket_that_is_gone_is_a_503_that_costs_nothing(s3_web: str, bucket: Any, alice: Account) -> None:
    bucket.delete()
    with httpx.Client(base_url=s3_web, headers=alice.headers, timeout=60) as http:
        response = http.post("/api/v1/jobs", files={"image": astronaut()})
        assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
        assert "retry-after" in response.headers
        assert http.get("/api/v1/jobs").json()["results"] == []
    with alice.caller.scope():
        assert alice.tenant.current_allowance().used == 0
