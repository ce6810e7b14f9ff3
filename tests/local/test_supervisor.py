import sys
from pathlib import Path

import pytest

from config.local import supervisor
from config.local.processes import ChildProcess, PlatformError, running
from config.local.supervisor import Supervisor

COMPLAINS_AND_ENDS = """
print('{"event": "out of paper", "level": "error"}')
print('{"event": "all is well", "level": "info"}')
print('Traceback: not ours to judge')
raise SystemExit(7)
"""


@pytest.fixture
def restless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChildProcess:
    monkeypatch.setattr(supervisor, "FIRST_DELAY_S", 0.01)
    return ChildProcess(
        name="printer", command=[sys.executable, "-c", COMPLAINS_AND_ENDS], log_path=tmp_path / "printer.log"
    )


def test_it_restarts_a_process_and_gives_up_after_five_deaths(
    restless: ChildProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(restless), pytest.raises(PlatformError, match=r"printer ended 5 times within 60 s \(exit code 7\)"):
        Supervisor([restless]).watch()
    assert capsys.readouterr().out.count("printer ended (exit code 7); it starts again in") == 4


def test_it_tells_errors_from_the_log_and_nothing_else(
    restless: ChildProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(restless), pytest.raises(PlatformError):
        Supervisor([restless]).watch()
    told = capsys.readouterr().out
    assert "! printer: out of paper" in told
    assert "all is well" not in told
    assert "Traceback" not in told
