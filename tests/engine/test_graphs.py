"""Optimised graphs: kept, used again, and never trusted more than the weights they were made from."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from processing.engine import graphs, providers
from processing.engine.sessions import SessionCache

LOCAL = [name for name in ("cpu", "openvino") if providers.PROVIDERS[name].is_available()]
BATCH = np.random.default_rng(1).random((1, 3, 320, 320), np.float32)


@pytest.fixture
def models_dir(small_network: Path, tmp_path: Path) -> Path:
    (tmp_path / "u2netp").mkdir()
    shutil.copy(small_network, tmp_path / "u2netp" / "1.onnx")
    return tmp_path


def prediction(models_dir: Path, provider: str) -> NDArray[np.float32]:
    return SessionCache(provider=provider, models_dir=models_dir).get("u2netp").predict(BATCH)


def kept(models_dir: Path) -> list[Path]:
    return sorted(path for path in (models_dir / "u2netp" / "graphs").rglob("*") if path.is_file())


@pytest.mark.parametrize("provider", LOCAL)
def test_a_second_start_uses_the_first_ones(provider: str, models_dir: Path) -> None:
    first = prediction(models_dir, provider)
    [graph] = kept(models_dir)
    written_at = graph.stat().st_mtime_ns
    assert np.array_equal(prediction(models_dir, provider), first)
    assert [path.stat().st_mtime_ns for path in kept(models_dir)] == [written_at]


@pytest.mark.parametrize("provider", LOCAL)
def test_one_that_breaks_off_is_made_again(provider: str, models_dir: Path) -> None:
    first = prediction(models_dir, provider)
    [graph] = kept(models_dir)
    graph.chmod(0o644)
    graph.write_bytes(graph.read_bytes()[:1000])
    assert np.array_equal(prediction(models_dir, provider), first)


def test_other_weights_get_another(tmp_path: Path) -> None:
    for weights in ("some", "other"):
        with graphs.folder_for(tmp_path, name="1-x", depends_on=(weights,)) as folder:
            assert folder is not None
            assert not list(folder.iterdir())
            (folder / "graph").touch()
    assert len(list(tmp_path.iterdir())) == 2


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with graphs.folder_for(tmp_path / "file" / "graphs", name="1-x", depends_on=()) as folder:
        assert folder is None


def test_an_attempt_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def attempt() -> None:
        with graphs.folder_for(tmp_path, name="1-x", depends_on=()) as folder:
            assert folder is not None
            (folder / "half a graph").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        attempt()
    assert not list(tmp_path.iterdir())


def test_what_was_not_used_for_long_goes(tmp_path: Path) -> None:
    old = tmp_path / "1-old"
    old.mkdir()
    month_ago = time.time() - graphs.UNUSED_AFTER_S - 60
    os.utime(old, (month_ago, month_ago))
    with graphs.folder_for(tmp_path, name="1-x", depends_on=()) as folder:
        assert folder is not None
        (folder / "graph").touch()
    assert [path.name[:3] for path in tmp_path.iterdir()] == ["1-x"]
