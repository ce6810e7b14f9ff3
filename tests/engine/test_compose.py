"""From a foreground to the picture: layers, canvas, background and what is drawn over what. Without a network."""

import numpy as np
import pytest
from PIL import Image

from processing.engine import compose, layers, placement
from processing.engine.layers import Layer, visible_box
from processing.engine.options import Options
from processing.engine.placement import Bounds, Box, Size
from tests.engine.drawings import colour_at, is_close, quadrants

RED, GREEN, BLACK = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 0, 255)
NOTHING = (0, 0, 0, 0)


def subject(size: Size, box: Box) -> Layer:
    """A red rectangle on an image of that size that is otherwise transparent."""
    picture = Image.new("RGBA", size)
    picture.paste(RED, box)
    return Layer(picture, (0, 0, *size))


def composed(layer: Layer, box: Box, behind: Image.Image | None = None, **options: object) -> Image.Image:
    parsed = Options.parse(options)
    place = placement.placed(parsed, layer.picture.size, box)
    return compose.composed(layer, place, parsed, behind=behind)


def test_a_foreground_that_stays_in_place_is_not_copied() -> None:
    layer = subject((60, 40), (10, 10, 20, 30))
    assert composed(layer, (10, 10, 20, 30)) is layer.picture


def test_a_part_of_the_image_comes_back_where_it_was() -> None:
    whole = subject((60, 40), (10, 10, 20, 30))
    part = whole.cropped((8, 7, 25, 33))
    assert part.picture.size == (17, 26)
    place = placement.placed(Options(), (60, 40), (10, 10, 20, 30))
    assert compose.composed(part, place, Options(), behind=None) == whole.picture


def test_cropping_and_moving_keep_every_pixel() -> None:
    image = quadrants().convert("RGBA")
    left = image.crop((0, 0, 32, 48))
    place = placement.placed(Options.parse({"position": "100%"}), (64, 48), (0, 0, 32, 48))
    moved = compose.composed(Layer(left, (0, 0, 32, 48)), place, Options(), behind=None)
    assert moved.crop((32, 0, 64, 48)) == left
    assert moved.getchannel("A").getbbox() == (32, 0, 64, 48)
    margins = composed(Layer(image, (0, 0, 64, 48)), (0, 0, 64, 48), crop=True, crop_margin="200px 500px")
    assert margins.size == (1_064, 448)
    assert margins.crop((500, 200, 564, 248)) == image


def test_no_colour_comes_in_from_transparent_pixels() -> None:
    picture = Image.new("RGBA", (80, 80), (0, 255, 0, 0))
    picture.paste(RED, (20, 20, 60, 60))
    smaller = np.asarray(composed(Layer(picture, (0, 0, 80, 80)), (20, 20, 60, 60), width=31))
    assert smaller[smaller[:, :, 3] > 8][:, 1].max() <= 16
    assert smaller[:, :, 3].max() == 255


def test_a_layer_of_fewer_pixels_than_the_original_fills_the_same_place() -> None:
    small = Layer(subject((40, 30), (10, 10, 20, 20)).picture, (0, 0, 400, 300))
    assert small.in_original((10, 10, 20, 20)) == (100, 100, 200, 200)
    place = placement.placed(Options(width=200), (400, 300), (100, 100, 200, 200))
    picture = compose.composed(small, place, Options(width=200), behind=None)
    assert picture.size == (200, 150)
    assert is_close(colour_at(picture, 75, 75), RED, 2)
    assert colour_at(picture, 20, 20) == NOTHING


def test_the_background_is_behind_the_foreground() -> None:
    layer = subject((60, 40), (10, 10, 20, 30))
    picture = composed(layer, (10, 10, 20, 30), Image.new("RGBA", (60, 40), GREEN))
    assert (colour_at(picture, 15, 20), colour_at(picture, 40, 20)) == (RED, GREEN)


def test_a_translucent_foreground_mixes_with_the_background() -> None:
    layer = Layer(Image.new("RGBA", (9, 9), (255, 0, 0, 128)), (0, 0, 9, 9))
    picture = composed(layer, (0, 0, 9, 9), Image.new("RGBA", (9, 9), GREEN))
    assert is_close(colour_at(picture, 4, 4), (128, 127, 0, 255), 1)


@pytest.mark.parametrize("kind", ["drop", "contact"])
def test_a_shadow_is_between_background_and_foreground(kind: str) -> None:
    box = (60, 40, 140, 120)
    layer, behind = subject((200, 160), box), Image.new("RGBA", (200, 160), GREEN)
    picture = composed(layer, box, behind, shadow=kind, shadow_opacity=100)
    inside, below = colour_at(picture, 100, 80), colour_at(picture, 100, 122)
    assert inside == RED
    assert below[3] == 255
    assert below[1] < 200
    assert colour_at(picture, 2, 2) == GREEN


