"""Whatever happened to the bytes: an image, or an ImageError; nothing else comes out of the decoder."""

import random
from collections.abc import Iterator

import pytest
from PIL import Image

from processing.engine.decode import Limits, decode, inspect
from processing.engine.errors import ImageCorrupt, ImageError, ImageTruncated, NotAnImage, TooManyPixels
from tests.engine.drawings import quadrants, saved

IMAGE = quadrants((96, 64))
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
FILES = {
    "JPEG": saved(IMAGE, "JPEG", exif=EXIF),
    "progressive JPEG": saved(IMAGE, "JPEG", progressive=True),
    "CMYK JPEG": saved(IMAGE.convert("CMYK"), "JPEG"),
    "MPO": saved(IMAGE, "MPO", save_all=True, append_images=[IMAGE]),
    "PNG": saved(IMAGE.convert("RGBA"), "PNG", exif=EXIF),
    "palette PNG": saved(IMAGE.convert("P"), "PNG", transparency=0),
    "APNG": saved(IMAGE, "PNG", save_all=True, append_images=[IMAGE.rotate(90)]),
    "WEBP": saved(IMAGE, "WEBP", exif=EXIF),
    "lossless WEBP": saved(IMAGE.convert("RGBA"), "WEBP", lossless=True),
    "HEIF": saved(IMAGE, "HEIF", exif=EXIF),
    "AVIF": saved(IMAGE, "AVIF", exif=EXIF),
    "TIFF": saved(IMAGE, "TIFF", exif=EXIF),
    "LZW TIFF": saved(IMAGE, "TIFF", compression="tiff_lzw"),
    "JPEG TIFF": saved(IMAGE, "TIFF", compression="jpeg"),
    "multi-page TIFF": saved(IMAGE, "TIFF", save_all=True, append_images=[IMAGE.convert("L")]),
    "BMP": saved(IMAGE, "BMP"),
    "GIF": saved(IMAGE, "GIF"),
    "animated GIF": saved(IMAGE, "GIF", save_all=True, append_images=[IMAGE.rotate(90)], transparency=0),
}
VARIANTS = 60


def broken(data: bytes, seed: str) -> Iterator[bytes]:
    """Cut short, flipped bits, bytes from elsewhere, a hole, headers of large numbers."""
    chance = random.Random(seed)
    for _ in range(VARIANTS):
        variant = bytearray(data)
        for _ in range(chance.choice((1, 1, 3, 8))):
            # Half of the damage goes to the header, where it does the most.
            at = chance.randrange(min(len(variant), 64) if chance.random() < 0.5 else len(variant))
            match chance.randrange(5):
                case 0:
                    del variant[max(at, 32) :]
                case 1:
                    variant[at] ^= 1 << chance.randrange(8)
                case 2:
                    variant[at : at + 4] = chance.randbytes(4)
                case 3:
                    del variant[at : at + chance.randrange(1, 4)]
                case 4:
                    variant[at : at + 4] = chance.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)))
        yield bytes(variant)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore")  # as in production, where a decoder's warning stops nothing
def test_only_image_errors_come_out(name: str, limits: Limits) -> None:
    outcomes = set()
    for variant in broken(FILES[name], name):
        try:
            info = inspect(variant, limits)
            assert decode(variant, limits).rgb.size == (info.width, info.height)
        except ImageError as error:
            outcomes.add(type(error))
    assert outcomes


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore")
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
