"""The connections to Valkey, for wake-ups, heartbeats and rates."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

AT_ONCE = Retry(NoBackoff(), 1)  # one reconnection, no pauses: whoever asks has a request waiting


@cache
def client() -> redis.Redis:
    """Answers within seconds or raises: nothing here may hold a request when Valkey is gone."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_connect_timeout=1,
        socket_timeout=2,
        health_check_interval=30,
        retry=AT_ONCE,
    )


def patient_client(seconds: int) -> redis.Redis:
    """For one command that may block for that long; to be closed after it."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_connect_timeout=2,
        socket_timeout=seconds + 5,
        retry=AT_ONCE,
    )
