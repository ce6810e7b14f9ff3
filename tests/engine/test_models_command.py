"""manage.py models list|pull|verify|activate|rollback|tune"""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from processing.engine import conversions, recipes
from processing.engine.catalog import read
from processing.engine.recipes import Recipe
from processing.engine.weights import Installed
from tests.photographs import astronaut


@pytest.fixture
def models_dir(tmp_path: Path, small_network: Path, settings: Settings) -> Path:
    """A store that holds u2netp, with a mirror where nobody answers."""
    settings.MODELS_DIR = tmp_path
    settings.MODELS_MIRROR_URL = "http://127.0.0.1:9/"
    (tmp_path / "u2netp").mkdir()
    shutil.copy(small_network, tmp_path / "u2netp" / "1.onnx")
    return tmp_path


def models(*arguments: str) -> str:
    output = StringIO()
    call_command("models", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def test_list_shows_every_version_and_what_is_active(models_dir: Path) -> None:
    lines = [line for line in models("list").splitlines() if not line.startswith(" ")]
    assert len(lines) == 1 + sum(len(model.versions) for model in read().models.values())
    assert [line.split()[0] for line in lines if " active " in line] == ["u2netp"]


def test_pull_of_what_is_there_needs_no_network(models_dir: Path) -> None:
    assert f"u2netp 1 is verified: {models_dir / 'u2netp' / '1.onnx'}" in models("pull", "u2netp")


def test_pull_goes_on_after_a_model_that_cannot_be_had(models_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = StringIO()
    with pytest.raises(CommandError, match=r"^Could not be fetched: silueta\.$"):
        call_command("models", "pull", "silueta", "u2netp", stdout=output, stderr=output)
    assert "silueta.onnx: <urlopen error" in output.getvalue()
    assert "u2netp 1 is verified" in output.getvalue()


def test_pull_of_an_unknown_model_names_the_known_ones(models_dir: Path) -> None:
    with pytest.raises(CommandError, match="u2net, u2netp"):
        models("pull", "u3net")


def test_verify_is_content_with_intact_files(models_dir: Path) -> None:
    assert models("verify") == "Every file is intact.\n"


def test_verify_fails_and_names_the_bad_file(models_dir: Path) -> None:
    bad = models_dir / "u2netp" / "1.onnx"
    bad.write_bytes(b"rust")
    output = StringIO()
    with pytest.raises(CommandError, match="1 bad") as failure:
        call_command("models", "verify", stdout=output, stderr=output)
    assert failure.value.returncode == 1
    assert str(bad) in output.getvalue()


def test_verify_hashes_what_was_converted_here(models_dir: Path) -> None:
    folder = models_dir / "u2netp"
    installed = Installed(read()["u2netp"], read()["u2netp"].versions[0], folder / "1.onnx", folder)
    path = conversions.to_int8(installed, Recipe(source="", views=1, reaches={"Conv_2": 12.5}))
    assert models("verify") == "Every file is intact.\n"
    path.write_bytes(b"rust")
    output = StringIO()
    with pytest.raises(CommandError, match="1 bad"):
        call_command("models", "verify", stdout=output, stderr=output)
    assert f"{path}: its sha256 is not the one in the note" in output.getvalue()


def test_pull_makes_the_int8_file_that_a_recipe_is_there_for(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    source = read()["u2netp"].versions[0].sha256
    (tmp_path / "u2netp-1.json").write_text(json.dumps({"source": source, "views": 1, "reaches": {"Conv_2": 12.5}}))
    path = models_dir / "u2netp" / "1.int8.onnx"
    assert f"u2netp 1 in int8: {path}" in models("pull", "u2netp")
    assert path.is_file()
    path.unlink()
    path.mkdir()
    assert "u2netp goes on without int8" in models("pull", "u2netp")


def test_activate_says_what_is_missing(models_dir: Path) -> None:
    assert models("activate", "u2netp", "1") == "u2netp 1 is active.\n"
    with pytest.raises(CommandError, match="isnet-general-use 1-fp16 is not installed here"):
        models("activate", "isnet-general-use", "1-fp16")


def test_rollback_says_that_there_is_nothing_to_go_back_to(models_dir: Path) -> None:
    with pytest.raises(CommandError, match="no earlier version"):
        models("rollback", "u2netp")


def test_list_shows_how_exact_each_precision_is(models_dir: Path) -> None:
    assert "    openvino bf16: matte error 0.0076, more than the 0.004 that are allowed\n" in models("list")


def test_tune_changes_nothing_before_it_is_activated(models_dir: Path) -> None:
    (models_dir / "photos").mkdir()
    (models_dir / "photos" / "a.jpg").write_bytes(astronaut(160, 120))
    arguments = ("tune", "u2netp", "--images", str(models_dir / "photos"))
    said = models(*arguments)
    assert "cpu fp32: matte error 0.0000" in said
    listed = models("list")
    assert " ms" not in listed
    assert sorted(path.name for path in (models_dir / "u2netp").iterdir()) == ["1.onnx"]
    assert models(*arguments, "--activate").endswith("active\n")
    assert "cpu fp32: matte error 0.0000, " in models("list")


def test_tune_wants_photographs(models_dir: Path) -> None:
    (models_dir / "photos").mkdir()
    with pytest.raises(CommandError, match="no photographs"):
        models("tune", "u2netp", "--images", str(models_dir / "photos"))
    (models_dir / "photos" / "a.jpg").write_bytes(b"no image")
    with pytest.raises(CommandError, match="cannot identify image"):
        models("tune", "u2netp", "--images", str(models_dir / "photos"))
