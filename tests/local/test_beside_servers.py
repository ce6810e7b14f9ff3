import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "SECRET_KEY"])
def test_an_empty_variable_counts_as_not_set(data_dir: Path, name: str) -> None:
    given = os.environ | {name: "", "DATA_DIR": str(data_dir)}
    program = f"import os; print(os.environ[{name!r}])"
    command = [sys.executable, "-m", "config.local", sys.executable, "-c", program]
    printed = subprocess.run(command, env=given, capture_output=True, text=True, check=True).stdout.strip()
    assert printed
    assert printed != os.environ[name]
