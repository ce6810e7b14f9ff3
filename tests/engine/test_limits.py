"""What is over a limit, or not an image that is read here, is refused from its header."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from processing.engine import compose, placement
from processing.engine.backgrounds import canvas
from processing.engine.cutout import cutout
from processing.engine.decode import Limits, decode, inspect
from processing.engine.errors import (
    BadDimensions,
    DecompressionBomb,
    ImageCorrupt,
    ImageError,
    NotAnImage,
    TooManyBytes,
    TooManyPixels,
    UnsupportedFormat,
)
from processing.engine.layers import Layer
from processing.engine.options import Options
from processing.engine.placement import Size
from processing.engine.sessions import SessionCache
from tests.engine.conftest import MODELS_DIR
from tests.engine.drawings import quadrants, saved
from tests.memory import peak_mb
from tests.photographs import astronaut

MAX_WORKER_MB = 2_000
MAX_BYTES_PER_PIXEL = 10  # two images of four bytes a pixel and an alpha channel
PNG = saved(quadrants(), "PNG")


def test_it_accepts_what_is_at_the_limits() -> None:
    exact = Limits(max_bytes=len(PNG), max_pixels=64 * 48, max_side_px=64)
    assert inspect(PNG, exact).width == 64


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(max_bytes=len(PNG) - 1), TooManyBytes),
        (Limits(max_pixels=64 * 48 - 1), TooManyPixels),
        (Limits(max_side_px=63), BadDimensions),
    ],
)
def test_it_refuses_what_is_over_a_limit(limits: Limits, error: type[ImageError]) -> None:
    with pytest.raises(error, match=r"\d"):
        inspect(PNG, limits)


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", b"PK\x03\x04", bytes(1000)])
def test_it_refuses_what_is_no_image(data: bytes, limits: Limits) -> None:
    with pytest.raises(NotAnImage, match="JPEG, PNG"):
        inspect(data, limits)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"8BPS\0\1",
        b"\0\0\1\0\1\0",
        b"\0\0\0\x0cJXL \r\n",
        b"\0\0\0\x18ftypisom\0\0\2\0isomiso2",
    ],
)
def test_it_names_a_format_that_it_does_not_read(data: bytes, limits: Limits) -> None:
    with pytest.raises(UnsupportedFormat, match="not supported"):
        inspect(data, limits)


def test_a_small_file_of_very_many_pixels_is_a_bomb(limits: Limits) -> None:
    data = saved(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(data) < 100_000
    with pytest.raises(DecompressionBomb):
        inspect(data, limits)


def test_more_pixels_than_the_plan_allows_is_not_yet_a_bomb(limits: Limits) -> None:
    with pytest.raises(TooManyPixels):
        inspect(saved(Image.new("1", (8_000, 8_000)), "PNG"), limits)


def test_a_header_without_an_image_is_corrupt(limits: Limits) -> None:
    with pytest.raises(ImageCorrupt):
        inspect(b"\x89PNG\r\n\x1a\n" + bytes(100), limits)


def cut_out(path: Path) -> None:
    sessions = SessionCache(provider="cpu", models_dir=MODELS_DIR)
    result = cutout(path.read_bytes(), Options(model="u2netp"), sessions=sessions, limits=Limits())
    assert (result.width, result.height) == (7_000, 7_000)


def test_50_megapixels_pass_within_the_memory_of_a_worker(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(astronaut(7_000, 7_000))
    assert peak_mb(cut_out, path) < MAX_WORKER_MB


def decode_file(path: Path) -> None:
    decode(path.read_bytes(), Limits(max_bytes=10**9))


SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6
OTHER_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"RGB2")
LARGE = partial(quadrants, (4_000, 3_000))
GREEDY = {
    "JPEG": lambda: saved(LARGE(), "JPEG", exif=SIDEWAYS.tobytes(), icc_profile=OTHER_PROFILE),
    "CMYK JPEG": lambda: saved(LARGE().convert("CMYK"), "JPEG", exif=SIDEWAYS.tobytes()),
    "RGBA PNG": lambda: saved(transparent(), "PNG", exif=SIDEWAYS.tobytes(), icc_profile=OTHER_PROFILE),
    "16-bit PNG": lambda: saved(Image.fromarray(np.zeros((3_000, 4_000), np.uint16)), "PNG"),
}


def transparent() -> Image.Image:
    image = LARGE()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


@pytest.fixture(scope="module")
def usual_mb(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Of a process that decodes a small image."""
    small = tmp_path_factory.mktemp("small") / "image"
    small.write_bytes(PNG)
    return peak_mb(decode_file, small)


def covered(path: Path, size: Size) -> None:
    options = Options(background_image=True)
    place = placement.placed(options, size, None)
    assert canvas(options, place, blurred=None, file=path.read_bytes(), limits=Limits())


@pytest.mark.parametrize(
    ("size", "bytes_per_pixel"),
    [((80, 60), 1), ((4_000, 3_000), 5), ((3_900, 2_900), 10)],  # a part, itself, and a copy that is resized
)
def test_a_background_image_takes_no_more_than_the_canvas_shows(
    size: Size, bytes_per_pixel: int, usual_mb: float, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(saved(LARGE(), "JPEG"))
    assert peak_mb(covered, large, size) - usual_mb < bytes_per_pixel * 12 + 15


def shaded() -> None:
    options = Options.parse({"width": 4_000, "height": 3_000, "scale": "100%", "shadow": "drop"})
    layer = Layer(Image.new("RGBA", (40, 30), "red"), (0, 0, 40, 30))
    assert compose.composed(layer, placement.placed(options, (40, 30), (0, 0, 40, 30)), options, behind=None)


def test_a_small_foreground_on_a_large_canvas_takes_no_more_than_two_of_them(usual_mb: float) -> None:
    assert peak_mb(shaded) - usual_mb < MAX_BYTES_PER_PIXEL * 12 + 15


@pytest.mark.parametrize("kind", GREEDY)
def test_decoding_takes_a_few_bytes_a_pixel(kind: str, usual_mb: float, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(GREEDY[kind]())
    assert peak_mb(decode_file, large) - usual_mb < MAX_BYTES_PER_PIXEL * 12
