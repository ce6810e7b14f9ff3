"""`models tune`: every precision is measured, and what it makes says where it comes from."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from config.cores import available_cores
from processing.engine import calibration, catalog, precisions, providers, tuning
from processing.engine.weights import Installed, Store, sha256
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
    ready = {(p.name, precision) for p in providers.named("auto") for precision in {*p.precisions()} - p.converts}
    assert measured == ready
    assert said == [str(figure) for figure in figures]
    assert all(figure.inference_ms for figure in figures)
    assert all(figure.matte_error < 0.0001 for figure in figures if figure.precision == "fp32")
    precisions.keep_figures(installed, figures)
    assert precisions.figures(installed) == figures


def test_the_catalogs_figures_are_for_precisions_that_a_provider_has() -> None:
    for model in catalog.read().models.values():
        for version in model.versions:
            for name, errors in version.matte_errors.items():
                assert name in providers.PROVIDERS
                assert set(errors) <= {"bf16", *providers.PROVIDERS[name].converts}


def test_every_model_that_is_fetched_by_default_was_measured() -> None:
    for name in catalog.DEFAULT_MODELS:
        version = Store(MODELS_DIR).active(name).version
        assert "bf16" in version.matte_errors["openvino"]


@pytest.fixture
def few_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with most of the work: each takes seconds to calibrate."""
    if not any("int8" in provider.precisions() for provider in providers.named("auto")):
        pytest.skip("this processor has no instructions for int8")
    monkeypatch.setattr(calibration, "MIN_SHARE_OF_WORK", 0.05)


@pytest.mark.usefixtures("few_convolutions")
@pytest.mark.parametrize("bar", [1.0, 0.0])
def test_the_file_by_a_recipe_of_its_own_stays_if_it_keeps_to_the_bar(
    bar: float, installed: Installed, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "MAX_MATTE_ERROR", bar)
    said: list[str] = []
    figures = tuning.tune(installed, photos, threads=available_cores(), report=said.append, calibrates=True)
    assert "int8" in {figure.precision for figure in figures}
    assert any(line.startswith("int8 in Conv_") for line in said)
    if not bar:
        assert not list(installed.folder.glob("*.int8.*"))
        return
    note = json.loads(installed.note("int8").read_text())
    assert note["recipe"]["source"] == note["source"] == installed.version.sha256
    assert note["recipe"]["views"] == len(list(tuning.views(photos)))
    assert note["recipe"]["reaches"]
    assert note["sha256"] == sha256(installed.converted("int8"))
