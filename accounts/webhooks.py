"""Webhook endpoints: where a tenant is told what happened, and the secrets that the telling is signed with.

Secrets and signatures are those of Standard Webhooks: `whsec_` + base64 of the key; HMAC-SHA256 over id, time and body.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.errors import SecretUnreadable, TooManyWebhooks, WebhookNotFound
from accounts.models import DisabledReason, Role, Tenant, WebhookEndpoint
from accounts.sealing import seal, unseal
from config.limits import LIMITS

SECRET_PREFIX = "whsec_"  # noqa: S105 - only how one begins
SECRET_BYTES = 24
log = structlog.get_logger(__name__)


def add(tenant: Tenant, *, url: str, events: Sequence[str] = (), description: str = "") -> tuple[WebhookEndpoint, str]:
    """Makes an endpoint. The second value is its secret; it is never to be had again."""
    # Counting is safe to race: one endpoint too many harms nobody.
    if WebhookEndpoint.objects.filter(tenant=tenant).count() >= LIMITS.webhooks_per_tenant:
        raise TooManyWebhooks(f"There are {LIMITS.webhooks_per_tenant} webhooks already. Delete one first.")
    secret = _new_secret()
    endpoint = WebhookEndpoint.objects.create(
        tenant=tenant, url=url, events=list(events), description=description, sealed_secret=seal(secret)
    )
    return endpoint, secret


def get(endpoint_id: UUID, *, locked: bool = False) -> WebhookEndpoint:
    """`locked`: for whoever is about to change it. Raises WebhookNotFound."""
    endpoints = WebhookEndpoint.objects.select_for_update() if locked else WebhookEndpoint.objects.all()
    endpoint: WebhookEndpoint | None = endpoints.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise WebhookNotFound
    return endpoint


def rotate(endpoint: WebhookEndpoint) -> str:
    """The new secret, never to be had again. The one before it goes on signing for LIMITS.webhook_rotation_s."""
    secret = _new_secret()
    endpoint.sealed_previous_secret = endpoint.sealed_secret
    endpoint.previous_secret_expires_at = timezone.now() + timedelta(seconds=LIMITS.webhook_rotation_s)
    endpoint.sealed_secret = seal(secret)
    endpoint.save(update_fields=["sealed_secret", "sealed_previous_secret", "previous_secret_expires_at"])
    return secret


def enable(endpoint: WebhookEndpoint) -> None:
    endpoint.disabled_at, endpoint.disabled_reason = None, ""
    endpoint.save(update_fields=["disabled_at", "disabled_reason"])


def disable(endpoint: WebhookEndpoint, reason: DisabledReason) -> bool:
    """Whether it was enabled until now. Unless a person did it, the tenant's owners are told."""
    enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None)
    if not enabled.update(disabled_at=timezone.now(), disabled_reason=reason):
        return False
    endpoint.refresh_from_db()
    if reason != DisabledReason.BY_HAND:
        log.warning("webhook disabled", endpoint_id=str(endpoint.pk), reason=reason.value)
        transaction.on_commit(partial(_tell, endpoint, _owners(endpoint.tenant)), robust=True)
    return True


def signatures(endpoint: WebhookEndpoint, message_id: str, timestamp: int, body: str) -> str:
    """One for each secret that is valid, newest first. Raises SecretUnreadable."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    keys = [base64.b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in _valid_secrets(endpoint)]
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _valid_secrets(endpoint: WebhookEndpoint) -> list[str]:
    valid = [unseal(endpoint.sealed_secret)]
    if endpoint.has_previous_secret:
        with suppress(SecretUnreadable):  # to rotate is the way out of just that
            valid.append(unseal(endpoint.sealed_previous_secret))
    return valid


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _owners(tenant: Tenant) -> list[str]:
    owners = tenant.memberships.filter(role=Role.OWNER, user__is_active=True)
    return list(owners.values_list("user__email", flat=True))


def _tell(endpoint: WebhookEndpoint, addresses: Sequence[str]) -> None:
    """Each alone, so that none sees the others."""
    context = {"endpoint": endpoint, "tenant": endpoint.tenant, "delivery_days": LIMITS.delivery_days}
    subject = render_to_string("accounts/email/webhook_disabled_subject.txt", context).strip()
    message = render_to_string("accounts/email/webhook_disabled_message.txt", context)
    for address in addresses:
        try:
            send_mail(subject, message, None, [address])
        except OSError as error:  # smtplib's errors are ones too
            log.error("owner not told of a disabled webhook", endpoint_id=str(endpoint.pk), error=str(error))
