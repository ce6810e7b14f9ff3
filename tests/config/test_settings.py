import os
import subprocess
import sys
from pathlib import Path

from config.local.programs import REPOSITORY


def test_the_project_is_whole_before_its_static_files_are_collected(tmp_path: Path) -> None:
    environment = os.environ | {"STATIC_ROOT": str(tmp_path)}
    check = [sys.executable, "manage.py", "check"]
    checked = subprocess.run(check, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
