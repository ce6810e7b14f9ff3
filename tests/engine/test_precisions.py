"""Which precision is taken, and that none is taken that changes the mattes."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from config.cores import available_cores
from processing.engine import matte, precisions, providers, tuning
from processing.engine.catalog import DEFAULT_MODELS, Precision
from processing.engine.precisions import MAX_MATTE_ERROR, Figure
from processing.engine.providers import Provider
from processing.engine.sessions import Session
from processing.engine.weights import Installed, Store
from tests.engine.conftest import MODELS_DIR
from tests.photographs import astronaut


@pytest.fixture
def installed(small_network: Path, tmp_path: Path) -> Installed:
    model = Store(MODELS_DIR).catalog["u2netp"]
    errors: dict[str, dict[Precision, float]] = {"some": {"bf16": 0.002, "int8": 0.003, "fp16": 0.005}}
    version = replace(model.versions[0], matte_errors=errors)
    return Installed(model, version, small_network, tmp_path)


@pytest.fixture
def provider() -> Provider:
    """It could run everything, int8 from a file of its own."""
    return replace(
        providers.PROVIDERS["cpu"],
        name="some",
        precisions=lambda: ["fp32", "bf16", "fp16", "int8"],
        converts=frozenset({"int8"}),
    )


def made_int8(installed: Installed) -> None:
    installed.converted("int8").write_bytes(b"made")
    installed.note("int8").write_text(json.dumps({"sha256": hashlib.sha256(b"made").hexdigest()}))


def chosen(installed: Installed, provider: Provider, wanted: str = "auto") -> str:
    return precisions.choose(installed, provider, wanted).precision


def test_the_fastest_that_keeps_the_mattes_is_taken(installed: Installed, provider: Provider) -> None:
    assert chosen(installed, provider) == "bf16"  # fp16 misses the bar, int8 has no file


def test_one_that_needs_a_file_is_taken_when_that_is_there_and_was_measured_here(
    installed: Installed, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    made_int8(installed)
    assert chosen(installed, provider) == "bf16"
    precisions.keep_figures(installed, [Figure(provider="some", precision="int8", matte_error=0.003, inference_ms=80)])
    assert chosen(installed, provider) == "int8"
    installed.converted("int8").write_bytes(b"damaged")
    assert chosen(installed, provider) == "fp32"
    assert "is damaged and not used" in caplog.text
    installed.converted("int8").unlink()
    assert chosen(installed, provider) == "fp32"


def test_the_demand_for_exact_mattes_is_met(installed: Installed, provider: Provider) -> None:
    assert chosen(installed, provider, "fp32") == "fp32"


def test_what_the_machine_lacks_is_not_taken(installed: Installed, provider: Provider) -> None:
    assert chosen(installed, replace(provider, precisions=lambda: ["fp32"])) == "fp32"


def test_what_was_not_measured_is_not_taken(installed: Installed, provider: Provider) -> None:
    assert chosen(installed, replace(provider, name="other")) == "fp32"


def test_this_machines_own_figures_come_before_the_catalogs(installed: Installed, provider: Provider) -> None:
    precisions.keep_figures(
        installed,
        [
            Figure(provider="some", precision="fp32", matte_error=0.0, inference_ms=90),
            Figure(provider="some", precision="bf16", matte_error=0.002, inference_ms=120),
        ],
    )
    assert chosen(installed, provider) == "fp32"  # bf16 is slower here


@pytest.mark.parametrize("name", DEFAULT_MODELS)
@pytest.mark.parametrize("provider", providers.named("auto"), ids=lambda provider: provider.name)
def test_whatever_is_chosen_here_keeps_the_mattes(name: str, provider: Provider) -> None:
    installed = Store(MODELS_DIR).active(name)
    found = mattes(installed, provider, precisions.choose(installed, provider))
    assert np.abs(found - exact_mattes(name)).mean() <= MAX_MATTE_ERROR


@cache
def exact_mattes(name: str) -> NDArray[np.float32]:
    exact = Figure(provider="cpu", precision="fp32", matte_error=0.0)
    return mattes(Store(MODELS_DIR).active(name), providers.PROVIDERS["cpu"], exact)


def mattes(installed: Installed, provider: Provider, figure: Figure) -> NDArray[np.float32]:
    session = Session(installed, provider, figure, threads=available_cores())
    side = (installed.model.input_px, installed.model.input_px)
    photo = Image.open(BytesIO(astronaut())).convert("RGB")
    found = [
        matte.full_size_matte(session.predict(matte.network_input(view, installed.model)), installed.model, side)
        for view in tuning.views([photo])
    ]
    return np.stack([np.asarray(each, np.float32) / np.float32(255) for each in found])
