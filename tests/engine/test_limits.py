"""What is over a limit, or not an image that is read here, is refused from its header."""

import pytest
from PIL import Image

from processing.engine.decode import Limits, inspect
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
from tests.engine.drawings import quadrants, saved

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
