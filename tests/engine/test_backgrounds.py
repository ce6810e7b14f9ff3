from time import process_time

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy.ndimage import gaussian_filter

from processing.engine import backgrounds, filling, placement
from processing.engine.decode import Limits
from processing.engine.errors import InvalidOption, NotAnImage, TooManyPixels
from processing.engine.layers import Layer
from processing.engine.options import Options
from processing.engine.placement import Placement, Size
from tests.engine.drawings import colour_at, corners, is_close, quadrants, saved

ODD = [((27, 25), (26, 22)), ((120, 28), (142, 82)), ((72, 56), (28, 100))]  # shapes whose shares round below zero
PHOTOGRAPH = Image.fromarray(skimage.data.coffee())  # type: ignore[no-untyped-call]


def placed(size: Size) -> Placement:
    return placement.placed(Options(), size, None)


def canvas(size: Size, *, file: bytes | None = None, limits: Limits | None = None, **options: object) -> Image.Image:
    made = backgrounds.canvas(Options.parse(options), placed(size), blurred=None, file=file, limits=limits or Limits())
    assert made is not None
    assert (made.mode, made.size) == ("RGBA", size)
    return made


def test_a_colour_with_its_alpha() -> None:
    assert canvas((30, 20), background="#0a141e80").getcolors() == [(600, (10, 20, 30, 128))]


@pytest.mark.parametrize(("size", "shown"), [((100, 100), (50, 0)), ((200, 50), (0, 25)), ((20, 80), (88, 0))])
def test_an_image_covers_the_canvas_from_its_middle(size: Size, shown: tuple[int, int]) -> None:
    """Of the 200 by 100 pixels of the image, so many at each side or above and below are not to be seen."""
    ramp = np.zeros((100, 200, 3), np.uint8)
    ramp[:, :, 0], ramp[:, :, 1] = np.arange(200), np.arange(100)[:, np.newaxis]
    pixels = np.asarray(canvas(size, file=saved(Image.fromarray(ramp), "PNG"), background_image=True), float)
    left, top = shown
    step = max(1.0, 100 / size[1])
    assert pixels[0, 0, :2] == pytest.approx((left, top), abs=step)
    assert pixels[-1, -1, :2] == pytest.approx((199 - left, 99 - top), abs=step)


@pytest.mark.parametrize(("image", "size"), ODD)
def test_an_image_of_any_shape_covers_the_canvas(image: Size, size: Size) -> None:
    file = saved(Image.new("RGB", image, (10, 20, 30)), "PNG")
    assert canvas(size, file=file, background_image=True).getcolors() == [(size[0] * size[1], (10, 20, 30, 255))]


def test_an_image_keeps_what_is_transparent() -> None:
    file = saved(Image.new("RGBA", (10, 10), (255, 0, 0, 100)), "PNG")
    assert is_close(colour_at(canvas((30, 30), file=file, background_image=True), 15, 15), (255, 0, 0, 100), 1)


def test_an_image_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = saved(quadrants((64, 64)), "PNG", exif=exif)
    found = corners(canvas((64, 64), file=file, background_image=True).convert("RGB"))
    assert found == [(0, 0, 255), (255, 0, 0), (255, 255, 255), (0, 255, 0)]


def test_an_image_has_the_limits_of_an_upload() -> None:
    file = saved(Image.new("1", (2_000, 2_000)), "PNG")
    with pytest.raises(TooManyPixels):
        canvas((30, 30), file=file, background_image=True, limits=Limits(max_pixels=1_000_000))
    with pytest.raises(NotAnImage):
        canvas((30, 30), file=b"no image", background_image=True)


def test_an_image_that_was_not_sent_is_missed() -> None:
    with pytest.raises(InvalidOption, match="background_image"):
        canvas((30, 30), background_image=True)


def test_nothing_is_nothing() -> None:
    assert backgrounds.canvas(Options(), placed((30, 20)), blurred=None, file=None, limits=Limits()) is None


