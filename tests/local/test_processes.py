import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from config.local.processes import ChildProcess, PlatformError, run, running, wait_until
from tests.local.up_process import still_alive

SLEEP = "import time; print('ready', flush=True); time.sleep(600)"
WITH_CHILD = f"import subprocess, sys; subprocess.Popen(['sleep', '600']); {SLEEP}"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = """
import sys, time
from pathlib import Path
from config.local.processes import ChildProcess
child = ChildProcess(name="child", command=["/bin/sleep", "600"], log_path=Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "child.log"


def python(code: str, log_path: Path) -> ChildProcess:
    return ChildProcess(name="child", command=[sys.executable, "-c", code], log_path=log_path, stop_timeout_s=0.5)


def wait_for_ready(child: ChildProcess) -> None:
    wait_until(lambda: "ready" in child.log_path.read_text(), children=[child], timeout_s=20)


def test_a_stop_takes_the_children_of_the_process_too(log_path: Path) -> None:
    with running(python(WITH_CHILD, log_path)) as child:
        wait_for_ready(child)
        processes = [psutil.Process(child.pid), *psutil.Process(child.pid).children()]
    assert len(processes) == 2
    assert still_alive(processes) == []


def test_a_process_deaf_to_the_signal_is_killed(log_path: Path) -> None:
    with running(python(DEAF, log_path)) as child:
        wait_for_ready(child)
    assert child.exit_code == -signal.SIGKILL


def test_a_new_start_ends_what_a_crash_left_of_the_last(log_path: Path) -> None:
    with running(python(WITH_CHILD, log_path)) as child:
        wait_for_ready(child)
        orphans = psutil.Process(child.pid).children()
        psutil.Process(child.pid).kill()
        child.start()
        assert len(orphans) == 1
        assert still_alive(orphans) == []


def test_a_process_dies_with_its_parent(log_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, log_path], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    assert still_alive([child]) == []


def test_a_command_that_fails_says_how_and_shows_its_last_lines(log_path: Path) -> None:
    command = python("import sys; print('no such thing'); sys.exit(3)", log_path)
    with pytest.raises(PlatformError) as caught:
        run(command)
    assert str(caught.value) == "child failed (exit code 3)\n    no such thing"


def test_waiting_ends_when_the_process_does(log_path: Path) -> None:
    with running(python("raise SystemExit(4)", log_path)) as child, pytest.raises(PlatformError, match="exit code 4"):
        wait_until(lambda: False, children=[child], timeout_s=20)


def test_waiting_ends_when_the_time_is_over(log_path: Path) -> None:
    with running(python(SLEEP, log_path)) as child, pytest.raises(PlatformError, match="not ready within 0 s"):
        wait_until(lambda: False, children=[child], timeout_s=0)
