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


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"ATTEMPTS": "0"}, "MATTERY_ATTEMPTS must be at least 1"),
        ({"LEASE_RENEWAL_S": "15"}, "MATTERY_LEASE_RENEWAL_S must be less than MATTERY_LEASE_S"),
        ({"HEARTBEAT_TTL_S": "4"}, "MATTERY_HEARTBEAT_S must be less than MATTERY_HEARTBEAT_TTL_S"),
        ({"RUN_SOFT_S": "75"}, "MATTERY_RUN_SOFT_S must be less than MATTERY_RUN_HARD_S"),
        ({"PAGE_SIZE_MAX": "19"}, "MATTERY_PAGE_SIZE must not exceed MATTERY_PAGE_SIZE_MAX"),
    ],
)
def test_limits_that_contradict_each_other_say_so(environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(SystemExit, match=complaint):
        Limits.from_environment({f"MATTERY_{name}": value for name, value in environment.items()})


def test_limits_may_go_as_far_as_they_agree() -> None:
    limits = Limits.from_environment({"MATTERY_ATTEMPTS": "1", "MATTERY_LEASE_S": "5", "MATTERY_PAGE_SIZE": "100"})
    assert (limits.attempts, limits.lease_s, limits.page_size) == (1, 5, 100)
