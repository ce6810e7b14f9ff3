"""Real servers under the tests, loaded with `-p tests.servers` before Django reads its settings.

Every run has a PostgreSQL and a Valkey of its own, in a temporary folder, so that runs may overlap.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from config.local import programs
from config.local.installation import Installation
from config.local.processes import ChildProcess, free_port, run, running, wait_until
from config.local.programs import is_ok

START_TIMEOUT_S = 120


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    stack = ExitStack()
    early_config.add_cleanup(stack.close)
    data_dir = stack.enter_context(tempfile.TemporaryDirectory(prefix="mattery-test-"))
    installation = Installation(Path(data_dir), {}, is_durable=False)
    stack.enter_context(running(installation))
    os.environ |= installation.environment | {
        "STATIC_ROOT": str(Path(data_dir) / "static"),
        "FETCH_ALLOWED_HOSTS": f"127.0.0.1:{free_port()}",  # where tests/receivers.py listens
    }
    yield


def pytest_configure(config: pytest.Config) -> None:
    # Registered this late, it comes after pytest-django and so overrides that plugin's fixture.
    config.pluginmanager.register(MigratedDatabase())


class MigratedDatabase:
    @pytest.fixture(scope="session")
    @classmethod
    def django_db_setup(cls, log_dir: Path) -> None:
        """Migrates the servers' own database as its owner; the tests use it as the app."""
        run(programs.migrate(os.environ, log_dir))


@pytest.fixture(scope="session")
def log_dir() -> Path:
    return Path(os.environ["DATA_DIR"]) / "logs"


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database as other processes see it too: what a test writes is committed and stays."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def static_files(log_dir: Path) -> None:
    run(programs.collect_static_files(os.environ, log_dir))


@pytest.fixture(scope="session")
def web_port(django_db_setup: None, static_files: None, log_dir: Path) -> Iterator[int]:
    port = free_port()
    with running(programs.web({**os.environ, "PORT": str(port)}, log_dir)) as server:
        wait_until(lambda: is_ok(port, "/healthz"), children=[server], timeout_s=START_TIMEOUT_S)
        yield port


@pytest.fixture(scope="session")
def web(web_port: int) -> str:
    """The address of a running web server."""
    return f"http://127.0.0.1:{web_port}"


@pytest.fixture(scope="session")
def worker(web_port: int, log_dir: Path) -> Iterator[ChildProcess]:
    """A worker with warm models; a test that kills one starts its own the same way."""
    with running(programs.worker(os.environ, log_dir)) as process:
        wait_until(lambda: is_ok(web_port, "/readyz"), children=[process], timeout_s=START_TIMEOUT_S)
        yield process


@pytest.fixture(scope="session")
def beat(django_db_setup: None, log_dir: Path) -> Iterator[ChildProcess]:
    with running(programs.beat(os.environ, log_dir)) as process:
        yield process
