"""`make up` as a process, without make: started by a test, observed, and ended in many ways."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from config.local.processes import free_port

OWN_SERVERS = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "KEY_DIGEST_SECRET"}
SMALL = {"DEFAULT_MODEL": "u2netp", "PINNED_MODELS": "u2netp", "WORKER_PROCESSES": "1", "WEB_PROCESSES": "1"}
TIMEOUT_S = 60


class UpProcess:
    def __init__(self, data_dir: Path, environ: dict[str, str]) -> None:
        without_servers = {name: value for name, value in os.environ.items() if name not in OWN_SERVERS}
        self.port = environ.get("PORT") or str(free_port())
        self._output_path = data_dir.with_name("output.txt")
        with self._output_path.open("wb") as output:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "config.local.up"],
                env={**without_servers, **SMALL, **environ, "PORT": self.port, "DATA_DIR": str(data_dir)},
                stdout=output,
                stderr=output,
            )

    @property
    def output(self) -> str:
        return self._output_path.read_text()

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self._popen.pid).children(recursive=True)

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.output:
            assert self._popen.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def send(self, signal_number: int) -> None:
        self._popen.send_signal(signal_number)

    def wait(self) -> int:
        return self._popen.wait(TIMEOUT_S)


def still_alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended, after a moment for the last of them."""
    _, alive = psutil.wait_procs(processes, timeout=10, callback=None)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
