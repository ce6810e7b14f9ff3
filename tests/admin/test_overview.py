import pytest
import redis
from django.test import Client
from django.urls import reverse
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.tenancy import platform_scope
from config import valkey
from config.local.processes import free_port
from processing import heartbeats, overview
from processing.heartbeats import Heartbeat
from processing.models import Job, State
from tests.admin.conftest import make_busy_account, record_request
from tests.conftest import Account

WORKER = Heartbeat(process="test:1", provider="openvino", warm=["u2net"], installed={"u2net": "1"})


@pytest.fixture
def no_valkey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "client", lambda: redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0)))


def shown(console: Client) -> str:
    return console.get(reverse("admin:index")).content.decode()


def test_a_living_worker_is_shown_with_its_warm_models(console: Client) -> None:
    heartbeats.beat(WORKER)
    try:
        page = shown(console)
    finally:
        heartbeats.stop(WORKER.process)
    assert WORKER.process in page
    assert WORKER.provider in page


def test_it_opens_and_says_so_when_valkey_is_down(console: Client, no_valkey: None) -> None:
    page = shown(console)
    assert 'role="alert"' in page
    assert "The queue is not reachable" in page
    assert "None alive" in page


def test_refused_requests_are_shown(console: Client, acme: Account) -> None:
    record_request(acme, status=402, error_code="insufficient_credits")
    assert "402 insufficient_credits" in shown(console)


def test_jobs_are_counted_by_state(acme: Account) -> None:
    with platform_scope():
        before = overview.now()
    make_busy_account("Other")
    with platform_scope():
        after = overview.now()
    assert after.jobs_today[State.QUEUED] - before.jobs_today[State.QUEUED] == 1
    assert after.queued - before.queued == 1
    assert after.credits_used - before.credits_used == 1
    assert after.tenants - before.tenants == 1


def test_the_failed_share_is_of_the_jobs_that_ended(acme: Account) -> None:
    with platform_scope():
        Job.objects.all().move(State.RUNNING, lease="0" * 32, lease_expires_at="2999-01-01T00:00Z")
        Job.objects.filter(tenant=acme.tenant).move(State.FAILED, finished_at="2999-01-01T00:00Z")
        now = overview.now()
    failed, succeeded = now.jobs_today[State.FAILED], now.jobs_today[State.SUCCEEDED]
    assert now.failed_share == f"{failed / (failed + succeeded):.1%}"
