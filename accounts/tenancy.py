"""Whose rows may be seen: the first wall between tenants, and the switch of the second.

Every transaction that touches a tenant's rows runs in a scope. The scope tells two walls the same thing: the managers
below, which raise without one, and PostgreSQL's row-level security (accounts/row_security.py), which shows nothing
without one. A scope can be narrowed from the platform to one tenant, never widened or moved to another tenant.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import connection, models, transaction

PLATFORM = "*"
_scope: ContextVar[str | None] = ContextVar("tenant scope", default=None)

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ScopeError(RuntimeError):
    """Our own mistake: rows of tenants were asked for without saying whose."""


def current_scope() -> str:
    scope = _scope.get()
    if scope is None:
        raise ScopeError("No tenant in hand: use tenant_scope() or platform_scope().")
    return scope


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """One transaction in which only this tenant's rows exist."""
    with _enter(str(tenant_id)):
        yield


@contextmanager
def platform_scope() -> Iterator[None]:
    """One transaction that sees every tenant: for the operator, for the sweeper, and to find out who is asking."""
    with _enter(PLATFORM):
        yield


@contextmanager
def _enter(scope: str) -> Iterator[None]:
    outer = _scope.get()
    if outer not in (None, PLATFORM, scope):
        raise ScopeError("A tenant's scope cannot be left for another one.")
    token = _scope.set(scope)
    try:
        with transaction.atomic():
            _tell_database(scope)
            yield
    finally:
        _scope.reset(token)
    if connection.in_atomic_block:  # a rollback restores the setting by itself, a savepoint's release does not
        _tell_database(outer or "")


def _tell_database(scope: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.tenant', %s, true)", [scope])


class TenantQuerySet(models.QuerySet[Row]):
    def in_scope(self) -> Self:
        scope = current_scope()
        return self if scope == PLATFORM else self.filter(**{self._tenant_lookup(): scope})

    def _tenant_lookup(self) -> str:
        return "id" if self.model.__name__ == "Tenant" else "tenant_id"


class TenantManager(models.Manager[Row]):
    """Fails closed: without a scope there is no queryset at all."""

    def get_queryset(self) -> Any:
        return super().get_queryset().in_scope()  # type: ignore[attr-defined]
