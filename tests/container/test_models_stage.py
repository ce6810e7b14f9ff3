import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def copy_stage(name: str, destination: Path) -> None:
    """What the Dockerfile's stage copies from the checkout."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    (stage,) = re.findall(rf"^FROM \S+ AS {name}\n(.*?)^FROM", dockerfile, re.MULTILINE | re.DOTALL)
    for line in re.findall(r"^COPY (?!--from)(.+)", stage, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            if (REPOSITORY / source).is_dir():
                shutil.copytree(REPOSITORY / source, destination / target)
            else:
                (destination / target).mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / source, destination / target)


def test_the_models_stage_holds_all_that_fetching_weights_needs(tmp_path: Path) -> None:
    copy_stage("models", tmp_path)
    program = "from pathlib import Path; from processing.engine.weights import Store; Store(Path('models'))"
    without_packages = [sys.executable, "-S", "-c", program]
    subprocess.run(without_packages, cwd=tmp_path, env={}, check=True)


def test_the_stage_for_int8_holds_all_that_making_it_needs(tmp_path: Path) -> None:
    copy_stage("models-int8", tmp_path)
    program = "from processing.engine import conversions, recipes; print(*recipes.FOLDER.iterdir())"
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={}, check=True, capture_output=True)
    assert b"u2net-1.json" in ran.stdout
