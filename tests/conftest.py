"""The shared world: Alice owns a tenant, Victor may only look at it, Charlie owns another one and must see nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.conf import settings

from accounts import keys
from accounts.callers import Caller
from accounts.models import Membership, Plan, Role, Tenant, User
from accounts.tenancy import platform_scope
from tests.photographs import astronaut
from tests.receivers import Inbox, Receiver, receiving


@dataclass(frozen=True, slots=True)
class Account:
    tenant: Tenant
    owner: User
    key: str
    caller: Caller

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


def make_user(name: str, **fields: Any) -> User:
    return User.objects.create_user(f"{name}-{uuid4().hex[:8]}@example.com", **fields)


def make_account(name: str, **plan: Any) -> Account:
    """A tenant with an owner and a key, on a plan of its own."""
    with platform_scope():
        tenant = Tenant.objects.create(name=name, plan=Plan.objects.create(name=f"{name} {uuid4().hex}", **plan))
        owner = make_user(name.lower())
        membership = Membership.objects.create(tenant=tenant, user=owner, role=Role.OWNER)
        _, plain = keys.issue(tenant, name="first", created_by=owner)
    return Account(tenant, owner, plain, Caller(tenant=tenant, membership=membership))


def make_member(tenant: Tenant, role: Role) -> User:
    with platform_scope():
        user = make_user(role)
        Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


@pytest.fixture(scope="session", autouse=True)
def pages_find_their_static_files(static_files: None) -> None:
    """Pages are also rendered in this process, through Django's test client."""


@pytest.fixture
def alice(committed_db: None) -> Account:
    return make_account("Alice", requests_per_minute=10_000)


@pytest.fixture
def charlie(committed_db: None) -> Account:
    return make_account("Charlie", requests_per_minute=10_000)


type NewAccount = Callable[..., Account]


@pytest.fixture
def new_account(committed_db: None) -> NewAccount:
    return make_account


@pytest.fixture
def victor(alice: Account) -> User:
    return make_member(alice.tenant, Role.VIEWER)


@pytest.fixture
def http(web: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web, timeout=90) as client:
        yield client


@pytest.fixture
def photo() -> bytes:
    return astronaut()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """A customer's server, the one on this machine that webhooks may be sent to."""
    with receiving(settings.FETCH_ALLOWED_HOSTS[0]) as receiver:
        yield receiver


@pytest.fixture
def inbox(receiver: Receiver) -> Inbox:
    return receiver.inbox()
