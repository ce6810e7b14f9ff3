"""Runs a command beside the servers, such as `python -m config.local python manage.py shell`.

Without a command it prints how to reach the servers, and keeps them running.
"""

import contextlib
import shlex
import signal
import subprocess
import sys

from config import env
from config.local.installation import Installation, environment_given, locked
from config.local.processes import PlatformError, interrupt_on_stop_signals, running


def main(command: list[str]) -> int:
    interrupt_on_stop_signals()
    given = environment_given()
    data_dir = env.path("DATA_DIR", given)
    with locked(data_dir), running(Installation(data_dir, given)) as installation:
        if command:
            return subprocess.run(command, env=installation.environment, check=False).returncode  # noqa: S603
        for name in sorted(installation.environment.keys() - given.keys()):
            print(f"export {name}={shlex.quote(installation.environment[name])}", flush=True)  # noqa: T201
        signal.pause()
        return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            sys.exit(main(sys.argv[1:]))
        except PlatformError as error:
            sys.exit(str(error))
