"""`models tune`: every precision is measured, and what it makes says where it comes from."""

import hashlib
import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from config.cores import available_cores
from processing.engine import catalog, matte, precisions, providers, tuning
from processing.engine.weights import Installed, Store
from tests.engine.conftest import MODELS_DIR
from tests.photographs import astronaut


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [Image.open(BytesIO(astronaut())).convert("RGB")]


@pytest.fixture
def installed(small_network: Path, tmp_path: Path) -> Installed:
    model = catalog.read()["u2netp"]
    return Installed(model, model.versions[0], small_network, tmp_path)


def test_it_measures_everything_that_works_here(installed: Installed, photos: list[Image.Image]) -> None:
    said: list[str] = []
    figures = tuning.tune(installed, photos, threads=available_cores(), report=said.append)
    measured = {(figure.provider, figure.precision) for figure in figures}
    assert measured == {(p.name, precision) for p in providers.named("auto") for precision in p.precisions()}
    assert len(said) == len(figures)
    assert all(figure.inference_ms for figure in figures)
    assert all(figure.matte_error < 0.0001 for figure in figures if figure.precision == "fp32")
    may_be_used = any(figure.is_allowed for figure in figures if figure.precision == "int8")
    assert installed.converted("int8").exists() == may_be_used
    precisions.keep_figures(installed, figures)
    assert precisions.figures(installed) == figures


def test_a_file_that_it_makes_says_where_it_comes_from(installed: Installed, photos: list[Image.Image]) -> None:
    batches = [matte.network_input(photos[0], installed.model)]
    path = tuning.make(installed, "int8", batches)
    note = json.loads(path.with_suffix(".json").read_text())
    assert note["source"] == installed.version.sha256
    assert note["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert note["made_by"]["onnx"]
    assert path.stat().st_size < installed.path.stat().st_size


def test_the_catalogs_figures_are_for_precisions_that_a_provider_has() -> None:
    for model in catalog.read().models.values():
        for version in model.versions:
            for name, errors in version.matte_errors.items():
                assert name in providers.PROVIDERS
                assert set(errors) <= {"bf16", *providers.PROVIDERS[name].converts}


def test_every_model_that_is_fetched_by_default_was_measured() -> None:
    for name in catalog.DEFAULT_MODELS:
        version = Store(MODELS_DIR).active(name).version
        assert {"bf16", "int8"} <= version.matte_errors["openvino"].keys()


def test_a_file_that_misses_the_bar_is_removed(
    installed: Installed, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "MAX_MATTE_ERROR", 0.0)
    figures = tuning.tune(installed, photos, threads=available_cores(), report=lambda _: None)
    assert {figure.precision for figure in figures} >= {"fp32", "int8"}
    assert not list(installed.folder.glob("*.int8.*"))
