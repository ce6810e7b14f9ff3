"""`make up`: from an empty folder to a running platform, watched over until it is told to stop."""

import os
import signal
import socket
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from config import env
from config.local import programs
from config.local.console import say, step, warn
from config.local.first_run import FirstRun, bootstrap
from config.local.installation import Installation, environment_given, locked
from config.local.launch import die_with_parent
from config.local.processes import PlatformError, interrupt_on_stop_signals, run, running, wait_until
from config.local.programs import Environment
from config.local.supervisor import Supervisor
from processing.engine.catalog import DEFAULT_MODELS

READY_TIMEOUT_S = 180


def main() -> int:
    interrupt_on_stop_signals()
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)
    try:
        with ExitStack() as stack:
            supervisor = start(stack, environment_given())
            watch(supervisor)
    except KeyboardInterrupt:
        say("Stopped. All data is kept for the next start.")
        return 0
    except (PlatformError, OSError) as error:
        say(f"✗ {error}")
        return 1
    return 0


def start(stack: ExitStack, environ: Environment) -> Supervisor:
    """Starts the platform; `stack` stops whatever was started."""
    started_at = time.monotonic()
    port = free_web_port(environ)
    data_dir = env.path("DATA_DIR", environ)
    stack.enter_context(locked(data_dir))
    url = f"http://127.0.0.1:{port}"
    installation = Installation(data_dir, {"PUBLIC_URL": url, **environ, "PORT": str(port)})
    environment, log_dir = installation.environment, installation.log_dir

    with step("Models"):
        pull_models(environment, log_dir)
    with step("PostgreSQL and Valkey"):
        stack.enter_context(running(installation))
    with step("Database schema and static files"):
        prepare(environment, log_dir)
    with step("Web server, scheduler and a warm worker"):
        children = [make(environment, log_dir) for make in programs.ALL]
        stack.enter_context(running(programs.Together(children)))
        first_run = bootstrap(environment, installation.first_run_path)
        children = [*installation.servers, *children]
        is_ready = partial(programs.is_ok, port, "/readyz")
        wait_until(is_ready, children=children, timeout_s=READY_TIMEOUT_S)
    if first_run is not None:
        cut_out_sample(port, first_run)
    say()
    say(f"Mattery runs on {url} after {time.monotonic() - started_at:.1f} s.")
    introduce(first_run, installation.first_run_path)
    say(f"Logs are in {log_dir}. Ctrl-C stops everything.")
    say()
    return Supervisor(children)


def free_web_port(environ: Environment) -> int:
    given = env.text("PORT", environ)
    if not given.isdecimal() or not 0 < int(given) < 65_536:
        raise PlatformError(f"PORT must be a number from 1 to 65535, not {given!r}.")
    host = env.text("BIND_HOST", environ)
    try:
        socket.create_server((host, int(given))).close()
    except OSError as error:
        hint = f"Stop what uses it, or choose another: make up PORT={int(given) + 1}"
        raise PlatformError(f"Port {given} is not free ({error.strerror}). {hint}") from error
    return int(given)


def pull_models(environment: Environment, log_dir: Path) -> None:
    """The platform runs without some of its models, but not without the default one."""
    default = env.text("DEFAULT_MODEL", environment)
    try:
        run(programs.pull_models(environment, log_dir, *dict.fromkeys([default, *DEFAULT_MODELS])))
    except PlatformError:
        require_model(default, environment, log_dir)
        warn("The platform runs without the models named above; the next start tries again.")


def require_model(name: str, environment: Environment, log_dir: Path) -> None:
    try:
        run(programs.pull_models(environment, log_dir, name))
    except PlatformError:
        hint = "Check the network and start again: what has arrived is kept."
        raise PlatformError(f"The default model {name} is missing, see above. {hint}") from None


def prepare(environment: Environment, log_dir: Path) -> None:
    if "DATABASE_OWNER_URL" not in environment:
        warn("DATABASE_OWNER_URL is not set: migrations run as the role of DATABASE_URL, which must own no tables.")
    run(programs.migrate(environment, log_dir), programs.collect_static_files(environment, log_dir))


def cut_out_sample(port: int, first_run: FirstRun) -> None:
    try:
        with step("First cutout"):
            first_run.cut_out_sample(port)
    except (PlatformError, OSError) as error:
        warn(f"The sample was not cut out: {error}")


def introduce(first_run: FirstRun | None, record_path: Path) -> None:
    if first_run is None:
        if record_path.exists():
            say(f"The first owner's login and API key are in {record_path}.")
        return
    say()
    say(f"E-mail     {first_run.email}")
    say(f"Password   {first_run.password}")
    say(f"API key    {first_run.api_key}")
    say(f"These are kept in {record_path}. To cut out a first image yourself:")
    say()
    say(first_run.curl_line)
    say()


def watch(supervisor: Supervisor) -> None:
    try:
        supervisor.watch()
    except KeyboardInterrupt:
        say("Stopping …")
        raise


if __name__ == "__main__":
    sys.exit(main())
