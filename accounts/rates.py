"""The plan's rates, counted in Valkey in one step for the key and for its tenant, by the clock of Valkey.

The generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): of each bucket only the moment is kept at which it
will be full again. A request moves that moment by its share of a minute, and is refused if it would lie more than a
minute ahead. So a rate may be used in a burst and comes back evenly.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import ceil
from time import monotonic, time
from typing import cast

import redis
import structlog
from redis.commands.core import Script

from accounts.callers import Caller
from accounts.errors import RateLimited
from config import valkey

WINDOW_S = 60
PAUSE_S = 5
SPEND = """
local window, cost, counted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local full_at, wait = {}, 0
for i, key in ipairs(KEYS) do
    local limit = tonumber(ARGV[3 + i])
    local before = math.min(counted, limit)
    local share = (math.min(counted + cost, limit) - before) * window / limit
    local stored = tonumber(redis.call('GET', key) or 0)
    full_at[i] = math.min(math.max(stored, now), now + window) + share
    local ahead = full_at[i] - window - now
    if ahead > 1e-3 then wait = math.max(wait, ahead + before * window / limit) end
end
if wait > 0 then return {tostring(wait)} end
local answer = {'0'}
for i, key in ipairs(KEYS) do
    if cost > 0 then
        redis.call('SET', key, string.format('%.6f', full_at[i]), 'PX', math.ceil((full_at[i] - now) * 1000) + 1)
    end
    answer[i + 1] = tostring(full_at[i] - now)
end
return answer
"""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left of a bucket, and in how many seconds it will be full again."""

    limit: int
    remaining: int
    resets_in_s: float

    @property
    def resets_at(self) -> int:
        """In Unix seconds."""
        return ceil(time() + self.resets_in_s)


def spend(caller: Caller, cost: int, *, counted: int = 0) -> None:
    """Takes as much from the rate of the caller's key and of the tenant, or from neither.

    What is larger than a rate takes all of it. `counted` is what the same request has spent before, and will spend
    again when it is repeated. Raises RateLimited. Without Valkey nobody is refused: jobs are then accepted, and done
    later.
    """
    try:
        wait_s, *_ = _run(caller, cost, counted)
    except redis.RedisError:
        return
    if wait_s:
        raise RateLimited(
            f"More than the {caller.tenant.plan} plan allows in a minute. Wait as Retry-After says.",
            retry_after_s=max(1, ceil(wait_s)),
        )


def left(caller: Caller) -> Mapping[str, Rate]:
    """By the name of the bucket, `key` or `tenant`; empty without Valkey."""
    try:
        _, *fills_in_s = _run(caller, 0)
    except redis.RedisError:
        return {}
    limits = _limits(caller)
    return {
        name: Rate(limit, int(limit * (1 - fills_in / WINDOW_S) + 1e-6), fills_in)
        for (name, limit), fills_in in zip(limits.items(), fills_in_s, strict=True)
    }


def _run(caller: Caller, cost: int, counted: int = 0) -> list[float]:
    """Seconds to wait; if none, the seconds in which each bucket will be full."""
    limits = _limits(caller)
    keys = {"key": caller.rate_key, "tenant": f"tenant:{caller.tenant.pk}"}
    with _pause.after_failure():
        answer = _script()(
            keys=[f"mattery:rate:{keys[name]}" for name in limits], args=[WINDOW_S, cost, counted, *limits.values()]
        )
    return [float(part) for part in cast(list[str], answer)]


class _Pause:
    """A Valkey that hangs costs one request its patience, not every request."""

    def __init__(self) -> None:
        self._ends_at = 0.0

    @contextmanager
    def after_failure(self) -> Iterator[None]:
        if monotonic() < self._ends_at:
            raise redis.TimeoutError("not asked again so soon")
        try:
            yield
        except redis.RedisError as error:
            self._ends_at = monotonic() + PAUSE_S
            log.warning("rates not counted for a while", seconds=PAUSE_S, error=str(error))
            raise


_pause = _Pause()


def _limits(caller: Caller) -> dict[str, int]:
    plan = caller.tenant.plan
    return {"key": plan.requests_per_minute, "tenant": plan.tenant_requests_per_minute}


@cache
def _script() -> Script:
    return valkey.client().register_script(SPEND)
