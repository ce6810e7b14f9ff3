"""Runs a command beside the servers, such as `python -m config.local python manage.py shell`.

Without a command it prints how to reach the servers, and keeps them running.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from config.local.installation import Installation, locked
from config.local.processes import PlatformError, interrupt_on_stop_signals, running


def main(command: list[str]) -> int:
    interrupt_on_stop_signals()
    data_dir = Path(os.environ.get("DATA_DIR", ".data")).resolve()
    with locked(data_dir), running(Installation(data_dir, os.environ)) as installation:
        if command:
            return subprocess.run(command, env=installation.environment, check=False).returncode  # noqa: S603
        for name in sorted(installation.environment.keys() - os.environ.keys()):
            print(f"export {name}={shlex.quote(installation.environment[name])}", flush=True)  # noqa: T201
        signal.pause()
        return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            sys.exit(main(sys.argv[1:]))
        except PlatformError as error:
            sys.exit(str(error))
