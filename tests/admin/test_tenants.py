from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse

from accounts import callers
from accounts.errors import TenantSuspended
from accounts.models import Membership, Plan, Role, Tenant, User
from accounts.tenancy import platform_scope
from tests.admin.conftest import Press
from tests.conftest import Account, make_user

NO_ROWS = {
    f"{rows}-{field}": "0"
    for rows in ("memberships", "api_keys")
    for field in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
}


def granted_to(tenant: Tenant) -> Decimal:
    with platform_scope():
        return Tenant.objects.get(pk=tenant.pk).current_allowance().granted


def change(console: Client, tenant: Tenant, **fields: object) -> None:
    url = reverse("admin:accounts_tenant_change", args=[tenant.pk])
    answer = console.post(url, {"name": tenant.name, "plan": tenant.plan.pk, **NO_ROWS, **fields})
    assert answer.status_code == HTTPStatus.FOUND


def test_a_new_tenant_is_made(console: Client, db: None) -> None:
    plan = Plan.objects.create(name="Starter")
    console.post(reverse("admin:accounts_tenant_add"), {"name": "Globex", "plan": plan.pk})
    with platform_scope():
        assert Tenant.objects.get(name="Globex").plan == plan


def test_a_change_of_plan_applies_at_once(console: Client, acme: Account, acts: Callable[[], object]) -> None:
    change(console, acme.tenant, plan=Plan.objects.create(name="Large", monthly_credits=9_000).pk)
    assert granted_to(acme.tenant) == 9_000
    assert acts() == [("admin.change", "tenant Acme: Changed Plan.")]


def test_a_smaller_plan_takes_nothing_back_that_is_used(console: Client, acme: Account) -> None:
    change(console, acme.tenant, plan=Plan.objects.create(name="None", monthly_credits=0).pk)
    assert granted_to(acme.tenant) == 1


def grant(console: Client, plan: Plan, credits: int) -> None:
    fields = {field.name: getattr(plan, field.name) for field in Plan._meta.fields}
    console.post(reverse("admin:accounts_plan_change", args=[plan.pk]), {**fields, "monthly_credits": credits})


def test_a_plan_with_more_credits_gives_them_to_its_tenants_alone(
    console: Client, acme: Account, new_account: Callable[..., Account]
) -> None:
    other = new_account("Other")
    before = granted_to(other.tenant)
    grant(console, acme.tenant.plan, 7_777)
    assert granted_to(acme.tenant) == 7_777
    assert granted_to(other.tenant) == before


def test_a_plan_with_fewer_credits_takes_nothing_back_that_is_used(console: Client, acme: Account) -> None:
    grant(console, acme.tenant.plan, 0)
    assert granted_to(acme.tenant) == 1


def test_the_list_shows_what_is_used(console: Client, acme: Account) -> None:
    shown = console.get(reverse("admin:accounts_tenant_changelist")).content.decode()
    assert "1 of 1,000" in shown


def test_suspending_waits_for_confirmation(console: Client, acme: Account) -> None:
    answer = console.get(reverse("admin:accounts_tenant_suspend", args=[acme.tenant.pk]))
    assert "refused from now on" in answer.content.decode()
    callers.by_key(acme.key)


def test_a_suspended_tenant_is_refused_until_it_is_resumed(
    press: Press, acme: Account, acts: Callable[[], object]
) -> None:
    press("suspend", acme.tenant)
    with pytest.raises(TenantSuspended):
        callers.by_key(acme.key)
    press("resume", acme.tenant)
    callers.by_key(acme.key)
    assert acts() == [("admin.change", "tenant Acme: Suspended."), ("admin.change", "tenant Acme: Resumed.")]


def test_only_what_is_possible_is_offered(console: Client, acme: Account, press: Press) -> None:
    assert press("resume", acme.tenant).status_code == HTTPStatus.FORBIDDEN
    shown = console.get(reverse("admin:accounts_tenant_change", args=[acme.tenant.pk])).content.decode()
    assert "Suspend" in shown
    assert "Resume" not in shown


def test_a_new_member_gets_an_account_without_a_password(press: Press, acme: Account) -> None:
    press("add_member", acme.tenant, email="New@Example.com", role=Role.VIEWER)
    user = User.objects.get(email="new@example.com")
    assert not user.has_usable_password()
    with platform_scope():
        assert Membership.objects.get(user=user).role == Role.VIEWER


def test_a_member_may_be_somebody_who_has_an_account(press: Press, acme: Account) -> None:
    user = make_user("known")
    press("add_member", acme.tenant, email=user.email.upper(), role=Role.ADMIN)
    with platform_scope():
        assert Membership.objects.get(user=user).tenant == acme.tenant


def test_nobody_is_a_member_twice(press: Press, acme: Account) -> None:
    answer = press("add_member", acme.tenant, email=acme.owner.email, role=Role.VIEWER)
    assert "Belongs to this tenant already" in answer.content.decode()
    with platform_scope():
        assert Membership.objects.get(user=acme.owner).role == Role.OWNER


def test_a_change_of_role_leaves_a_trace(console: Client, acme: Account, acts: Callable[[], object]) -> None:
    with platform_scope():
        membership = Membership.objects.get(user=acme.owner)
    row = {"id": membership.pk, "tenant": acme.tenant.pk, "role": Role.VIEWER}
    forms = {"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 1}
    change(console, acme.tenant, **forms, **{f"memberships-0-{name}": value for name, value in row.items()})
    name = f"{acme.owner.email} (viewer)"
    assert acts() == [("admin.change", f"tenant Acme: Changed Role for membership “{name}”.")]


def test_a_membership_ends_and_leaves_a_trace(console: Client, acme: Account, acts: Callable[[], object]) -> None:
    with platform_scope():
        membership = Membership.objects.get(user=acme.owner)
    console.post(reverse("admin:accounts_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert callers.by_person(acme.owner) is None
    assert acts() == [("admin.delete", f"membership {acme.owner.email} (owner): Deleted.")]


def test_a_tenant_is_never_deleted(console: Client, acme: Account) -> None:
    answer = console.post(reverse("admin:accounts_tenant_delete", args=[acme.tenant.pk]), {"post": "yes"})
    assert answer.status_code == HTTPStatus.FORBIDDEN


def test_consent_to_improvement_is_noted_on_the_tenants_page(console: Client, acme: Account) -> None:
    change(console, acme.tenant, allows_improvement="on")
    with platform_scope():
        assert Tenant.objects.get(pk=acme.tenant.pk).allows_improvement
