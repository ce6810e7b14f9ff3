from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import ledger
from accounts.errors import InsufficientCredits
from accounts.models import Allowance, Plan, UsageEntry
from tests.conftest import Account, make_account

ONE = Decimal(1)


def reserve(account: Account, job_id: UUID | None = None) -> UUID:
    job_id = job_id or uuid4()
    with account.caller.scope():
        ledger.reserve(account.tenant, job_id=job_id, credits=ONE, api_key=None)
    return job_id


def used(account: Account) -> Decimal:
    with account.caller.scope():
        return account.tenant.current_allowance().used


@pytest.fixture
def account(committed_db: None) -> Account:
    return make_account("Ledger", monthly_credits=3)


def test_a_reservation_holds_the_credit(account: Account) -> None:
    reserve(account)
    assert used(account) == 1


def test_a_charge_keeps_what_was_reserved(account: Account) -> None:
    job_id = reserve(account)
    with account.caller.scope():
        ledger.charge(job_id)
    assert used(account) == 1


def test_a_release_gives_it_back(account: Account) -> None:
    job_id = reserve(account)
    with account.caller.scope():
        ledger.release(job_id)
    assert used(account) == 0


@pytest.mark.parametrize("second", [ledger.charge, ledger.release])
@pytest.mark.parametrize("first", [ledger.charge, ledger.release])
def test_a_reservation_ends_only_once(account: Account, first: object, second: object) -> None:
    job_id = reserve(account)
    with account.caller.scope():
        first(job_id)  # type: ignore[operator]
    before = used(account)
    with pytest.raises(IntegrityError), account.caller.scope():
        second(job_id)  # type: ignore[operator]
    assert used(account) == before


def test_a_job_is_reserved_only_once(account: Account) -> None:
    job_id = reserve(account)
    with pytest.raises(IntegrityError):
        reserve(account, job_id)
    assert used(account) == 1


def test_it_refuses_more_than_the_plan_grants(account: Account) -> None:
    for _ in range(3):
        reserve(account)
    with pytest.raises(InsufficientCredits):
        reserve(account)
    assert used(account) == 3


def test_the_books_balance(account: Account) -> None:
    charged, released = reserve(account), reserve(account)
    with account.caller.scope():
        ledger.charge(charged)
        ledger.release(released)
        entries = list(UsageEntry.objects.filter(tenant=account.tenant))
    signs = {"reserve": 1, "charge": 0, "release": -1}
    assert sum(signs[entry.kind] * entry.credits for entry in entries) == used(account) == 1


def test_forty_at_once_never_oversell_twenty_five(committed_db: None) -> None:
    account = make_account("Rush", monthly_credits=25)

    def attempt(_: int) -> bool:
        try:
            reserve(account)
        except InsufficientCredits:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(attempt, range(40)))
    assert granted == 25
    assert used(account) == 25


def test_the_database_itself_refuses_an_oversold_allowance(account: Account) -> None:
    reserve(account)
    with pytest.raises(IntegrityError, match="credits_never_oversold"), account.caller.scope():
        Allowance.objects.filter(tenant=account.tenant).update(used=4)


@pytest.mark.parametrize("change", ["UPDATE accounts_usageentry SET credits = 0", "DELETE FROM accounts_usageentry"])
def test_a_line_of_the_ledger_never_changes(account: Account, change: str) -> None:
    reserve(account)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        account.caller.scope(),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


def test_a_new_plan_applies_to_this_month_but_never_below_what_is_used(account: Account) -> None:
    for _ in range(2):
        reserve(account)
    with account.caller.scope():
        account.tenant.plan = Plan.objects.create(name=f"smaller {uuid4()}", monthly_credits=1)
        account.tenant.apply_plan()
        assert account.tenant.current_allowance().granted == 2
        account.tenant.plan = Plan.objects.create(name=f"larger {uuid4()}", monthly_credits=500)
        account.tenant.apply_plan()
        assert account.tenant.current_allowance().left == 498
