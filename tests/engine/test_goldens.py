"""The same network gives rembg's matte. make_goldens.py has made the reference masks with rembg itself."""

from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from processing.engine import matte
from processing.engine.sessions import SessionCache

GOLDENS = Path(__file__).parent / "goldens"
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
MODELS = ("u2net", "u2netp", "isnet-general-use")
MAX_MEAN_ERROR = 0.001


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)())


def matte_of(name: str, model: str, sessions: SessionCache) -> Image.Image:
    image, session = photograph(name), sessions.get(model)
    prediction = session.predict(matte.network_input(image, session.model))
    return matte.full_size_matte(prediction, session.model, image.size)


def mean_error(found: Image.Image, golden: str) -> float:
    """Mean absolute difference on a scale of 0..1."""
    expected = Image.open(GOLDENS / f"{golden}.png")
    assert (found.mode, found.size) == (expected.mode, expected.size)
    return float(np.abs(np.asarray(found, float) - np.asarray(expected, float)).mean() / 255)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_matte_equals_rembgs(name: str, model: str, sessions: SessionCache) -> None:
    assert mean_error(matte_of(name, model, sessions), f"{name}-{model}") < MAX_MEAN_ERROR


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_smoothed_matte_equals_rembgs(name: str, sessions: SessionCache) -> None:
    smoothed = matte.smoothed(matte_of(name, "u2net", sessions))
    assert mean_error(smoothed, f"{name}-u2net-smoothed") < MAX_MEAN_ERROR
