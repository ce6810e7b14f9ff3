"""API keys: `mat_live_` + 8 characters that find the key + 32 secret ones + 6 that catch a typing mistake.

The database holds the findable part and an HMAC-SHA256 of the whole key. Whoever reads the database cannot use it,
and whoever guesses pays 190 bits.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.errors import KeyExpired, KeyInvalid, KeyRevoked, TooManyKeys
from accounts.models import ApiKey, Tenant, User
from config.limits import LIMITS

ALPHABET = string.digits + string.ascii_letters
KIND = "mat_live_"
SHAPE = re.compile(rf"{KIND}[0-9A-Za-z]{{46}}")
FINDABLE = len(KIND) + 8


def issue(
    tenant: Tenant, *, name: str, created_by: User | None = None, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Makes a key. The second value is the key itself; it is never to be had again."""
    # Counting is safe to race: one key too many harms nobody.
    if ApiKey.objects.usable().filter(tenant=tenant).count() >= LIMITS.keys_per_tenant:
        raise TooManyKeys(f"{LIMITS.keys_per_tenant} API keys are in use. Revoke one that is no longer needed first.")
    body = KIND + "".join(secrets.choice(ALPHABET) for _ in range(40))
    plain = body + _checksum(body)
    key = ApiKey.objects.create(
        tenant=tenant,
        name=name,
        prefix=plain[:FINDABLE],
        digest=_digest(plain),
        created_by=created_by,
        expires_at=expires_at,
    )
    return key, plain


def authenticate(plain: str) -> ApiKey:
    """The usable key that this is, with its tenant and plan. Needs the platform's scope: the key says whose it is."""
    if not SHAPE.fullmatch(plain) or not hmac.compare_digest(_checksum(plain[:-6]), plain[-6:]):
        raise KeyInvalid("This is not an API key. Copy it again in full; a key starts with mat_live_.")
    key = ApiKey.objects.select_related("tenant__plan").filter(prefix=plain[:FINDABLE]).first()
    if key is None or not hmac.compare_digest(_digest(plain), key.digest):
        raise KeyInvalid("No such API key. Make a new one in the dashboard.")
    if key.is_revoked:
        raise KeyRevoked("This API key was revoked. Use another one, or make a new one in the dashboard.")
    if key.is_expired:
        raise KeyExpired("This API key has expired. Make a new one in the dashboard.")
    _note_use(key)
    return key


def revoke(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def _note_use(key: ApiKey) -> None:
    """At most one write in LIMITS.key_use_s, so that a busy key is not a busy row."""
    now = timezone.now()
    if key.last_used_at and now - key.last_used_at < timedelta(seconds=LIMITS.key_use_s):
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(seconds=LIMITS.key_use_s))
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _digest(plain: str) -> str:
    return hmac.new(settings.KEY_DIGEST_SECRET.encode(), plain.encode(), hashlib.sha256).hexdigest()


def _checksum(body: str) -> str:
    value, letters = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, index = divmod(value, len(ALPHABET))
        letters += ALPHABET[index]
    return letters
