"""What would take an image library seconds is refused in milliseconds; of what has no end, the first image is read as
quickly."""

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest
from PIL import Image

from processing.engine.decode import Limits, decode, inspect
from processing.engine.errors import DecompressionBomb, ImageError
from tests.engine.drawings import quadrants, saved

SIZE = 8_000_000
MAX_INSPECT_S = 0.1  # of this process' own time, so that a busy machine fails nothing
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


def png_with_behind(*chunks: tuple[bytes, bytes]) -> bytes:
    plain = saved(quadrants(), "PNG")
    return plain[:-12] + b"".join(png_chunk(kind, content) for kind, content in chunks) + plain[-12:]


def png_of_texts_behind() -> bytes:
    return png_with_behind(*((b"tEXt", b"k%d\0x" % index) for index in range(SIZE // 20)))


def png_of_empty_chunks_behind() -> bytes:
    return png_with_behind(*[(b"vpAg", b"")] * (SIZE // 12))


def png_of_compressed_texts_behind() -> bytes:
    megabyte = zlib.compress(bytes(1 << 20))
    return png_with_behind(*((b"zTXt", b"k%d\0\0" % index + megabyte) for index in range(60)))


def png_of_empty_pixels() -> bytes:
    return png(*[(b"IDAT", b"")] * (SIZE // 12))


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


def jpeg_of_photoshop_resources() -> bytes:
    segment = b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5_400
    return jpeg_with(*[(0xED, segment)] * (SIZE // len(segment)))


def jpeg_of_exif() -> bytes:
    return jpeg_with(*[(0xE1, b"Exif\0\0" + tags(0, 65_000))] * (SIZE // 65_000))


def jpeg_of_filling() -> bytes:
    plain = saved(quadrants(), "JPEG")
    return plain[:-2] + b"\xff" * SIZE + plain[-2:]


def boxes_behind(file_format: str) -> bytes:
    return saved(quadrants(), file_format) + b"\0\0\0\x08free" * (SIZE // 8)


def heic_of_boxes() -> bytes:
    return boxes_behind("HEIF")


def avif_of_boxes() -> bytes:
    return boxes_behind("AVIF")


def tiff_of_pieces(tag: int, pieces: int) -> bytes:
    """All of its strips or tiles are the same few bytes."""
    entries = [(256, 1), (257, 30_000), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1), (322, 16), (323, 16)]
    values = [struct.pack("<HHII", name, 4, 1, value) for name, value in entries]
    values += [struct.pack("<HHII", name, 4, pieces, 512) for name in (tag, tag + (6 if tag == 273 else 1))]
    directory = b"II*\0" + struct.pack("<IH", 8, len(values)) + b"".join(sorted(values)) + bytes(4)
    return directory.ljust(512, b"\0") + struct.pack("<I", 512) * pieces


def tiff_of_strips() -> bytes:
    return tiff_of_pieces(273, 400_000)


def tiff_of_tiles() -> bytes:
    return tiff_of_pieces(324, 400_000)


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
        png_of_texts_behind,
        png_of_empty_chunks_behind,
        png_of_compressed_texts_behind,
        png_of_empty_pixels,
        gif_of_comments,
        gif_of_empty_extensions,
        tiff_of_overlapping_tags,
        tiff_of_numbers,
        jpeg_of_overlapping_tags,
        jpeg_of_junk_before_overlapping_tags,
        jpeg_of_empty_segments,
        jpeg_of_junk,
        jpeg_of_photoshop_resources,
        jpeg_of_exif,
        jpeg_of_filling,
        tiff_of_strips,
        tiff_of_tiles,
        heic_of_boxes,
        avif_of_boxes,
        avif_of_overlapping_tags,
        avif_of_decoys,
    ],
)
def test_it_refuses_a_bomb_at_once(bomb: Bomb, limits: Limits) -> None:
    data = bomb()
    started = process_time()
    with pytest.raises(DecompressionBomb):
        inspect(data, limits)
    assert process_time() - started < MAX_INSPECT_S


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF"])
def test_a_large_file_takes_no_longer_to_inspect(file_format: str, limits: Limits) -> None:
    data = saved(quadrants((1500, 1000)), file_format) + bytes(SIZE)
    started = process_time()
    with suppress(ImageError):
        inspect(data, limits)
    assert process_time() - started < MAX_INSPECT_S


def gif_of_endless_frames() -> bytes:
    plain = saved(quadrants(), "GIF")
    at = plain.index(b"\x2c\0\0\0\0")
    return plain[:-1] + plain[at:-1] * (SIZE // (len(plain) - at))


def gif_of_endless_pixels() -> bytes:
    plain = saved(quadrants(), "GIF")
    pixels = plain.index(b"\x2c\0\0\0\0") + 10
    return plain[:pixels] + b"\2" + (b"\xff" + b"\x24" * 255) * (SIZE // 256)


def tiff_of_directories(count: int) -> bytes:
    """A chain of directories behind that of the image, the last one pointing back at the first."""
    tiff = bytearray(saved(quadrants(), "TIFF"))
    first, start = int.from_bytes(tiff[4:8], "little"), len(tiff)
    (entries,) = struct.unpack_from("<H", tiff, first)
    struct.pack_into("<I", tiff, first + 2 + 12 * entries, start)
    followers = [*range(start + 18, start + 18 * count, 18), first]
    return bytes(tiff) + b"".join(struct.pack("<HHHIII", 1, 256, 3, 1, 64, follower) for follower in followers)


def tiff_of_endless_directories() -> bytes:
    return tiff_of_directories(SIZE // 18)


def tiff_of_two_directories_in_a_circle() -> bytes:
    return tiff_of_directories(1)


def tiff_of_nested_directories(tag: int) -> bytes:
    """Each directory holds the next, thousands deep; the last one holds the first again."""
    tiff = bytearray(saved(quadrants(), "TIFF"))
    first = int.from_bytes(tiff[4:8], "little")
    (count,) = struct.unpack_from("<H", tiff, first)
    entries = [bytes(tiff[at : at + 12]) for at in range(first + 2, first + 2 + 12 * count, 12)]
    start = len(tiff) + 2 + 12 * (count + 1) + 4
    entries = sorted([*entries, struct.pack("<HHII", tag, 4, 1, start)], key=lambda entry: entry[1::-1])
    struct.pack_into("<I", tiff, 4, len(tiff))
    children = [*range(start + 18, start + 18 * (SIZE // 18), 18), start]
    directories = (struct.pack("<HHHIII", 1, tag, 4, 1, child, 0) for child in children)
    return bytes(tiff) + struct.pack("<H", count + 1) + b"".join(entries) + bytes(4) + b"".join(directories)


def tiff_of_nested_images() -> bytes:
    return tiff_of_nested_directories(0x014A)


def tiff_of_nested_exif() -> bytes:
    return tiff_of_nested_directories(0x8769)


def animation(file_format: str) -> bytes:
    frames = [Image.new("RGB", (64, 48), (index, 0, 0)) for index in range(1, 200)]
    return saved(quadrants(), file_format, save_all=True, append_images=frames)


def webp_animation() -> bytes:
    return animation("WEBP")


def avif_animation() -> bytes:
    return animation("AVIF")


@pytest.mark.parametrize(
    "image",
    [
        gif_of_endless_frames,
        gif_of_endless_pixels,
        tiff_of_endless_directories,
        tiff_of_two_directories_in_a_circle,
        tiff_of_nested_images,
        tiff_of_nested_exif,
        webp_animation,
        avif_animation,
    ],
)
def test_of_what_has_no_end_the_first_image_is_read_at_once(image: Bomb, limits: Limits) -> None:
    data = image()
    started = process_time()
    decoded = decode(data, limits)
    assert process_time() - started < MAX_INSPECT_S
    assert decoded.rgb.size == (64, 48)


def test_ordinary_metadata_is_no_bomb(limits: Limits) -> None:
    texts = [(b"tEXt", b"k%d\0value" % index) for index in range(100)]
    compressed = [(b"zTXt", b"z%d\0\0" % index + zlib.compress(b"value")) for index in range(8)]
    assert inspect(png(*texts, *compressed), limits).width == 64


def test_an_ordinary_progressive_jpeg_is_no_bomb(limits: Limits) -> None:
    assert inspect(saved(quadrants(), "JPEG", progressive=True), limits).format == "JPEG"


def test_an_ordinary_number_of_pixel_chunks_is_no_bomb(limits: Limits) -> None:
    assert decode(png(*[(b"IDAT", b"")] * 5_000), limits).rgb.size == (64, 48)


def test_tiffs_of_many_strips_are_no_bombs(limits: Limits) -> None:
    data = saved(quadrants((8, 6_000)), "TIFF", tiffinfo={278: 1})
    assert decode(data, limits).rgb.size == (8, 6_000)
