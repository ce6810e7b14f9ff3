from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import callers, keys
from accounts.errors import AccountError, KeyExpired, KeyInvalid, KeyMissing, KeyRevoked, TenantSuspended, TooManyKeys
from accounts.models import ApiKey, Tenant
from accounts.tenancy import platform_scope
from config.limits import LIMITS
from tests.conftest import Account, make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db: None) -> Account:
    return make_account("Keys")


def stored(account: Account) -> ApiKey:
    with platform_scope():
        key: ApiKey = ApiKey.objects.get(tenant=account.tenant)
    return key


def test_a_key_finds_its_tenant(account: Account) -> None:
    assert callers.by_key(account.key).tenant == account.tenant


def test_the_key_itself_is_not_kept(account: Account) -> None:
    kept = " ".join(str(value) for value in vars(stored(account)).values())
    assert account.key not in kept
    assert account.key[len(keys.KIND) + 8 :] not in kept


def test_its_last_use_is_noted(account: Account) -> None:
    assert stored(account).last_used_at is None
    callers.by_key(account.key)
    first = stored(account).last_used_at
    callers.by_key(account.key)
    assert first is not None
    assert stored(account).last_used_at == first, "a second use within a minute writes nothing"


def test_a_revoked_key_is_refused_by_that_name(account: Account) -> None:
    with platform_scope():
        keys.revoke(stored(account))
    with pytest.raises(KeyRevoked):
        callers.by_key(account.key)


def test_an_expired_key_is_refused_by_that_name(account: Account) -> None:
    with platform_scope():
        ApiKey.objects.filter(tenant=account.tenant).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(KeyExpired):
        callers.by_key(account.key)


def changed(key: str, position: int) -> str:
    other = "a" if key[position] != "a" else "b"
    return key[:position] + other + key[position + 1 :]


@pytest.mark.parametrize("position", [9, 16, 17, 40, 54])
def test_one_wrong_character_is_a_wrong_key(account: Account, position: int) -> None:
    with pytest.raises(KeyInvalid):
        callers.by_key(changed(account.key, position))


def test_a_well_formed_key_with_another_secret_is_refused(account: Account) -> None:
    body = account.key[:17] + "0" * 32
    with pytest.raises(KeyInvalid, match="No such"):
        callers.by_key(body + keys._checksum(body))


@pytest.mark.parametrize(
    "key", ["nonsense", "mat_live_", "mat_live_" + "ü" * 46, "x" * 10_000, "mat_live_" + "\0" * 46]
)
def test_nonsense_is_refused(db: None, key: str) -> None:
    with pytest.raises(KeyInvalid):
        callers.by_key(key)


def test_no_key_is_an_error_of_its_own(db: None) -> None:
    with pytest.raises(KeyMissing):
        callers.by_key("")


def test_a_suspended_tenant_is_refused(account: Account) -> None:
    with platform_scope():
        Tenant.objects.filter(pk=account.tenant.pk).update(is_suspended=True)
    with pytest.raises(TenantSuspended):
        callers.by_key(account.key)


def test_keys_are_bounded(account: Account) -> None:
    with account.caller.scope():
        for _ in range(LIMITS.keys_per_tenant - 1):
            keys.issue(account.tenant, name="more")
        with pytest.raises(TooManyKeys):
            keys.issue(account.tenant, name="one too many")


def test_every_refusal_is_of_our_own_tree() -> None:
    assert {KeyInvalid, KeyRevoked, KeyExpired, KeyMissing} <= set(AccountError.concrete())
