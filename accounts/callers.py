"""Who is asking: a tenant's program with its key, or one of its people."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.http import HttpRequest

from accounts import keys
from accounts.errors import KeyMissing, RoleForbids, TenantSuspended
from accounts.models import ApiKey, Membership, Tenant, User
from accounts.tenancy import platform_scope, tenant_scope

REMEMBERED = "CALLER"


@dataclass(frozen=True, slots=True)
class Caller:
    tenant: Tenant
    api_key: ApiKey | None = None
    membership: Membership | None = None
    workspaces: tuple[Membership, ...] = ()  # all that this person belongs to

    is_authenticated = True  # what REST framework asks of whatever stands as request.user

    @property
    def user(self) -> User | None:
        return self.membership.user if self.membership else None

    @property
    def rate_key(self) -> str:
        """What the plan's requests per minute are counted by."""
        return (
            f"key:{self.api_key.pk}" if self.api_key else f"membership:{self.membership.pk}" if self.membership else ""
        )

    def scope(self) -> AbstractContextManager[None]:
        return tenant_scope(self.tenant.id)

    def require_submit(self) -> None:
        if self.membership and not self.membership.can_submit:
            raise RoleForbids("Viewers can look but not cut out. Ask an owner or admin for the member role.")

    def require_key_management(self) -> None:
        if not (self.membership and self.membership.can_manage_keys):
            raise RoleForbids("Only owners and admins manage API keys.")

    def require_webhook_management(self) -> None:
        """Any key may: a program sets up what it listens to."""
        if not self.api_key and not (self.membership and self.membership.can_manage_webhooks):
            raise RoleForbids("Only owners and admins manage webhooks.")


def by_key(plain: str) -> Caller:
    if not plain:
        raise KeyMissing
    with platform_scope():
        key = keys.authenticate(plain)
    return _admitted(Caller(tenant=key.tenant, api_key=key))


def by_person(user: User, tenant_id: str | None = None) -> Caller | None:
    """This person in the tenant they chose, or in their first one; None without a membership."""
    with platform_scope():
        memberships = list(
            Membership.objects.filter(user=user).select_related("tenant__plan", "user").order_by("created_at", "pk")
        )
    chosen = [membership for membership in memberships if str(membership.tenant_id) == tenant_id] or memberships
    if not chosen:
        return None
    return _admitted(Caller(tenant=chosen[0].tenant, membership=chosen[0], workspaces=tuple(memberships)))


def remember(request: HttpRequest, caller: Caller) -> Caller:
    """For whatever looks at the request later: the page's frame, the audit log."""
    request.META[REMEMBERED] = caller
    return caller


def of(request: HttpRequest) -> Caller | None:
    caller: Caller | None = request.META.get(REMEMBERED)
    return caller


def _admitted(caller: Caller) -> Caller:
    if caller.tenant.is_suspended:
        raise TenantSuspended("This account is suspended. Ask the operator of this service.")
    return caller
