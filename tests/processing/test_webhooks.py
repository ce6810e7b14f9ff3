"""What tenants are told, and how: written with the end of the job, signed, sent until it arrives or a day is over."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.models import DisabledReason, WebhookEndpoint, WebhookEvent
from config.limits import LIMITS
from processing import deliveries, jobs, queue, sweeping, webhooks
from processing.errors import WebhookUrlRefused
from processing.models import DeliveryState, Job, WebhookDelivery
from tests.conftest import Account
from tests.processing.test_sweep import make_job, running
from tests.receivers import Inbox
from tests.test_docs import DOCS, code
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def by_hand(alice: Account, charlie: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No worker is told of deliveries, or a living one would take them from us; what a test leaves is sent no more."""
    monkeypatch.setattr(queue, "publish_delivery", lambda _delivery_id: None)
    yield
    for account in (alice, charlie):
        with account.caller.scope():
            WebhookEndpoint.objects.all().delete()


def listen(account: Account, inbox: Inbox, *events: WebhookEvent) -> str:
    """The secret."""
    _, secret = webhooks.add(account.caller, url=inbox.url, events=events)
    return secret


def cancel_one(account: Account) -> None:
    assert jobs.cancel(account.caller, make_job(account).id)


def written(account: Account) -> list[WebhookDelivery]:
    with account.caller.scope():
        return list(WebhookDelivery.objects.select_related("endpoint").order_by("created_at"))


def only(account: Account) -> WebhookDelivery:
    (delivery,) = written(account)
    return delivery


def only_endpoint(account: Account) -> WebhookEndpoint:
    with account.caller.scope():
        endpoint: WebhookEndpoint = WebhookEndpoint.objects.get()
    return endpoint


def update(account: Account, **fields: Any) -> None:
    with account.caller.scope():
        WebhookDelivery.objects.update(**fields)


def make_due(account: Account) -> None:
    update(account, next_attempt_at=timezone.now() - timedelta(seconds=1))


# Written


def test_a_message_is_signed_as_standard_webhooks_says(alice: Account, inbox: Inbox) -> None:
    secret = listen(alice, inbox)
    cancel_one(alice)
    assert deliveries.deliver(only(alice).id)
    (message,) = inbox.messages
    told = message.verified(secret)
    assert message.id == only(alice).message_id
    assert message.id.startswith("msg_")
    assert message.headers["content-type"] == "application/json"
    assert (told["type"], told["data"]["state"], told["data"]["id"]) == (
        "job.canceled", "canceled", str(only(alice).job_id),
    )  # fmt: skip
    with pytest.raises(WebhookVerificationError):
        message.verified("whsec_" + "A" * 32)


def test_every_end_of_a_job_is_told(alice: Account, inbox: Inbox) -> None:
    listen(alice, inbox)
    cancel_one(alice)
    running(alice, attempts=LIMITS.attempts)
    sweeping.sweep()
    assert [delivery.event for delivery in written(alice)] == ["job.canceled", "job.failed"]


def canceled_in_vain(account: Account, job: Job) -> None:
    with transaction.atomic():
        jobs.cancel(account.caller, job.id)
        raise ZeroDivisionError


def test_what_did_not_happen_is_not_told(alice: Account, inbox: Inbox) -> None:
    listen(alice, inbox)
    job = make_job(alice)
    with pytest.raises(ZeroDivisionError):
        canceled_in_vain(alice, job)
    assert written(alice) == []
    assert jobs.cancel(alice.caller, job.id)
    assert not jobs.cancel(alice.caller, job.id)
    assert len(written(alice)) == 1


def test_only_those_who_listen_are_told(alice: Account, charlie: Account, inbox: Inbox) -> None:
    listen(alice, inbox, WebhookEvent.JOB_FAILED)
    listen(alice, inbox, WebhookEvent.JOB_SUCCEEDED, WebhookEvent.JOB_CANCELED)
    listen(alice, inbox)
    listen(charlie, inbox)
    with alice.caller.scope():
        webhooks.disable(WebhookEndpoint.objects.filter(events=[]).get(), DisabledReason.BY_HAND)
    cancel_one(alice)
    assert [delivery.endpoint.events for delivery in written(alice)] == [["job.succeeded", "job.canceled"]]
    assert written(charlie) == []


def test_who_does_not_listen_pays_one_query(alice: Account) -> None:
    job = make_job(alice)
    with alice.caller.scope(), CaptureQueriesContext(connection) as queries:
        webhooks.announce(job.id, WebhookEvent.JOB_SUCCEEDED)
    assert len(queries) == 1


