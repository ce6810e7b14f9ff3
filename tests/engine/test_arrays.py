import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from processing.engine import arrays


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (30, 2), (31, 47), (20, 30, 4), (12, 9, 3, 3)])
@pytest.mark.parametrize("side_px", [1, 3, 5, 7, 9, 41])
def test_a_mean_is_that_of_the_box_around_each_pixel(shape: tuple[int, ...], side_px: int) -> None:
    values = np.random.default_rng(1).random(shape).astype(np.float32)
    axes = (side_px, side_px, *[0] * (len(shape) - 2))
    means = arrays.means(values, side_px)
    assert means.dtype == np.float32
    assert means == pytest.approx(uniform_filter(values.astype(float), axes, mode="nearest"), abs=1e-5)


def test_an_image_is_rounded_and_bounded() -> None:
    assert np.asarray(arrays.image(np.array([[-3, 0.4, 99.6, 300]]))).tolist() == [[0, 0, 100, 255]]
    assert arrays.shares(arrays.image(np.array([[0.0, 255]]))).tolist() == [[0, 1]]
