import numpy as np
import pytest
from PIL import Image, ImageDraw

from processing.engine import shadows
from processing.engine.options import Options
from processing.engine.placement import Size


def ball(side: int) -> Image.Image:
    picture = Image.new("RGBA", (side, side))
    ImageDraw.Draw(picture).ellipse((0, 0, side - 1, side - 1), "red")
    return picture


def shade(kind: str, picture: Image.Image, opacity: int = 50) -> tuple[np.ndarray, tuple[int, int]]:
    """Its alpha and where it is, seen from the picture."""
    shadow = shadows.of(picture, Options(shadow=kind, shadow_opacity=opacity))
    return np.asarray(shadow.part((0, 0, *shadow.size)).getchannel("A"), float), shadow.at


def centre(alpha: np.ndarray, at: tuple[int, int]) -> tuple[float, float]:
    rows, columns = np.indices(alpha.shape)
    return (columns * alpha).sum() / alpha.sum() + at[0], (rows * alpha).sum() / alpha.sum() + at[1]


def test_a_drop_shadow_falls_to_the_lower_right() -> None:
    x, y = centre(*shade("drop", ball(200)))
    assert (x - 99.5, y - 99.5) == pytest.approx((5, 9), abs=1)


def test_a_contact_shadow_lies_at_the_lowest_edge_and_is_flat() -> None:
    alpha, at = shade("contact", ball(200))
    x, y = centre(alpha, at)
    assert x == pytest.approx(99.5, abs=0.5)
    assert 170 < y < 205
    dark = np.argwhere(alpha > alpha.max() / 2)
    height, width = np.ptp(dark, axis=0)
    assert width > 3 * height


@pytest.mark.parametrize("kind", ["drop", "contact"])
@pytest.mark.parametrize("opacity", [0, 30, 100])
def test_it_is_as_dark_as_was_asked_for(kind: str, opacity: int) -> None:
    alpha, _ = shade(kind, ball(200), opacity)
    assert alpha.max() <= 255 * opacity / 100 + 1
    assert alpha.max() >= 255 * opacity / 100 * 0.6


@pytest.mark.parametrize("kind", ["drop", "contact"])
def test_it_is_soft_to_its_own_border(kind: str) -> None:
    alpha, _ = shade(kind, ball(300), 100)
    assert max(edge.max() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1])) <= 3
    assert max(np.abs(np.diff(alpha, axis=axis)).max() for axis in (0, 1)) < 40


@pytest.mark.parametrize("kind", ["drop", "contact"])
def test_a_larger_image_has_the_same_shadow_in_large(kind: str) -> None:
    (small, small_at), (large, large_at) = shade(kind, ball(300)), shade(kind, ball(1_200))
    assert np.divide(large_at, 4) == pytest.approx(small_at, abs=3)
    resized = np.asarray(Image.fromarray(large.astype(np.uint8)).resize(small.shape[::-1]), float)
    assert np.abs(resized - small).mean() < 2


@pytest.mark.parametrize("kind", ["drop", "contact"])
@pytest.mark.parametrize("size", [(1, 1), (1, 2_000), (2_000, 1), (3, 2)])
def test_the_smallest_and_the_thinnest_things_have_one(kind: str, size: Size) -> None:
    alpha, _ = shade(kind, Image.new("RGBA", size, "red"))
    assert alpha.max() > 0
