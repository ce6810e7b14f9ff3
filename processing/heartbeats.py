"""What the worker processes say of themselves: which models are warm, on which provider. Kept in Valkey, and
forgotten by itself when a process falls silent."""

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import cast

import redis

from config import valkey
from config.limits import LIMITS
from processing.errors import QueueUnavailable

INDEX = "mattery:workers"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    process: str
    provider: str
    warm: list[str]
    installed: dict[str, str]
    """Models, and the version of each that is in use."""


def beat(heartbeat: Heartbeat) -> None:
    expires_at = time.time() + LIMITS.heartbeat_ttl_s
    with valkey.client().pipeline() as pipe:
        pipe.set(_key(heartbeat.process), json.dumps(asdict(heartbeat)), ex=LIMITS.heartbeat_ttl_s)
        pipe.zadd(INDEX, {heartbeat.process: expires_at})
        pipe.zremrangebyscore(INDEX, "-inf", time.time())
        pipe.execute()


def stop(process: str) -> None:
    with valkey.client().pipeline() as pipe:
        pipe.delete(_key(process))
        pipe.zrem(INDEX, process)
        pipe.execute()


def alive() -> list[Heartbeat]:
    try:
        processes = cast(list[str], valkey.client().zrangebyscore(INDEX, time.time(), "+inf"))
        keys = [_key(process) for process in processes]
        found = cast(list[str | None], valkey.client().mget(keys)) if keys else []
    except redis.RedisError as error:
        raise QueueUnavailable from error
    return [_heartbeat(text) for text in found if text]


def installed_models() -> list[str]:
    return sorted({model for heartbeat in alive() for model in heartbeat.installed})


def warm_processes() -> Counter[tuple[str, str]]:
    """How many processes have a model warm, by model and provider."""
    return Counter((model, heartbeat.provider) for heartbeat in alive() for model in heartbeat.warm)


def _heartbeat(text: str) -> Heartbeat:
    """Of a worker that may be newer than this process, and say more."""
    said = json.loads(text)
    return Heartbeat(**{field.name: said[field.name] for field in fields(Heartbeat)})


def _key(process: str) -> str:
    return f"{INDEX}:{process}"
