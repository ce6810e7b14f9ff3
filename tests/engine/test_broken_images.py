"""Whatever happened to the bytes: an image, or an ImageError; nothing else comes out of the decoder."""

import random
from time import process_time

import pytest
from PIL import Image

from processing.engine.decode import Limits, decode, inspect
from processing.engine.errors import ImageCorrupt, ImageError, ImageTruncated, NotAnImage, TooManyPixels
from tests.broken_images import FILES, FOREIGN, damaged, polyglots, spliced
from tests.engine.drawings import saved
from tests.memory import peak_mb

MAX_S = 1.0
MAX_MB = 300  # of the process as a whole, Python and libraries included
pytestmark = pytest.mark.filterwarnings("ignore")  # as in production, where a decoder's warning stops nothing


def outcome(data: bytes, limits: Limits) -> str:
    """The name of the error, or "decoded"; anything but an ImageError is raised."""
    started = process_time()
    try:
        info = inspect(data, limits)
        assert decode(data, limits).rgb.size == (info.width, info.height)
    except ImageError as error:
        return error.code
    finally:
        assert process_time() - started < MAX_S
    return "decoded"


@pytest.mark.parametrize("name", FILES)
def test_only_image_errors_come_out(name: str, limits: Limits) -> None:
    outcomes = {outcome(variant, limits) for variant in damaged(name, variants=60)}
    assert outcomes - {"decoded"}


@pytest.mark.parametrize("name", polyglots())
def test_a_polyglot_is_what_it_begins_as(name: str, limits: Limits) -> None:
    found = outcome(polyglots()[name], limits)
    first, _, second = name.partition(" before ")
    if first in FOREIGN:
        assert found in ("not_an_image", "unsupported_format")
    elif second:
        assert found == "decoded", "what stands behind an image is no part of it"


@pytest.mark.parametrize("name", spliced())
def test_what_was_put_together_of_two_images_is_one_or_none(name: str, limits: Limits) -> None:
    outcome(spliced()[name], limits)


def decode_everything() -> None:
    limits = Limits()
    variants = [variant for name in FILES for variant in damaged(name, variants=30)]
    for data in (*variants, *polyglots().values(), *spliced().values()):
        outcome(data, limits)


def test_no_broken_file_takes_much_memory() -> None:
    assert peak_mb(decode_everything) < MAX_MB


@pytest.mark.parametrize("name", FILES)
def test_an_image_that_breaks_off_is_refused(name: str, limits: Limits) -> None:
    with pytest.raises((ImageTruncated, ImageCorrupt)):
        decode(FILES[name][: len(FILES[name]) // 3], limits)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "HEIF", "TIFF", "BMP"])
def test_a_break_in_the_pixels_is_told_from_damage(name: str, limits: Limits) -> None:
    noise = random.Random(1).randbytes(200 * 150 * 3)
    data = saved(Image.frombytes("RGB", (200, 150), noise), name)
    with pytest.raises(ImageTruncated):
        decode(data[: len(data) * 2 // 3], limits)


def test_a_file_of_two_kinds_is_what_it_begins_as(limits: Limits) -> None:
    with pytest.raises(NotAnImage):
        decode(b"PK\x03\x04" + FILES["PNG"], limits)
    assert decode(FILES["GIF"] + FILES["PNG"], limits).info.format == "GIF"


def test_a_frame_that_outgrows_its_canvas_counts_against_the_limit() -> None:
    data = bytearray(FILES["GIF"])
    data[6:10] = bytes((8, 0, 8, 0))  # the canvas says 8 by 8, the frame stays 96 by 64
    with pytest.raises(TooManyPixels):
        inspect(bytes(data), Limits(max_pixels=64))
