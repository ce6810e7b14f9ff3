"""A header that takes an image library seconds to read is refused in milliseconds."""

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

import pytest

from processing.engine.decode import Limits, inspect
from processing.engine.errors import DecompressionBomb, ImageError
from tests.engine.drawings import quadrants, saved

SIZE = 8_000_000
MAX_INSPECT_S = 0.1
Bomb = Callable[[], bytes]


def png(*before_pixels: tuple[bytes, bytes]) -> bytes:
    plain = saved(quadrants(), "PNG")
    header, rest = plain[:33], plain[33:]
    return header + b"".join(png_chunk(kind, content) for kind, content in before_pixels) + rest


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_compressed_texts() -> bytes:
    megabyte = zlib.compress(bytes(1 << 20))
    return png(*((b"zTXt", b"k%d\0\0" % index + megabyte) for index in range(60)))


def png_of_texts() -> bytes:
    return png(*((b"tEXt", b"k%d\0x" % index) for index in range(SIZE // 20)))


def png_of_empty_chunks() -> bytes:
    return png(*[(b"vpAg", b"")] * (SIZE // 12))


def gif_of_comments() -> bytes:
    plain = saved(quadrants(), "GIF")
    palette_end = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    return plain[:palette_end] + b"!\xfe" + b"\1x" * (SIZE // 2) + b"\0" + plain[palette_end:]


def gif_of_empty_extensions() -> bytes:
    plain = saved(quadrants(), "GIF")
    palette_end = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
    return plain[:palette_end] + b"!\xfe\0" * (SIZE // 3) + plain[palette_end:]


def jpeg_of_scans() -> bytes:
    """The last pass over the pixels, again and again."""
    plain = saved(quadrants(), "JPEG", progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + plain[last:-2] * 200 + plain[-2:]


def tags(entries: int, value_bytes: int, *, field_type: int = 7) -> bytes:
    """A directory whose entries all claim the same bytes."""
    unit_bytes = {7: 1, 3: 2}[field_type]
    entry = struct.pack("<HHII", 0xC000, field_type, value_bytes // unit_bytes, 8)
    directory = b"II*\0" + struct.pack("<IH", 8, entries) + entry * entries + bytes(4)
    return directory.ljust(value_bytes + 16, b"\0")


def tiff_of_overlapping_tags() -> bytes:
    return tags(60_000, SIZE)


def tiff_of_numbers() -> bytes:
    return tags(1, SIZE, field_type=3)


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    plain = saved(quadrants(), "JPEG")
    head = b"".join(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments)
    without_density = plain[2 + 2 + int.from_bytes(plain[4:6]) :]  # or Pillow would not look for it in Exif
    return b"\xff\xd8" + head + without_density


def jpeg_of_overlapping_tags() -> bytes:
    exif, step = tags(60_000, SIZE), 65_000
    return jpeg_with(*((0xE1, b"Exif\0\0" + exif[at : at + step]) for at in range(0, len(exif), step)))


def jpeg_of_empty_segments() -> bytes:
    return jpeg_with(*[(0xED, b"")] * (SIZE // 4))


def jpeg_of_junk_before_overlapping_tags() -> bytes:
    return b"\xff\xd8\xff\xff\0\xff\xd0" + jpeg_of_overlapping_tags()[2:]


def jpeg_of_junk() -> bytes:
    return b"\xff\xd8\xff\xd0" + bytes(SIZE) + saved(quadrants(), "JPEG")


def avif_of_overlapping_tags() -> bytes:
    plain = saved(quadrants(), "AVIF", exif=b"Exif\0\0" + tags(1, 100))
    at = plain.index(b"II*\0")
    return plain[:at] + tags(60_000, SIZE)


def avif_of_decoys() -> bytes:
    return saved(quadrants(), "AVIF", exif=b"Exif\0\0" + tags(1, 100)) + b"II*\0" * (SIZE // 4)


@pytest.mark.parametrize(
    "bomb",
    [
        jpeg_of_scans,
        png_of_compressed_texts,
        png_of_texts,
        png_of_empty_chunks,
        gif_of_comments,
        gif_of_empty_extensions,
        tiff_of_overlapping_tags,
        tiff_of_numbers,
        jpeg_of_overlapping_tags,
        jpeg_of_junk_before_overlapping_tags,
        jpeg_of_empty_segments,
        jpeg_of_junk,
        avif_of_overlapping_tags,
        avif_of_decoys,
    ],
)
def test_it_refuses_a_bomb_at_once(bomb: Bomb, limits: Limits) -> None:
    data = bomb()
    started = perf_counter()
    with pytest.raises(DecompressionBomb):
        inspect(data, limits)
    assert perf_counter() - started < MAX_INSPECT_S


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF"])
def test_a_large_file_takes_no_longer_to_inspect(file_format: str, limits: Limits) -> None:
    data = saved(quadrants((3000, 2000)), file_format) + bytes(SIZE)
    started = perf_counter()
    with suppress(ImageError):
        inspect(data, limits)
    assert perf_counter() - started < MAX_INSPECT_S


def test_a_gif_of_endless_frames_is_inspected_at_once(limits: Limits) -> None:
    plain = saved(quadrants(), "GIF")
    at = plain.index(b"\x2c\0\0\0\0")
    data = plain[:-1] + plain[at:-1] * (SIZE // (len(plain) - at)) + b";"
    started = perf_counter()
    assert inspect(data, limits).width == 64
    assert perf_counter() - started < MAX_INSPECT_S


def test_ordinary_metadata_is_no_bomb(limits: Limits) -> None:
    texts = [(b"tEXt", b"k%d\0value" % index) for index in range(100)]
    compressed = [(b"zTXt", b"z%d\0\0" % index + zlib.compress(b"value")) for index in range(8)]
    assert inspect(png(*texts, *compressed), limits).width == 64


def test_an_ordinary_progressive_jpeg_is_no_bomb(limits: Limits) -> None:
    assert inspect(saved(quadrants(), "JPEG", progressive=True), limits).format == "JPEG"
