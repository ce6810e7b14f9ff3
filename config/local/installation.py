"""One installation on this machine: a folder with all its data, and the servers that keep it."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.local.credentials import Credentials
from config.local.processes import ChildProcess, PlatformError
from config.local.servers import PostgreSQL, Valkey


def environment_given() -> Mapping[str, str]:
    """What is set but empty counts as not set, as it does for the settings."""
    return {name: value for name, value in os.environ.items() if value}


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Keeps a second installation off the same data. Raises PlatformError when one runs on it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Mattery already runs on {data_dir}. Stop it, or set DATA_DIR to another folder."
            raise PlatformError(message) from None
        yield


class Installation:
    """Runs the servers that `environ` gives no address of; `environment` has all addresses."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str], *, is_durable: bool = True) -> None:
        self.log_dir = data_dir / "logs"
        self.first_run_path = data_dir / "first-run.json"
        self.servers: list[ChildProcess] = []
        credentials = Credentials.load_or_create(data_dir / "secrets.json")
        self.environment = {
            "SECRET_KEY": credentials.secret_key,
            "KEY_DIGEST_SECRET": credentials.key_digest_secret,
            **environ,
            "DATA_DIR": str(data_dir),
        }
        if "DATABASE_URL" not in environ:
            postgresql = PostgreSQL(data_dir, credentials, is_durable=is_durable)
            self.servers.append(postgresql)
            self.environment["DATABASE_URL"] = postgresql.app_url
            self.environment["DATABASE_OWNER_URL"] = postgresql.owner_url
        if redis_url := _given_redis_url(environ):
            self.environment["REDIS_URL"] = redis_url
        else:
            valkey = Valkey(data_dir, credentials, is_durable=is_durable)
            self.servers.append(valkey)
            self.environment["REDIS_URL"] = valkey.url

    def start(self) -> None:
        for server in self.servers:
            server.start()

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()


def _given_redis_url(environ: Mapping[str, str]) -> str:
    broker_url = environ.get("CELERY_BROKER_URL", "")
    is_redis = broker_url.startswith(("redis://", "rediss://"))
    return environ.get("REDIS_URL", broker_url if is_redis else "")
