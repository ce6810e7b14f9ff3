from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config.local.credentials import Credentials
from config.local.processes import ChildProcess, running
from config.local.servers import PostgreSQL, Valkey


@pytest.fixture
def new_postgresql(home: Path) -> Callable[[], PostgreSQL]:
    credentials = Credentials.load_or_create(home / "secrets.json")
    return lambda: PostgreSQL(home, credentials, is_durable=True)


@pytest.fixture
def new_valkey(home: Path) -> Callable[[], Valkey]:
    credentials = Credentials.load_or_create(home / "secrets.json")
    return lambda: Valkey(home, credentials, is_durable=True)


def write_note(postgresql: PostgreSQL, text: str) -> None:
    with psycopg.connect(postgresql.owner_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def read_notes(postgresql: PostgreSQL) -> list[str]:
    with psycopg.connect(postgresql.app_url) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note")]


def test_postgresql_keeps_its_data_over_a_restart(new_postgresql: Callable[[], PostgreSQL]) -> None:
    with running(new_postgresql()) as postgresql:
        write_note(postgresql, "kept")
    with running(new_postgresql()) as postgresql:
        assert read_notes(postgresql) == ["kept"]


def test_postgresql_starts_over_what_a_crash_left_running(new_postgresql: Callable[[], PostgreSQL]) -> None:
    with running(new_postgresql()) as left_over:
        write_note(left_over, "kept")
        with running(new_postgresql()) as postgresql:
            assert not left_over.is_running
            assert read_notes(postgresql) == ["kept"]


def test_postgresql_starts_over_a_pid_file_that_names_a_stranger(
    new_postgresql: Callable[[], PostgreSQL], home: Path
) -> None:
    with running(new_postgresql()) as postgresql:
        user, pid_path = postgresql.user, home / "postgresql" / "postmaster.pid"
        pid_file = pid_path.read_text().split("\n", 1)
        psutil.Process(postgresql.pid).kill()
    stranger = ChildProcess(name="stranger", command=["/bin/sleep", "60"], log_path=home / "log", user=user)
    with running(stranger):
        pid_path.write_text(f"{stranger.pid}\n{pid_file[1]}")
        with running(new_postgresql()):
            assert stranger.is_running


def test_postgresql_starts_over_a_first_start_that_was_interrupted(
    new_postgresql: Callable[[], PostgreSQL], home: Path
) -> None:
    draft = home / "postgresql.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    with running(new_postgresql()) as postgresql:
        assert postgresql.is_running


def test_the_app_role_may_use_rows_but_own_nothing(new_postgresql: Callable[[], PostgreSQL]) -> None:
    with running(new_postgresql()) as postgresql:
        write_note(postgresql, "seen")
        with psycopg.connect(postgresql.app_url, autocommit=True) as app:
            app.execute("INSERT INTO note VALUES ('written')")
            app.execute("UPDATE note SET text = 'changed' WHERE text = 'written'")
            app.execute("DELETE FROM note WHERE text = 'changed'")
            assert app.execute("SELECT text FROM note").fetchall() == [("seen",)]
            for forbidden in ("CREATE TABLE mine ()", "TRUNCATE note", "CREATE SCHEMA mine", "CREATE TEMP TABLE t ()"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(forbidden)


def test_neither_role_is_above_row_level_security(new_postgresql: Callable[[], PostgreSQL]) -> None:
    query = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'mattery_%' AND NOT rolsuper AND NOT rolbypassrls"
    with running(new_postgresql()) as postgresql, psycopg.connect(postgresql.owner_url) as owner:
        roles = {name for (name,) in owner.execute(query)}
    assert roles == {"mattery_owner", "mattery_app"}


def test_valkey_keeps_its_data_over_a_crash(new_valkey: Callable[[], Valkey]) -> None:
    with running(new_valkey()) as valkey, redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 5_000)
        psutil.Process(valkey.pid).kill()
    with running(new_valkey()) as valkey, redis.Redis.from_url(valkey.url) as client:
        assert client.get("kept") == b"yes"


def test_valkey_refuses_a_stranger_and_never_drops_what_it_was_given(new_valkey: Callable[[], Valkey]) -> None:
    with running(new_valkey()) as valkey:
        with (
            redis.Redis.from_url(f"redis://127.0.0.1:{valkey.port}") as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.ping()
        with redis.Redis.from_url(valkey.url) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_valkey_starts_over_what_a_crash_left_running(new_valkey: Callable[[], Valkey]) -> None:
    with running(new_valkey()) as left_over, running(new_valkey()) as valkey:
        assert not left_over.is_running
        assert valkey.is_running
