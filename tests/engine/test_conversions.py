"""int8 without photographs: a recipe and the weights give the file, always the same one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config.cores import available_cores
from processing.engine import calibration, catalog, conversions, matte, precisions, providers, recipes, tuning
from processing.engine.calibration import Mattes
from processing.engine.catalog import Precision
from processing.engine.errors import ModelDownloadFailed
from processing.engine.precisions import MAX_MATTE_ERROR, Figure
from processing.engine.recipes import Recipe
from processing.engine.sessions import Session
from processing.engine.weights import Installed, Store, sha256
from tests.engine.conftest import MODELS_DIR

OPENVINO = providers.PROVIDERS["openvino"]
REACHES = {"Conv_2": 12.5, "Conv_136": 8.0}


@pytest.fixture
def installed(small_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """u2netp with a recipe that ships."""
    model = catalog.read()["u2netp"]
    found = Installed(model, model.versions[0], small_network, tmp_path / "u2netp")
    monkeypatch.setattr(recipes, "FOLDER", tmp_path / "int8")
    ship(found, REACHES)
    return found


def ship(installed: Installed, reaches: dict[str, float]) -> None:
    recipes.FOLDER.mkdir(exist_ok=True)
    content = {"source": installed.version.sha256, "views": 21, "reaches": reaches}
    (recipes.FOLDER / "u2netp-1.json").write_text(json.dumps(content))
    recipes._read.cache_clear()


def choice(installed: Installed) -> str:
    offers_int8 = replace(OPENVINO, precisions=lambda: ["fp32", "int8"])
    known = replace(installed, version=replace(installed.version, matte_errors={"openvino": {"int8": 0.002}}))
    return precisions.choose(known, offers_int8).precision


def test_the_same_recipe_gives_the_same_file(installed: Installed, tmp_path: Path) -> None:
    first = conversions.keep_int8(installed)
    second = conversions.keep_int8(replace(installed, folder=tmp_path / "other"))
    assert first
    assert second
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < installed.path.stat().st_size


def test_what_follows_the_shipped_recipe_is_used_by_the_catalogs_figures(installed: Installed) -> None:
    assert choice(installed) == "fp32"
    conversions.keep_int8(installed)
    assert choice(installed) == "int8"
    ship(installed, {"Conv_2": 12.5})
    assert choice(installed) == "fp32"
    conversions.keep_int8(installed)
    assert choice(installed) == "int8"


def test_an_intact_file_stays_and_a_damaged_one_is_made_again(installed: Installed) -> None:
    path = conversions.keep_int8(installed)
    assert path
    made = path.stat().st_mtime_ns
    conversions.keep_int8(installed)
    assert path.stat().st_mtime_ns == made
    expected = sha256(path)
    path.write_bytes(b"rust")
    conversions.keep_int8(installed)
    assert sha256(path) == expected


def test_a_recipe_of_ones_own_is_kept_while_workers_choose_by_its_figures(installed: Installed) -> None:
    own = Recipe(source=str(installed.version.sha256), views=3, reaches={"Conv_2": 10.0})
    path = conversions.to_int8(installed, own)
    precisions.keep_figures(installed, [Figure(provider="openvino", precision="int8", matte_error=0, inference_ms=9)])
    path.write_bytes(b"rust")
    conversions.keep_int8(installed)
    assert installed.has_intact("int8")
    assert recipes.noted(installed) == own


def test_without_a_recipe_nothing_is_made(installed: Installed) -> None:
    other = replace(installed, version=replace(installed.version, sha256="0" * 64))
    assert conversions.keep_int8(other) is None
    assert not installed.folder.exists()


def test_a_convolution_takes_its_input_and_weights_in_8_bits(installed: Installed) -> None:
    import onnx

    path = conversions.to_int8(installed, Recipe(source="", views=1, reaches=REACHES))
    network = onnx.load(path)
    onnx.checker.check_model(network)
    operators = [node.op_type for node in network.graph.node]
    assert (operators.count("QuantizeLinear"), operators.count("DequantizeLinear")) == (2, 4)
    rounded = {each.name: onnx.numpy_helper.to_array(each) for each in network.graph.initializer}
    assert rounded["Conv_2/weights"].dtype == np.int8
    assert np.abs(rounded["Conv_2/weights"]).reshape(len(rounded["Conv_2/weights"]), -1).max(axis=1).min() == 127
    assert rounded["Conv_2/input_scale"] == np.float32(12.5 / 255)


def test_the_shipped_recipes_are_for_weights_whose_figures_are_known(tmp_path: Path) -> None:
    models = catalog.read().models.values()
    known = [Installed(model, version, tmp_path, tmp_path) for model in models for version in model.versions]
    found = [installed for installed in known if recipes.shipped(installed)]
    assert len(found) == len(list(recipes.FOLDER.iterdir())) > 0
    for installed in found:
        assert installed.version.matte_errors["openvino"]["int8"] <= MAX_MATTE_ERROR


@pytest.mark.skipif("int8" not in OPENVINO.precisions(), reason="this processor has no instructions for int8")
def test_the_shipped_int8_of_u2net_keeps_the_mattes(tmp_path: Path) -> None:
    store = Store(MODELS_DIR)
    installed = replace(store.active("u2net"), folder=tmp_path)
    try:
        photos = tuning.photographs(store.catalog)
    except ModelDownloadFailed as error:
        pytest.skip(error.detail)
    conversions.keep_int8(installed)
    batches = [matte.network_input(view, installed.model) for view in tuning.views(photos)]

    def mattes(precision: Precision) -> Mattes:
        figure = Figure(provider="openvino", precision=precision, matte_error=0.0)
        session = Session(installed, OPENVINO, figure, threads=available_cores())
        return calibration.mattes(session.predict, batches, installed.model)

    assert precisions.choose(installed, OPENVINO).precision == "int8"
    assert np.abs(mattes("int8") - mattes("fp32")).mean() <= MAX_MATTE_ERROR
