"""What only the first start does: the first tenant with its owner and key, and the first cutout."""

import http.client
import json
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

from config.local.credentials import write_private
from config.local.processes import PlatformError
from config.local.programs import REPOSITORY, Environment

SAMPLE = REPOSITORY / "static" / "samples" / "mug.jpg"
CUTOUT_TIMEOUT_S = 60


@dataclass(frozen=True)
class FirstRun:
    url: str
    email: str
    password: str
    api_key: str

    @property
    def curl_line(self) -> str:
        key, wait = f"Authorization: Bearer {self.api_key}", f"Prefer: wait={CUTOUT_TIMEOUT_S}"
        image, address = f"image=@{SAMPLE}", f"{self.url}/api/v1/jobs"
        return shlex.join(["curl", "-fsS", "-H", key, "-H", wait, "-F", image, "-o", "cutout.png", address])


def bootstrap(environment: Environment, record_path: Path) -> FirstRun | None:
    """None when an earlier start, or another installation on this database, has done it."""
    command = subprocess.run(  # no ChildProcess: what it prints belongs in no log
        [sys.executable, "manage.py", "bootstrap"],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if command.returncode != 0:
        *_, reason = command.stderr.splitlines() or ["no reason given"]
        raise PlatformError(f"The first tenant could not be made. {reason}")
    if not command.stdout.strip():
        return None
    first_run = FirstRun(**json.loads(command.stdout))
    write_private(record_path, json.dumps(asdict(first_run), indent=2) + "\n")
    return first_run


def cut_out_sample(port: int, api_key: str) -> None:
    """Raises PlatformError when the platform answers with anything but the cutout."""
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "image/jpeg",
        "Prefer": f"wait={CUTOUT_TIMEOUT_S}",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CUTOUT_TIMEOUT_S + 10)
    try:
        connection.request("POST", "/api/v1/jobs", SAMPLE.read_bytes(), headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        reason = answer[:500].decode(errors="replace")
        raise PlatformError(f"The sample was not cut out: {response.status} {reason}")
