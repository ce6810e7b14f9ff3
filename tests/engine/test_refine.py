"""Refinement against a composite whose alpha and colours are known."""

from time import perf_counter, process_time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from processing.engine.refine import MAX_ALPHA_PIXELS, Trimap, refined, refined_alpha
from tests.engine.truth import Values, image_of, red_over_blue, soft_disc

MAX_REFINEMENT_S = 20
MAX_S_AT_12_MEGAPIXELS = 1
TRIMAP = Trimap(foreground_threshold=240, background_threshold=10, erode_px=10)


def coarse(alpha: Values) -> Image.Image:
    """The matte of a network that has the shape, but not the edge."""
    return image_of((alpha > 0.5) * 255.0)


@pytest.mark.parametrize("size", [200, 900])
def test_refinement_finds_the_soft_edge_again(size: int) -> None:
    alpha = soft_disc(size)
    matte = coarse(alpha)
    wide = Trimap(foreground_threshold=240, background_threshold=10, erode_px=size // 8)
    refined = np.asarray(refined_alpha(red_over_blue(alpha), matte, wide)) / 255
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


def blurred(alpha: Values, share: float) -> Image.Image:
    """The matte of a network that sees a soft edge, and no more."""
    return image_of(alpha * 255).filter(ImageFilter.GaussianBlur(share * alpha.shape[0]))


@pytest.mark.parametrize("size", [300, 900, 2_000])
def test_a_fine_matte_is_closer_to_the_truth_at_any_size(size: int) -> None:
    alpha = soft_disc(size)
    matte = blurred(alpha, 0.03)
    fine = np.asarray(refined(red_over_blue(alpha), matte)) / 255
    assert np.abs(fine - alpha).mean() < 0.4 * np.abs(np.asarray(matte) / 255 - alpha).mean()


def test_what_is_thin_and_certain_stays() -> None:
    whisker = Image.new("L", (600, 600))
    ImageDraw.Draw(whisker).ellipse((200, 200, 400, 400), 255)
    ImageDraw.Draw(whisker).line((300, 300, 590, 590), 255, width=5)
    alpha = np.asarray(whisker) / 255
    fine = np.asarray(refined(red_over_blue(alpha), whisker)) / 255
    assert np.abs(fine - alpha).max() < 0.2


def test_where_the_colours_are_alike_the_matte_stays() -> None:
    matte = blurred(soft_disc(400), 0.02)
    plain = Image.effect_noise(matte.size, 8).convert("RGB")
    difference = np.abs(np.asarray(refined(plain, matte), float) - np.asarray(matte))
    assert difference.mean() < 1.5  # what the network is sure of becomes 0 or 255


def test_where_the_matte_is_crisp_it_stays() -> None:
    y, x = np.mgrid[:400, :400]
    matte = image_of((np.hypot(x - 200, y - 200) < 130) * 255.0)
    shadow = red_over_blue(soft_disc(400))
    assert np.abs(np.asarray(refined(shadow, matte), float) - np.asarray(matte)).mean() < 0.5


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_certain_on_both_sides_leaves_nothing_to_refine(value: int) -> None:
    matte = Image.new("L", (50, 40), value)
    assert refined(Image.new("RGB", (50, 40), "red"), matte) is matte


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 3), (40, 2), (3_000, 2)])
def test_the_smallest_images_are_no_error(size: tuple[int, int]) -> None:
    matte = Image.linear_gradient("L").resize(size)
    assert refined(matte.convert("RGB"), matte).size == size
    assert refined_alpha(matte.convert("RGB"), matte, TRIMAP).size == size


def test_an_image_that_is_in_doubt_almost_everywhere_is_refined_in_seconds() -> None:
    noisy = Image.effect_noise((2_000, 2_000), 60).convert("RGB")
    started = perf_counter()
    refined(noisy, Image.linear_gradient("L").resize(noisy.size))
    assert perf_counter() - started < MAX_REFINEMENT_S


def test_twelve_megapixels_take_less_than_a_second() -> None:
    alpha = soft_disc(600)
    photo, matte = (image.resize((4_000, 3_000)) for image in (red_over_blue(alpha), blurred(alpha, 0.02)))

    def cpu_s() -> float:
        started = process_time()
        refined(photo, matte)
        return process_time() - started

    assert min(cpu_s() for _ in range(3)) < MAX_S_AT_12_MEGAPIXELS
