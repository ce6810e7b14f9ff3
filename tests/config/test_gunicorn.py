"""The web server, at its start."""

import os
from pathlib import Path

import pytest

from config.local import programs
from config.local.processes import ChildProcess, PlatformError, free_port, run


def refusal(web: ChildProcess) -> str:
    """The one line that it says after gunicorn's greeting."""
    with pytest.raises(PlatformError, match="exit code 1"):
        run(web)
    lines = web.log_path.read_text().splitlines()
    (line,) = [line for line in lines if "Starting gunicorn" not in line]
    return line


def test_it_refuses_a_role_that_owns_the_tables(django_db_setup: None, tmp_path: Path) -> None:
    environment = os.environ | {"PORT": str(free_port()), "DATABASE_URL": os.environ["DATABASE_OWNER_URL"]}
    line = refusal(programs.web(environment, tmp_path))
    assert line.startswith("The database role owns the tables")
    assert "DATABASE_OWNER_URL for migrations only" in line


def test_it_refuses_to_start_without_a_secret(tmp_path: Path) -> None:
    environment = os.environ | {"PORT": str(free_port()), "SECRET_KEY": ""}
    line = refusal(programs.web(environment, tmp_path))
    assert line.startswith("SECRET_KEY is not set.")