# Sent


def test_what_fails_is_sent_again_as_the_same_message(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [500, 302]
    secret = listen(alice, inbox)
    cancel_one(alice)
    for pause_s in (5, 30):
        before = timezone.now()
        assert not deliveries.deliver(only(alice).id)
        delivery = only(alice)
        assert delivery.state == DeliveryState.PENDING
        assert delivery.next_attempt_at is not None
        assert pause_s <= (delivery.next_attempt_at - before).total_seconds() < pause_s * 1.2 + 30
        assert not deliveries.deliver(delivery.id), "not before its time"
        make_due(alice)
    assert deliveries.deliver(only(alice).id)
    delivery = only(alice)
    assert (delivery.state, delivery.attempts, delivery.status, delivery.answer) == ("delivered", 3, 200, "thanks")
    assert len(delivery.durations_ms) == 3
    assert inbox.ids == [delivery.message_id] * 3
    assert len({message.body for message in inbox.messages}) == 1
    assert all(message.verified(secret) for message in inbox.messages)
    assert not deliveries.deliver(delivery.id)
    assert len(inbox.messages) == 3


def test_all_pauses_together_are_a_day() -> None:
    assert timedelta(hours=24) <= timedelta(seconds=sum(deliveries.PAUSES_S)) <= timedelta(hours=26)


def test_a_server_that_is_too_slow_is_left(alice: Account, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "LIMITS", replace(LIMITS, webhook_s=1))
    inbox.answers = [3.0]
    listen(alice, inbox)
    cancel_one(alice)
    assert not deliveries.deliver(only(alice).id)
    delivery = only(alice)
    assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.PENDING, None, 1)
    assert "within 1 seconds" in delivery.error


def test_of_an_answer_only_the_beginning_is_kept(alice: Account, inbox: Inbox) -> None:
    inbox.body = b"\0line\n<b>" + "ä".encode() * 5_000
    listen(alice, inbox)
    cancel_one(alice)
    deliveries.deliver(only(alice).id)
    assert only(alice).answer.startswith("line <b>ä")
    assert len(only(alice).answer) <= 1_000


def test_both_secrets_sign_after_a_rotation_for_a_day(alice: Account, inbox: Inbox) -> None:
    old = listen(alice, inbox)
    endpoint = only_endpoint(alice)
    _, new = webhooks.rotate_secret(alice.caller, endpoint.id)
    cancel_one(alice)
    deliveries.deliver(only(alice).id)
    (message,) = inbox.messages
    assert message.verified(old) == message.verified(new)
    assert len(message.headers["webhook-signature"].split(" ")) == 2

    with alice.caller.scope():
        WebhookEndpoint.objects.update(previous_secret_expires_at=timezone.now())
    webhooks.ping(alice.caller, endpoint.id)
    deliveries.deliver(written(alice)[-1].id)
    assert inbox.messages[-1].verified(new)["type"] == "ping"
    with pytest.raises(WebhookVerificationError):
        inbox.messages[-1].verified(old)


def test_the_secret_is_not_kept_in_the_clear(alice: Account, inbox: Inbox) -> None:
    secret = listen(alice, inbox)
    with alice.caller.scope(), connection.cursor() as cursor:
        cursor.execute("SELECT accounts_webhookendpoint::text FROM accounts_webhookendpoint")
        assert secret.removeprefix("whsec_") not in cursor.fetchone()[0]


def test_a_secret_of_another_installation_is_said_to_be_unreadable(alice: Account, inbox: Inbox) -> None:
    listen(alice, inbox)
    with alice.caller.scope():
        WebhookEndpoint.objects.update(sealed_secret="gAAAAA")
    cancel_one(alice)
    assert not deliveries.deliver(only(alice).id)
    assert "Rotate" in only(alice).error
    _, secret = webhooks.rotate_secret(alice.caller, only_endpoint(alice).id)
    make_due(alice)
    assert deliveries.deliver(only(alice).id)
    assert inbox.messages[-1].verified(secret)


# Crashes and crowds


