"""The web server, at its start."""

import os
from pathlib import Path

import pytest

from config.local import programs
from config.local.processes import ChildProcess, PlatformError, free_port, run


def output_of_a_refusal(web: ChildProcess) -> list[str]:
    with pytest.raises(PlatformError, match="exit code 1"):
        run(web)
    return web.log_path.read_text().splitlines()


def test_it_refuses_a_role_that_owns_the_tables_in_one_line(django_db_setup: None, tmp_path: Path) -> None:
    environment = os.environ | {"PORT": str(free_port()), "DATABASE_URL": os.environ["DATABASE_OWNER_URL"]}
    (line,) = output_of_a_refusal(programs.web(environment, tmp_path))
    assert line.startswith("The database role owns the tables")
    assert "DATABASE_OWNER_URL for migrations only" in line


def test_it_refuses_to_start_without_a_secret_in_one_line(tmp_path: Path) -> None:
    environment = os.environ | {"PORT": str(free_port()), "SECRET_KEY": ""}
    (line,) = output_of_a_refusal(programs.web(environment, tmp_path))
    assert line.startswith("SECRET_KEY is not set.")


def test_it_refuses_a_database_that_does_not_answer(tmp_path: Path) -> None:
    nowhere = f"postgresql://app:secret@127.0.0.1:{free_port()}/mattery"
    environment = os.environ | {"PORT": str(free_port()), "DATABASE_URL": nowhere}
    assert "PostgreSQL cannot be asked" in output_of_a_refusal(programs.web(environment, tmp_path))[-1]
