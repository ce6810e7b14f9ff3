"""The bars for the cutout's edges, against cutouts whose alpha and colours are known.

A drawn one is always there; a photograph with measured truth is taken in where the folder that holds it exists.
"""

from collections.abc import Callable
from functools import cache
from statistics import mean

import pytest
from PIL import Image

from processing.engine import matte
from processing.engine.catalog import DEFAULT_MODELS
from processing.engine.foreground import with_foreground_colours
from processing.engine.refine import refined
from processing.engine.sessions import SessionCache
from tests.engine.truth import Truth, absolute_error, colour_error, gradient_error, truths

TRUTHS = truths()
ERRORS = [absolute_error, gradient_error]

type FindMatte = Callable[[Truth, str], Image.Image]


@pytest.fixture(scope="module")
def found(sessions: SessionCache) -> FindMatte:
    @cache
    def find(truth: Truth, model: str) -> Image.Image:
        session = sessions.get(model)
        prediction = session.predict(matte.network_input(truth.photo, session.model))
        return matte.full_size_matte(prediction, session.model, truth.photo.size)

    return find


def colour_ratio(truth: Truth, alpha: Image.Image) -> float:
    """Of the colour error left, with this alpha."""
    return colour_error(with_foreground_colours(truth.photo.copy(), alpha), truth) / colour_error(truth.photo, truth)


@pytest.mark.parametrize("truth", TRUTHS, ids=str)
def test_edge_colours_are_the_foreground_s_own(truth: Truth) -> None:
    assert colour_ratio(truth, truth.alpha) <= 0.6


def test_edge_colours_gain_with_a_networks_matte(found: FindMatte) -> None:
    ratios = [colour_ratio(truth, found(truth, model)) for truth in TRUTHS for model in DEFAULT_MODELS]
    assert mean(ratios) <= 0.75


@pytest.mark.parametrize("error", ERRORS)
def test_refined_edges_are_closer_to_the_truth(
    error: Callable[[Image.Image, Image.Image], float], found: FindMatte
) -> None:
    ratios = []
    for truth in TRUTHS:
        for model in DEFAULT_MODELS:
            raw = found(truth, model)
            ratios.append(error(refined(truth.photo, raw), truth.alpha) / error(raw, truth.alpha))
    assert mean(ratios) <= 0.65
    assert max(ratios) <= 1.1
