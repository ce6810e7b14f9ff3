"""What only the first start does: the first tenant with its owner and key, and the first cutout."""

import http.client
import json
import shlex
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from config.local import programs
from config.local.processes import PlatformError, run
from config.local.programs import Environment

SAMPLE = programs.REPOSITORY / "static" / "samples" / "mug.jpg"
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

    def cut_out_sample(self, port: int) -> None:
        """Raises PlatformError or OSError when the answer is anything but the cutout."""
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "image/jpeg",
            "Prefer": f"wait={CUTOUT_TIMEOUT_S}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CUTOUT_TIMEOUT_S + 10)
        try:
            connection.request("POST", f"/api/v1/jobs?filename={SAMPLE.name}", SAMPLE.read_bytes(), headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise PlatformError(f"{response.status} {answer[:500].decode(errors='replace')}")


def bootstrap(environment: Environment, record_path: Path) -> FirstRun | None:
    """None when an earlier start, or another installation on this database, has done it."""
    draft_path = record_path.with_suffix(".draft")
    draft_path.unlink(missing_ok=True)
    draft_path.touch(mode=0o600)
    run(programs.bootstrap(environment, draft_path))
    draft = draft_path.read_text()
    if not draft:
        draft_path.unlink()
        return None
    draft_path.replace(record_path)
    return FirstRun(**json.loads(draft))
