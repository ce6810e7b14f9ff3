"""The random secrets of a local installation: made once, kept in DATA_DIR for its owner alone."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self


def _random_secret() -> str:
    return secrets.token_urlsafe(48)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    secret_key: str = field(default_factory=_random_secret)
    key_digest_secret: str = field(default_factory=_random_secret)
    superuser_password: str = field(default_factory=_random_secret)
    owner_password: str = field(default_factory=_random_secret)
    app_password: str = field(default_factory=_random_secret)
    valkey_password: str = field(default_factory=_random_secret)

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        stored = json.loads(path.read_text()) if path.exists() else {}
        credentials = cls(**stored)
        if stored.keys() != {entry.name for entry in fields(cls)}:
            write_private(path, json.dumps(asdict(credentials), indent=2))
        return credentials


def write_private(path: Path, text: str) -> None:
    """Replaces the file atomically; at no moment can another user read it."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
