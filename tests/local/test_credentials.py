from pathlib import Path

from config.local.credentials import Credentials


def test_they_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = Credentials.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Credentials.load_or_create(path) == made


def test_no_two_installations_share_a_secret(tmp_path: Path) -> None:
    one = Credentials.load_or_create(tmp_path / "one.json")
    other = Credentials.load_or_create(tmp_path / "other.json")
    assert one.secret_key != other.secret_key
    assert len(set(vars(one).values())) == len(vars(one))
