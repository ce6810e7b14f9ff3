import os
from pathlib import Path

import pytest

from processing.engine.decode import Limits
from processing.engine.sessions import SessionCache
from processing.engine.weights import Store

MODELS_DIR = Path(os.environ["MODELS_DIR"]) if os.environ.get("MODELS_DIR") else None


@pytest.fixture(scope="session")
def sessions() -> SessionCache:
    return SessionCache(provider="cpu", precision="fp32", models_dir=MODELS_DIR)


@pytest.fixture(scope="session")
def small_network() -> Path:
    """The weights of u2netp, for stores of a test's own."""
    return Store(MODELS_DIR).active("u2netp").path


@pytest.fixture
def limits() -> Limits:
    return Limits()
