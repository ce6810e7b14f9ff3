"""The errors in a process's log, told on the console; the log itself holds everything else."""

import json
from pathlib import Path

from config.local.console import warn

SERIOUS = {"error", "critical"}


class Complaints:
    def __init__(self, name: str, log_path: Path) -> None:
        self._name = name
        self._path = log_path
        self._read_bytes = log_path.stat().st_size

    def tell_new(self) -> None:
        if self._path.stat().st_size == self._read_bytes:
            return
        with self._path.open("rb") as log:
            log.seek(self._read_bytes)
            for line in log:
                if not line.endswith(b"\n"):
                    break  # the rest is still being written
                self._read_bytes += len(line)
                if complaint := _complaint(line):
                    warn(f"{self._name}: {complaint}")


def _complaint(line: bytes) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("level") not in SERIOUS:
        return None
    return " ".join(str(entry.get("event")).split())