def test_what_was_sent_but_not_noted_is_sent_again(
    alice: Account, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(alice, inbox)
    cancel_one(alice)
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_note", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deliveries.deliver(only(alice).id)
    make_due(alice)
    assert not deliveries.deliver(only(alice).id), "its lease has not run out"
    update(alice, lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert deliveries.deliver(only(alice).id)
    assert inbox.ids == [only(alice).message_id] * 2
    assert only(alice).attempts == 2


def test_a_sender_that_lost_its_lease_notes_nothing(
    alice: Account, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(alice, inbox)
    cancel_one(alice)
    sent = deliveries._sent

    def overtaken(delivery: WebhookDelivery) -> deliveries.Outcome:
        update(alice, lease=uuid4())
        return replace(sent(delivery), status=500)

    monkeypatch.setattr(deliveries, "_sent", overtaken)
    deliveries.deliver(only(alice).id)
    assert only(alice).status is None


def test_two_senders_at_once_send_it_once(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [0.5]
    listen(alice, inbox)
    cancel_one(alice)
    delivery_id = only(alice).id
    make_due(alice)

    def attempt(_: int) -> bool:
        try:
            return deliveries.deliver(delivery_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) <= 1
    assert len(inbox.messages) == 1


def test_two_sweeps_at_once_send_each_once(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [0.2] * 5
    listen(alice, inbox)
    for _ in range(5):
        cancel_one(alice)
    make_due(alice)
    for _ in range(3):
        deliveries.sweep()
    wait_for(lambda: {delivery.state for delivery in written(alice)} == {"delivered"}, seconds=30)
    assert sorted(inbox.ids) == sorted(delivery.message_id for delivery in written(alice))


def test_a_fresh_one_is_left_to_the_queue(alice: Account, inbox: Inbox) -> None:
    listen(alice, inbox)
    cancel_one(alice)
    deliveries.deliver_due(only(alice).endpoint_id)
    assert inbox.messages == []
    with alice.caller.scope():
        due_in = WebhookDelivery.objects.get().next_attempt_at
    assert due_in is not None
    assert due_in > timezone.now()


def test_one_tenant_does_not_take_all_senders(alice: Account, inbox: Inbox) -> None:
    listen(alice, inbox)
    for _ in range(LIMITS.webhooks_at_once + 1):
        cancel_one(alice)
    *busy, last = written(alice)
    with alice.caller.scope():
        for delivery in busy:
            assert delivery.claim()
    assert not deliveries.deliver(last.id)
    assert inbox.messages == []


def test_no_more_is_sent_at_once_than_there_are_senders(db: None) -> None:
    enough = Event()
    begun = [deliveries.in_background(enough.wait) for _ in range(LIMITS.webhook_senders + 1)]
    enough.set()
    assert begun == [True] * LIMITS.webhook_senders + [False]
    wait_for(lambda: deliveries.in_background(lambda: None), seconds=10)


def test_a_webhook_that_fails_holds_back_its_own_messages_only(alice: Account, charlie: Account, inbox: Inbox) -> None:
    inbox.answers = [500]
    listen(alice, inbox)
    for _ in range(3):
        cancel_one(alice)
    make_due(alice)
    deliveries.deliver_due(written(alice)[0].endpoint_id)
    assert len(inbox.messages) == 1
    deliveries.deliver_due(written(alice)[0].endpoint_id)
    assert len(inbox.messages) == 3


# Given up


def test_gone_disables_at_once_and_tells_the_owners(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [410]
    listen(alice, inbox)
    cancel_one(alice)
    cancel_one(alice)
    deliveries.deliver(written(alice)[0].id)
    gone, waiting = written(alice)
    assert (gone.state, gone.status, gone.endpoint.disabled_reason) == ("failed", 410, "gone")
    assert (waiting.state, waiting.error) == ("failed", webhooks.DISABLED)
    (message,) = [message for message in mail.outbox if message.to == [alice.owner.email]]
    assert inbox.url in message.body
    assert "410" in message.body
    assert alice.tenant.name in message.subject
    cancel_one(alice)
    assert len(written(alice)) == 2


def spent(account: Account) -> None:
    """All attempts but the last are over."""
    update(account, attempts=len(deliveries.PAUSES_S))
    make_due(account)


def test_a_day_of_nothing_but_failure_disables_and_tells_the_owners(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [503]
    listen(alice, inbox)
    cancel_one(alice)
    spent(alice)
    deliveries.deliver(only(alice).id)
    delivery = only(alice)
    assert (delivery.state, delivery.status, delivery.next_attempt_at) == ("failed", 503, None)
    assert delivery.endpoint.disabled_reason == DisabledReason.FAILING
    assert alice.owner.email in [address for message in mail.outbox for address in message.to]


def test_a_message_that_never_arrives_disables_nothing_while_others_do(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [200, 503]
    listen(alice, inbox)
    cancel_one(alice)
    deliveries.deliver(only(alice).id)
    cancel_one(alice)
    last = written(alice)[-1]
    with alice.caller.scope():
        WebhookDelivery.objects.filter(id=last.id).update(
            attempts=len(deliveries.PAUSES_S), next_attempt_at=timezone.now()
        )
    deliveries.deliver(last.id)
    assert [(each.state, each.endpoint.is_enabled) for each in written(alice)] == [
        ("delivered", True),
        ("failed", True),
    ]


def test_a_ping_is_sent_once_and_disables_nothing(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [500]
    listen(alice, inbox)
    webhooks.ping(alice.caller, only_endpoint(alice).id)
    deliveries.deliver(only(alice).id)
    assert (only(alice).state, only(alice).endpoint.is_enabled) == ("failed", True)


def test_a_replay_is_the_same_message_again(alice: Account, inbox: Inbox) -> None:
    inbox.answers = [410]
    listen(alice, inbox)
    cancel_one(alice)
    deliveries.deliver(only(alice).id)
    endpoint_id = only(alice).endpoint_id
    with pytest.raises(Exception, match="Enable it first"):
        webhooks.replay(alice.caller, endpoint_id, only(alice).id)
    webhooks.change(alice.caller, endpoint_id, enabled=True)
    webhooks.replay(alice.caller, endpoint_id, only(alice).id)
    assert deliveries.deliver(only(alice).id)
    assert inbox.ids == [only(alice).message_id] * 2
    assert (only(alice).state, only(alice).attempts) == ("delivered", 1)


def test_a_webhook_deleted_meanwhile_is_no_trouble(
    alice: Account, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(alice, inbox)
    cancel_one(alice)
    delivery = only(alice)
    sent = deliveries._sent

    def deleted(delivery: WebhookDelivery) -> deliveries.Outcome:
        webhooks.remove(alice.caller, delivery.endpoint_id)
        return replace(sent(delivery), status=410)

    monkeypatch.setattr(deliveries, "_sent", deleted)
    assert not deliveries.deliver(delivery.id)
    assert written(alice) == []


def test_old_deliveries_are_forgotten(alice: Account, inbox: Inbox) -> None:
    listen(alice, inbox)
    cancel_one(alice)
    update(alice, created_at=timezone.now() - timedelta(days=LIMITS.delivery_days + 1))
    cancel_one(alice)
    while deliveries.remove_old():
        pass
    assert len(written(alice)) == 1


# Where to


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "https://10.0.0.1/hook",
        "http://localhost:8000/",
        "ftp://x",
    ],
)
def test_a_private_address_is_refused_when_it_is_given(alice: Account, inbox: Inbox, url: str) -> None:
    with pytest.raises(WebhookUrlRefused) as refused:
        webhooks.add(alice.caller, url=url)
    assert refused.value.param == "url"
    listen(alice, inbox)
    with pytest.raises(WebhookUrlRefused):
        webhooks.change(alice.caller, only_endpoint(alice).id, url=url)
    assert only_endpoint(alice).url == inbox.url


def test_and_again_when_something_is_sent(alice: Account, inbox: Inbox) -> None:
    """As when a name leads elsewhere than on the day when it was given."""
    listen(alice, inbox)
    with alice.caller.scope():
        WebhookEndpoint.objects.update(url="http://169.254.169.254/latest")
    cancel_one(alice)
    assert not deliveries.deliver(only(alice).id)
    assert (only(alice).status, only(alice).state) == (None, DeliveryState.PENDING)
    assert "no public server" in only(alice).error


def test_the_example_in_the_docs_tells_true_from_false(alice: Account, inbox: Inbox) -> None:
    (example,) = [text for text in code(DOCS / "webhooks.md") if "def verified(" in text]
    names: dict[str, Any] = {}
    exec(example, names)
    verified = names["verified"]
    secret = listen(alice, inbox)
    _, new = webhooks.rotate_secret(alice.caller, only_endpoint(alice).id)
    cancel_one(alice)
    deliveries.deliver(only(alice).id)
    (message,) = inbox.messages
    assert verified(message.body, message.headers, secret) == verified(message.body, message.headers, new)
    assert verified(message.body, message.headers, new)["type"] == "job.canceled"
    for body, headers, key in (
        (message.body + b" ", message.headers, new),
        (message.body, message.headers, "whsec_" + "A" * 32),
        (message.body, {**message.headers, "webhook-timestamp": "1700000000"}, new),
        (message.body, {**message.headers, "webhook-id": "msg_other"}, new),
    ):
        with pytest.raises(ValueError, match=r"no signature|too old"):
            verified(body, headers, key)
