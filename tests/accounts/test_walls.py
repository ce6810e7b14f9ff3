"""The two walls between tenants: managers that fail closed, and PostgreSQL's row-level security under them."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.checks.registry import registry
from django.db import connection, models, transaction
from django.db.utils import ProgrammingError

from accounts.callers import Caller
from accounts.checks import database_role_is_fenced_in
from accounts.models import ApiKey, Tenant
from accounts.tenancy import ScopeError, TenantManager, platform_scope, tenant_scope
from tests.conftest import Account

TENANT_MODELS = [
    model
    for label in ("accounts", "processing")
    for model in apps.get_app_config(label).get_models()
    if model is Tenant or any(field.name == "tenant" for field in model._meta.fields)
]


def count_with_sql(model: type[models.Model], scope: str | None) -> int:
    """What the database shows when our managers are not asked."""
    with transaction.atomic(), connection.cursor() as cursor:
        if scope is not None:
            cursor.execute("SELECT set_config('app.tenant', %s, true)", [scope])
        cursor.execute(f"SELECT count(*) FROM {model._meta.db_table}")
        return int(cursor.fetchone()[0])


def test_there_are_tenant_models() -> None:
    assert len(TENANT_MODELS) == 11


@pytest.mark.parametrize("model", TENANT_MODELS)
def test_without_a_scope_the_manager_refuses(model: type[models.Model]) -> None:
    assert isinstance(model._default_manager, TenantManager)
    with pytest.raises(ScopeError):
        model._default_manager.all()


@pytest.mark.parametrize("model", TENANT_MODELS)
def test_without_a_scope_the_database_shows_nothing(alice: Account, model: type[models.Model]) -> None:
    assert count_with_sql(model, None) == 0


@pytest.mark.parametrize("model", TENANT_MODELS)
def test_the_wall_holds_for_the_tables_owner_too(committed_db: None, model: type[models.Model]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner) = current_user"
            " FROM pg_class WHERE relname = %s",
            [model._meta.db_table],
        )
        assert cursor.fetchone() == (True, True, False)


def test_a_tenant_sees_its_own_rows_alone(alice: Account, charlie: Account) -> None:
    with alice.caller.scope():
        assert list(Tenant.objects.all()) == [alice.tenant]
        assert {key.tenant_id for key in ApiKey.objects.all()} == {alice.tenant.id}
        assert not ApiKey.objects.filter(tenant=charlie.tenant).exists()
    assert count_with_sql(Tenant, str(alice.tenant.id)) == 1


def test_a_tenant_cannot_write_into_another_one(alice: Account, charlie: Account) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), alice.caller.scope():
        ApiKey.objects.create(tenant=charlie.tenant, name="planted", prefix="mat_live_planted1", digest="0" * 64)


def test_raw_sql_in_a_scope_cannot_change_another_tenants_rows(alice: Account, charlie: Account) -> None:
    with alice.caller.scope(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_apikey SET name = 'taken' WHERE tenant_id = %s", [charlie.tenant.id])
        assert cursor.rowcount == 0


def test_a_scope_ends_with_its_transaction(alice: Account) -> None:
    with alice.caller.scope():
        assert Tenant.objects.count() == 1
    assert count_with_sql(Tenant, None) == 0
    with pytest.raises(ScopeError):
        Tenant.objects.count()


def test_a_scope_ends_when_its_transaction_fails(alice: Account) -> None:
    with pytest.raises(ZeroDivisionError), alice.caller.scope():
        _ = 1 / 0
    assert count_with_sql(Tenant, None) == 0


def test_a_tenants_scope_cannot_be_left_for_another(alice: Account, charlie: Account) -> None:
    for other in (tenant_scope(charlie.tenant.id), platform_scope()):
        with pytest.raises(ScopeError), alice.caller.scope(), other:
            pass


def test_a_narrowed_scope_widens_again_to_where_it_came_from(alice: Account, charlie: Account) -> None:
    both = [alice.tenant.id, charlie.tenant.id]
    with platform_scope():
        with alice.caller.scope():
            assert Tenant.objects.filter(id__in=both).count() == 1
        assert Tenant.objects.filter(id__in=both).count() == 2


def test_a_queryset_that_escapes_its_scope_finds_nothing(alice: Account) -> None:
    with alice.caller.scope():
        escaped = Tenant.objects.all()
    assert list(escaped) == []


def test_the_role_in_use_is_fenced_in(committed_db: None) -> None:
    assert run_checks(tags=["database"], databases=["default"], include_deployment_checks=True) == []
    assert database_role_is_fenced_in in registry.get_checks(include_deployment_checks=True)


def test_a_caller_without_key_or_membership_manages_nothing(alice: Account) -> None:
    with pytest.raises(Exception, match="owners and admins"):
        Caller(tenant=alice.tenant).require_key_management()
