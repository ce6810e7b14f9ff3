"""The programs of the platform, as one machine runs them."""

import http.client
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from config.local.processes import ChildProcess

REPOSITORY = Path(__file__).parents[2]

Environment = Mapping[str, str]


def web(environment: Environment, log_dir: Path) -> ChildProcess:
    command = ["gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    return _program("web", command, environment, log_dir)


def worker(environment: Environment, log_dir: Path) -> ChildProcess:
    command = ["celery", "--app", "config.celery", "worker", "--without-gossip", "--without-mingle"]
    return _program("worker", command, environment, log_dir)


def beat(environment: Environment, log_dir: Path) -> ChildProcess:
    schedule = Path(environment["DATA_DIR"]) / "beat-schedule"
    command = ["celery", "--app", "config.celery", "beat", f"--schedule={schedule}", "--pidfile="]
    return _program("beat", command, environment, log_dir)


ALL = (web, worker, beat)


def migrate(environment: Environment, log_dir: Path) -> ChildProcess:
    owner_url = environment.get("DATABASE_OWNER_URL", environment["DATABASE_URL"])
    as_owner = {**environment, "DATABASE_URL": owner_url}
    return _manage(["migrate", "--no-input", "--skip-checks"], as_owner, log_dir / "migrate.log")


def collect_static_files(environment: Environment, log_dir: Path) -> ChildProcess:
    return _manage(["collectstatic", "--no-input"], environment, log_dir / "collectstatic.log")


def pull_models(environment: Environment, log_dir: Path, *names: str) -> ChildProcess:
    return _manage(["models", "pull", *names], environment, log_dir / "models.log", shows_errors=True)


def bootstrap(environment: Environment, output_path: Path) -> ChildProcess:
    return _manage(["bootstrap"], environment, output_path, shows_errors=True)


class Together:
    """Several programs as one: they start in turn and stop at the same time."""

    def __init__(self, programs: Sequence[ChildProcess]) -> None:
        self._programs = programs

    def start(self) -> None:
        for program in self._programs:
            program.start()

    def stop(self) -> None:
        for program in self._programs:
            program.request_stop()
        for program in self._programs:
            program.finish_stop()


def is_ok(port: int, path: str) -> bool:
    """Whether the web server on this port answers 200 there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _program(name: str, command: Sequence[str], environment: Environment, log_dir: Path) -> ChildProcess:
    return ChildProcess(
        name=name,
        command=[sys.executable, "-m", *command],
        log_path=log_dir / f"{name}.log",
        env=environment,
        cwd=REPOSITORY,
        stop_timeout_s=20,
    )


def _manage(
    arguments: Sequence[str], environment: Environment, log_path: Path, *, shows_errors: bool = False
) -> ChildProcess:
    """A `manage.py` command, to be run to its end."""
    return ChildProcess(
        name=f"manage.py {arguments[0]}",
        command=[sys.executable, "manage.py", *arguments],
        log_path=log_path,
        env=environment,
        cwd=REPOSITORY,
        shows_errors=shows_errors,
    )