def out_of_focus(image: Image.Image, radius_px: float) -> Image.Image:
    """All of it, as large as it is itself."""
    options, place = Options.parse({"background_blur": str(radius_px)}), placed(image.size)
    layer = backgrounds.out_of_focus(Layer(image, (0, 0, *image.size)), Image.new("L", image.size), place, options)
    picture = backgrounds.canvas(options, place, blurred=layer, file=None, limits=Limits())
    assert picture is not None
    return picture.convert("RGB")


@pytest.mark.parametrize("radius_px", [0.5, 3, 12, 60, 500])
def test_a_blur_keeps_the_light_and_loses_the_detail(radius_px: float) -> None:
    before, after = (np.asarray(image, float) for image in (PHOTOGRAPH, out_of_focus(PHOTOGRAPH, radius_px)))
    assert np.abs(before.mean(axis=(0, 1)) - after.mean(axis=(0, 1))).max() < 8
    steps = [np.abs(np.diff(image, axis=1)).mean() for image in (before, after)]
    assert steps[1] < steps[0] * (0.9 if radius_px < 1 else 0.5)


@pytest.mark.parametrize("size", [(600, 400), (451, 299)])
@pytest.mark.parametrize("radius_px", [0.5, 1, 2, 3, 4.5, 12, 30])
def test_a_blur_in_a_small_copy_is_the_blur(radius_px: float, size: Size) -> None:
    photo = PHOTOGRAPH.crop((0, 0, *size))
    exact = gaussian_filter(np.asarray(photo, float), (radius_px, radius_px, 0), mode="nearest")
    assert np.abs(exact - np.asarray(out_of_focus(photo, radius_px), float)).mean() < 1.5


@pytest.mark.parametrize("radius_px", [0.5, 3])
def test_a_blur_of_12_megapixels_takes_less_than_a_second(radius_px: float) -> None:
    photo = PHOTOGRAPH.resize((4_000, 3_000))
    alpha = Image.radial_gradient("L").point([255 if value < 90 else 0 for value in range(256)]).resize(photo.size)

    def cpu_s() -> float:
        started = process_time()
        backgrounds.blurred(Layer(photo, (0, 0, *photo.size)), alpha, radius_px)
        return process_time() - started

    assert min(cpu_s() for _ in range(3)) < 1


@pytest.mark.parametrize("radius_px", [0.5, 1.9, 3.9])
def test_a_blur_in_tiles_has_no_seams(radius_px: float, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = out_of_focus(PHOTOGRAPH, radius_px)
    monkeypatch.setattr(backgrounds, "BLUR_TILE_PX", 50)
    assert out_of_focus(PHOTOGRAPH, radius_px) == expected


def test_the_foreground_casts_no_glow_into_the_blur() -> None:
    image, alpha = Image.new("RGB", (300, 200), (0, 0, 200)), Image.new("L", (300, 200))
    image.paste((255, 0, 0), (100, 50, 200, 150))
    alpha.paste(255, (100, 50, 200, 150))
    blurred = np.asarray(backgrounds.blurred(Layer(image, (0, 0, 300, 200)), alpha, 10).picture)
    assert blurred[:, :, 0].max() <= 2
    assert blurred[:, :, 2].min() >= 198


def test_what_is_hidden_gets_the_colours_beside_it() -> None:
    image = quadrants((120, 80))
    unknown = Image.new("L", image.size)
    unknown.paste(255, (5, 5, 30, 20))
    image.paste((9, 9, 9), (5, 5, 30, 20))
    image = filling.filled(image, unknown)
    assert is_close(colour_at(image, 15, 12), (255, 0, 0), 2)
    assert corners(image)[1:] == corners(quadrants((120, 80)))[1:]


def test_where_all_is_hidden_its_mean_remains() -> None:
    image = filling.filled(quadrants((64, 64)), Image.new("L", (64, 64), 255))
    assert is_close(colour_at(image, 32, 32), (127, 127, 127), 2)
