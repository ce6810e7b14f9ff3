"""`make up`: from a bare folder to a running platform, supervised until it is told to stop."""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

from config.local import programs
from config.local.console import say, step, warn
from config.local.credentials import write_private
from config.local.installation import Installation, locked
from config.local.launch import die_with_parent
from config.local.processes import (
    PlatformError,
    interrupt_on_stop_signals,
    running,
    wait_until,
)
from config.local.supervisor import Supervisor

SAMPLE = programs.REPOSITORY / "static" / "samples" / "mug.jpg"
OPTIONAL_MODELS = ("u2netp", "isnet-general-use")
READY_TIMEOUT_S = 180
SAMPLE_TIMEOUT_S = 90


def main() -> int:
    interrupt_on_stop_signals()
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)
    try:
        with ExitStack() as stack:
            run_platform(stack, os.environ)
    except KeyboardInterrupt:
        say("Stopped. Everything is kept for the next start.")
        return 0
    except (PlatformError, OSError) as error:
        say(f"✗ {error}")
        return 1
    return 0
