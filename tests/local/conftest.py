import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.up_process import UpProcess

Up = Callable[..., UpProcess]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


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