@pytest.mark.parametrize("kind", ["drop", "contact"])
def test_a_shadow_on_nothing_is_translucent_black(kind: str) -> None:
    box = (60, 40, 140, 120)
    picture = composed(subject((200, 160), box), box, shadow=kind)
    red, green, blue, alpha = colour_at(picture, 100, 122)
    assert (red, green, blue) == (0, 0, 0)
    assert 10 < alpha <= 128
    assert colour_at(picture, 2, 2) == NOTHING


def test_a_shadow_may_reach_beyond_the_canvas() -> None:
    box = (0, 0, 50, 50)
    assert composed(subject((50, 50), box), box, shadow="drop").getcolors() == [(2_500, RED)]


def test_a_mask_has_neither_background_nor_shadow() -> None:
    mask = Layer(Image.new("L", (50, 50), 255), (0, 0, 50, 50))
    picture = composed(mask, (0, 0, 50, 50), output="mask", shadow="drop", padding="10")
    assert picture.mode == "L"
    assert picture.getbbox() == (10, 10, 60, 60)
    assert set(np.unique(np.asarray(picture))) == {0, 255}


@pytest.mark.parametrize(("output", "mode"), [("cutout", "RGBA"), ("mask", "L")])
def test_without_a_foreground_there_is_an_empty_canvas(output: str, mode: str) -> None:
    options = Options.parse({"output": output, "width": 30, "shadow": "drop"})
    picture = compose.composed(None, placement.placed(options, (60, 40), None), options, behind=None)
    assert (picture.mode, picture.size, picture.getbbox()) == (mode, (30, 20), None)


@pytest.mark.parametrize("at", [(0, 0), (-5, -3), (90, 60), (200, 0), (0, -100)])
def test_laying_over_in_bands_is_laying_over(at: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1)
    below, above = (Image.fromarray(noise.integers(0, 256, (70, 100, 4), np.uint8)) for _ in range(2))
    moved = Image.new("RGBA", below.size)
    moved.paste(above, at)
    expected = Image.alpha_composite(below, moved)
    monkeypatch.setattr(layers, "BAND_PIXELS", 300)
    compose.lay_over(below, above.crop, above.size, at)
    shown = np.asarray(moved)[:, :, 3] > 0
    assert np.array_equal(np.asarray(below)[shown], np.asarray(expected)[shown])


@pytest.mark.parametrize(("mode", "most"), [("L", 2), ("RGB", 2), ("RGBA", 6)])  # colours are divided by their alpha
@pytest.mark.parametrize("size", [(90, 61), (100, 70), (333, 250), (47, 20)])
@pytest.mark.parametrize("box", [(0, 0, 100, 70), (3.3, 2.7, 95.1, 68.9)])
def test_resizing_in_bands_is_resizing(
    mode: str, most: int, size: Size, box: Bounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(1)  # without extremes: what is clipped depends on which direction is resized first
    picture = Image.fromarray(noise.integers(90, 166, (70, 100, 4), np.uint8)).convert(mode)
    expected = np.asarray(layers.resized(picture, size, box), int)
    monkeypatch.setattr(layers, "BAND_PIXELS", 900)
    assert np.abs(np.asarray(layers.resized(picture, size, box), int) - expected).max() <= most


def test_what_has_no_background_becomes_white() -> None:
    flat = compose.flat(subject((60, 40), (10, 10, 20, 30)).picture)
    assert (colour_at(flat, 40, 20), colour_at(flat, 15, 20)) == ((255, 255, 255), (255, 0, 0))


def test_traces_do_not_count_for_the_extent() -> None:
    alpha = Image.new("L", (60, 40))
    alpha.paste(15, (0, 0, 5, 5))
    assert visible_box(alpha) == (0, 0, 5, 5)
    alpha.paste(200, (20, 20, 30, 30))
    assert visible_box(alpha) == (20, 20, 30, 30)
    assert visible_box(Image.new("L", (60, 40))) is None


def test_colours_go_on_where_nothing_is_to_be_seen() -> None:
    picture = subject((60, 40), (10, 10, 20, 30)).picture
    colours = compose.colours(picture, picture.getchannel("A"))
    assert all(is_close(colour_at(colours, *at), (255, 0, 0), 2) for at in ((9, 9), (15, 20), (50, 35), (0, 0)))
