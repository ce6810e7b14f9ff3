"""Refinement against a composite whose alpha and colours are known."""

from time import perf_counter

import numpy as np
import pytest
from PIL import Image

from processing.engine.refine import MAX_ALPHA_PIXELS, Trimap, refined_alpha, with_foreground_colours

RED, BLUE = np.array([200.0, 30, 30]), np.array([30.0, 60, 200])
MAX_REFINEMENT_S = 20
TRIMAP = Trimap(foreground_threshold=240, background_threshold=10, erode_px=10)


def soft_disc(size: int) -> np.ndarray:
    """Alpha 0..1 of a disc whose edge is soft over a fifth of its radius."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - size / 2, y - size / 2) / (size / 3)
    alpha: np.ndarray = np.clip((1.1 - distance) / 0.2, 0, 1)
    return alpha


def image_of(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.round().astype(np.uint8))


def composite(alpha: np.ndarray) -> Image.Image:
    return image_of(alpha[..., None] * RED + (1 - alpha[..., None]) * BLUE)


def coarse(alpha: np.ndarray) -> Image.Image:
    """The matte of a network that has the shape, but not the edge."""
    return image_of((alpha > 0.5) * 255.0)


@pytest.mark.parametrize("size", [200, 900])
def test_refinement_finds_the_soft_edge_again(size: int) -> None:
    alpha = soft_disc(size)
    matte = coarse(alpha)
    wide = Trimap(foreground_threshold=240, background_threshold=10, erode_px=size // 8)
    refined = np.asarray(refined_alpha(composite(alpha), matte, wide)) / 255
    assert (size * size > MAX_ALPHA_PIXELS) == (size == 900)
    assert np.abs(refined - alpha).mean() < 0.25 * np.abs(np.asarray(matte) / 255 - alpha).mean()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_matte_without_anything_certain_on_both_sides_is_left_alone(value: int) -> None:
    matte = Image.new("L", (50, 40), value)
    assert refined_alpha(Image.new("RGB", (50, 40), "red"), matte, TRIMAP) is matte


def test_an_image_that_is_in_doubt_almost_everywhere_takes_seconds() -> None:
    alpha = soft_disc(1_500)
    all_in_doubt = Trimap(foreground_threshold=254, background_threshold=1, erode_px=255)
    noisy = Image.effect_noise((1_500, 1_500), 60).convert("RGB")
    started = perf_counter()
    refined_alpha(noisy, image_of(alpha * 255), all_in_doubt)
    assert perf_counter() - started < MAX_REFINEMENT_S


def test_the_foreground_gets_its_own_colour_back() -> None:
    alpha = soft_disc(200)
    translucent = (alpha > 0.2) & (alpha < 0.9)
    before = np.asarray(composite(alpha), float)
    after = np.asarray(with_foreground_colours(composite(alpha), image_of(alpha * 255)), float)
    assert np.abs(after[translucent] - RED).mean() < 0.2 * np.abs(before[translucent] - RED).mean()
    assert np.array_equal(after[alpha == 1], before[alpha == 1])
