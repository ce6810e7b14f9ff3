"""The plan's rates, as Valkey counts them."""

from concurrent.futures import ThreadPoolExecutor
from math import isclose
from time import time

import pytest

from accounts import rates
from accounts.callers import Caller
from accounts.errors import RateLimited
from accounts.models import Membership
from config import valkey
from tests.conftest import NewAccount


def refused(caller: Caller, cost: int = 1, *, counted: int = 0) -> int:
    """The seconds that the caller is told to wait."""
    with pytest.raises(RateLimited) as caught:
        rates.spend(caller, cost, counted=counted)
    assert caught.value.retry_after_s is not None
    return caught.value.retry_after_s


def test_a_rate_may_be_used_in_a_burst_and_comes_back_evenly(new_account: NewAccount) -> None:
    caller = new_account("Bursts", requests_per_minute=6).caller
    for _ in range(6):
        rates.spend(caller, 1)
    assert 9 <= refused(caller) <= 10
    assert 49 <= refused(caller, 5) <= 50


def test_a_refusal_costs_nothing(new_account: NewAccount) -> None:
    caller = new_account("Refused", requests_per_minute=6).caller
    rates.spend(caller, 4)
    refused(caller, 3)
    rates.spend(caller, 2)


def test_what_is_larger_than_the_rate_takes_all_of_it(new_account: NewAccount) -> None:
    caller = new_account("Large", requests_per_minute=6).caller
    rates.spend(caller, 50)
    refused(caller)


def test_an_image_larger_than_the_rate_is_taken_after_its_request(new_account: NewAccount) -> None:
    caller = new_account("Large", requests_per_minute=6).caller
    rates.spend(caller, 1)
    rates.spend(caller, 49, counted=1)


def test_after_the_wait_the_whole_request_is_taken(new_account: NewAccount) -> None:
    caller = new_account("Again", requests_per_minute=6).caller
    rates.spend(caller, 4)
    rates.spend(caller, 1)
    assert 29 <= refused(caller, 3, counted=1) <= 30  # 1 is left; 1 and 3 are needed, ten seconds each


def test_a_clock_that_steps_back_locks_nobody_out(new_account: NewAccount) -> None:
    caller = new_account("Clock", requests_per_minute=6).caller
    valkey.client().set(f"mattery:rate:{caller.rate_key}", time() + 3_600)
    assert rates.left(caller)["key"].remaining == 0
    assert 9 <= refused(caller) <= 10


def test_the_tenants_rate_is_for_all_of_its_people(new_account: NewAccount) -> None:
    account = new_account("Many", requests_per_minute=100, tenant_requests_per_minute=6)
    another = Caller(tenant=account.tenant, membership=Membership(pk=account.caller.membership.pk + 1_000_000))  # type: ignore[union-attr]
    rates.spend(account.caller, 6)
    refused(another)
    assert rates.left(another)["key"].remaining == 100


def test_tenants_do_not_share(new_account: NewAccount) -> None:
    rates.spend(new_account("One", requests_per_minute=1).caller, 1)
    rates.spend(new_account("Other", requests_per_minute=1).caller, 1)


def test_what_is_left(new_account: NewAccount) -> None:
    caller = new_account("Left", requests_per_minute=60, tenant_requests_per_minute=600).caller
    assert rates.left(caller)["key"] == rates.Rate(60, 60, 0)
    rates.spend(caller, 30)
    left = rates.left(caller)
    assert left.keys() == {"key", "tenant"}
    assert left["key"].remaining in (30, 31)
    assert isclose(left["key"].resets_in_s, 30, abs_tol=1)
    assert 570 <= left["tenant"].remaining <= 580


def test_many_at_once_get_no_more_than_there_is(new_account: NewAccount) -> None:
    caller = new_account("Crowd", requests_per_minute=6).caller

    def try_it(_: int) -> bool:
        try:
            rates.spend(caller, 1)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(try_it, range(40)))
    assert granted == 6
