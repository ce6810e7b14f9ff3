"""The plan's requests per minute, counted in Valkey: atomic over all web processes."""

from functools import cache
from math import ceil
from time import time

import structlog
from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.callers import Caller
from accounts.errors import RateLimited

log = structlog.get_logger(__name__)


@cache
def _limiter() -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(
        settings.REDIS_URL,
        key_prefix="mattery:rate",
        wrap_exceptions=True,
        socket_connect_timeout=2,
        socket_timeout=2,
    )
    return SlidingWindowCounterRateLimiter(storage)


def require_within_rate(caller: Caller) -> None:
    """Raises RateLimited. Without Valkey nobody is refused: jobs are then accepted and done later."""
    per_minute = RateLimitItemPerMinute(caller.tenant.plan.requests_per_minute)
    try:
        if _limiter().hit(per_minute, caller.rate_key):
            return
        resets_at = _limiter().get_window_stats(per_minute, caller.rate_key).reset_time
    except StorageError as error:
        log.warning("rate not counted", error=str(error))
        return
    raise RateLimited(
        f"More than the {caller.tenant.plan} plan's {per_minute.amount} requests a minute. Wait as Retry-After says.",
        retry_after_s=max(1, ceil(resets_at - time())),
    )


class PlanThrottle(BaseThrottle):
    def allow_request(self, request: Request, _view: object) -> bool:
        if isinstance(request.user, Caller):
            require_within_rate(request.user)
        return True
