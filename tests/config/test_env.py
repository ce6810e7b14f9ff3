import pytest

from config import env
from config.limits import Limits


def test_the_urls_own_options_stay_beside_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:secret@db.example:5433/mattery?sslmode=verify-full")
    database = env.database("DATABASE_URL", pool_size=7)
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "mattery")
    assert database["OPTIONS"] == {"sslmode": "verify-full", "pool": {"min_size": 1, "max_size": 7, "timeout": 10}}


def test_a_variable_that_must_be_given_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    with pytest.raises(SystemExit, match="SECRET_KEY is not set"):
        env.text("SECRET_KEY")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_MODEL", "")
    assert env.text("DEFAULT_MODEL") == "u2net"


def test_a_number_that_is_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_THREADS", "many")
    with pytest.raises(SystemExit, match="WEB_THREADS must be a whole number"):
        env.number("WEB_THREADS")


def test_an_smtp_address_becomes_a_mailer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://me:secret@mail.example:587")
    options = env.mailer("EMAIL_URL")["OPTIONS"]
    assert isinstance(options, dict)
    assert (options["host"], options["port"], options["use_tls"]) == ("mail.example", 587, True)


def test_a_limit_can_be_changed_and_only_to_a_number() -> None:
    assert Limits.from_environment({"MATTERY_LEASE_S": "30"}).lease_s == 30
    assert Limits.from_environment({"MATTERY_LEASE_S": ""}).lease_s == 15
    with pytest.raises(SystemExit, match="MATTERY_LEASE_S must be a whole number"):
        Limits.from_environment({"MATTERY_LEASE_S": "soon"})
