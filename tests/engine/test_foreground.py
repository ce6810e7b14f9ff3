"""The foreground's colours against a composite whose colours are known."""

from time import process_time

import numpy as np
import pytest
from PIL import Image

from processing.engine.foreground import OPAQUE, with_foreground_colours
from tests.engine.truth import RED, image_of, red_over_blue, soft_disc

MAX_MS_PER_MEGAPIXEL = 40


@pytest.mark.parametrize("size", [40, 200, 1_000])
def test_the_foreground_gets_its_own_colour_back(size: int) -> None:
    alpha = soft_disc(size)
    translucent = (alpha > 0.2) & (alpha < 0.9)
    before = np.asarray(red_over_blue(alpha), float)
    after = np.asarray(with_foreground_colours(red_over_blue(alpha), image_of(alpha * 255)), float)
    assert np.abs(after[translucent] - RED).mean() < 0.3 * np.abs(before[translucent] - RED).mean()


def test_opaque_pixels_keep_their_colours() -> None:
    alpha = image_of(soft_disc(300) * 255)
    noise = Image.effect_noise(alpha.size, 90).convert("RGB")
    is_opaque = np.asarray(alpha) >= OPAQUE
    after = np.asarray(with_foreground_colours(noise.copy(), alpha))
    assert np.array_equal(after[is_opaque], np.asarray(noise)[is_opaque])


@pytest.mark.parametrize("value", [0, 255])
def test_without_translucent_pixels_nothing_changes(value: int) -> None:
    noise = Image.effect_noise((90, 70), 90).convert("RGB")
    after = with_foreground_colours(noise.copy(), Image.new("L", noise.size, value))
    assert after.tobytes() == noise.tobytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (129, 257)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    grey = Image.new("RGB", size, (90, 90, 90))
    after = with_foreground_colours(grey, Image.new("L", size, 128))
    assert after.size == size
    assert np.abs(np.asarray(after, int) - 90).max() <= 2


def test_a_translucent_foreground_leaves_no_trace_of_the_tiles() -> None:
    """What was smooth stays smooth, across the borders of the parts that it is computed in."""
    ramp = Image.linear_gradient("L").resize((600, 400))
    after = np.asarray(with_foreground_colours(ramp.convert("RGB"), ramp), int)
    assert np.abs(np.diff(after[20:], axis=0)).max() <= 4
    assert np.abs(np.diff(after, axis=1)).max() <= 1


@pytest.mark.parametrize("size", [(800, 600), (4_000, 3_000)])
def test_it_takes_little_time(size: tuple[int, int]) -> None:
    photo = red_over_blue(soft_disc(600)).resize(size)
    alpha = image_of(soft_disc(600) * 255).resize(size)

    def cpu_ms() -> float:
        image = photo.copy()
        started = process_time()
        with_foreground_colours(image, alpha)
        return (process_time() - started) * 1_000

    assert min(cpu_ms() for _ in range(5)) < MAX_MS_PER_MEGAPIXEL * size[0] * size[1] / 1e6
