"""The whole platform, as `make up` starts it, on a port and with data of its own."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config.local import programs
from config.local.installation import Installation
from config.local.processes import free_port, run, running, wait_until

READY_S = 120


@dataclass(frozen=True, slots=True)
class Platform:
    base_url: str
    api_key: str
    worker_pid: int


@contextmanager
def started(folder: Path, *, model: str, environment: Mapping[str, str]) -> Iterator[Platform]:
    port = free_port()
    folder.mkdir(parents=True)
    installation = Installation(folder, {}, is_durable=False)
    settings = {
        **os.environ,
        **installation.environment,
        "PORT": str(port),
        "DEFAULT_MODEL": model,
        "PINNED_MODELS": model,
        **environment,
    }
    log_dir = installation.log_dir
    with running(installation):
        run(programs.migrate(settings, log_dir))
        api_key = first_key(settings, installation.first_run_path)
        web, worker = programs.web(settings, log_dir), programs.worker(settings, log_dir)
        with running(web), running(worker):
            wait_until(lambda: programs.is_ok(port, "/readyz"), children=[web, worker], timeout_s=READY_S)
            yield Platform(f"http://127.0.0.1:{port}", api_key, worker.pid)


def first_key(environment: Mapping[str, str], record_path: Path) -> str:
    """The first tenant's key, on a plan that does not get in the way."""
    run(programs.bootstrap(dict(environment), record_path))
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE accounts_plan SET monthly_credits = 1e6, requests_per_minute = 1e6,"
            " tenant_requests_per_minute = 1e6, max_unfinished_jobs = 1e6"
        )
    key: str = json.loads(record_path.read_text())["api_key"]
    return key
