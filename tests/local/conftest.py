import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.up_process import UpProcess

Up = Callable[..., UpProcess]


@pytest.fixture
def home() -> Iterator[Path]:
    """Not tmp_path: pytest closes that to other users, and PostgreSQL may have to run as one."""
    with tempfile.TemporaryDirectory(prefix="mattery-test-") as home:
        yield Path(home)


@pytest.fixture
def data_dir(home: Path) -> Path:
    return home / "data"


@pytest.fixture
def up(data_dir: Path) -> Iterator[Up]:
    started: list[UpProcess] = []

    def start(**environ: str) -> UpProcess:
        started.append(UpProcess(data_dir, environ))
        return started[-1]

    yield start
    for process in started:
        process.send(signal.SIGTERM)
        process.wait()
