"""Secrets that must be had again, unlike keys: stored so that who reads the database alone cannot read them."""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from accounts.errors import SecretUnreadable


def seal(plain: str) -> str:
    return _cipher().encrypt(plain.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises SecretUnreadable where it was sealed under another KEY_DIGEST_SECRET."""
    try:
        return _cipher().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadable from error


@cache
def _cipher() -> Fernet:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mattery sealed secrets")
    return Fernet(base64.urlsafe_b64encode(derivation.derive(settings.KEY_DIGEST_SECRET.encode())))
