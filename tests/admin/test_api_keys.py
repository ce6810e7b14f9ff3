from collections.abc import Callable
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse

from accounts import callers
from accounts.errors import KeyRevoked
from accounts.models import ApiKey
from accounts.tenancy import platform_scope
from tests.admin.conftest import Press
from tests.conftest import Account


@pytest.fixture
def key(acme: Account) -> ApiKey:
    with platform_scope():
        return ApiKey.objects.get(tenant=acme.tenant)


def test_a_revoked_key_is_refused(press: Press, acme: Account, key: ApiKey, acts: Callable[[], object]) -> None:
    press("revoke", key)
    with pytest.raises(KeyRevoked):
        callers.by_key(acme.key)
    assert acts() == [("admin.change", f"API key first ({key.prefix}…): Revoked.")]


def test_a_key_is_revoked_once(press: Press, key: ApiKey) -> None:
    press("revoke", key)
    assert press("revoke", key).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_keys_cannot_be_written(console: Client, key: ApiKey, page: str) -> None:
    url = reverse(f"admin:accounts_apikey_{page}", args=[] if page == "add" else [key.pk])
    answer = console.post(url, {"name": "other", "post": "yes"})
    assert answer.status_code == HTTPStatus.FORBIDDEN
