"""Refuses files whose mere header would take an image library seconds to read.

Pillow reads all metadata when it opens a file, much of it in Python. A few megabytes can hold millions of empty blocks,
compressed texts that unpack to a megabyte each, or tags that all point at the same megabytes; all of that is cheap to
see beforehand.
"""

from processing.engine import tags
from processing.engine.errors import DecompressionBomb
from processing.engine.formats import Format

MAX_PARTS = 2_000
MAX_GIF_BLOCKS = 20_000
MAX_COMPRESSED_TEXTS = 16
MAX_TAG_NUMBERS = 1_000_000
MAX_TAG_DIRECTORIES = 16

_EXIF = b"Exif\0\0"
_TIFF_HEADERS = (b"II*\0", b"MM\0*")


def refuse_bomb(data: bytes, file_format: Format) -> None:
    """Raises DecompressionBomb. Takes milliseconds, whatever the file."""
    match file_format:
        case Format.PNG:
            _check_png(data)
        case Format.GIF:
            _check_gif(data)
        case Format.JPEG:
            _check_tags(_jpeg_exif(data))
        case Format.TIFF:
            _check_tags(data)
        case Format.AVIF:
            _check_embedded_tags(data)
        case _:  # BMP has no metadata; libwebp and libheif bound theirs
            pass


def _require(condition: bool) -> None:
    if not condition:
        raise DecompressionBomb("The image holds far too much metadata. Save it again without.")


def _check_png(data: bytes) -> None:
    """Walks the chunks before the pixels."""
    at, parts, compressed = 8, 0, 0
    while at + 8 <= len(data) and (kind := data[at + 4 : at + 8]) != b"IDAT":
        parts += 1
        compressed += kind in {b"zTXt", b"iTXt"}
        _require(parts <= MAX_PARTS and compressed <= MAX_COMPRESSED_TEXTS)
        at += int.from_bytes(data[at : at + 4]) + 12


def _check_gif(data: bytes) -> None:
    """Walks the blocks of the extensions before the first frame."""
    at = 13 + (3 << (data[10] % 8 + 1) if len(data) > 10 and data[10] & 128 else 0)
    blocks = 0
    while data[at : at + 1] == b"!":
        at += 2
        while at < len(data) and data[at]:
            blocks += 1
            _require(blocks <= MAX_GIF_BLOCKS)
            at += data[at] + 1
        at += 1


def _jpeg_exif(data: bytes) -> bytes:
    """All Exif segments before the pixels, joined as Pillow joins them."""
    found: list[bytes] = []
    at, parts = 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        parts += 1
        _require(parts <= MAX_PARTS)
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == _EXIF:
            found.append(data[at + 10 : end])
        at = end
    return b"".join(found)


def _check_embedded_tags(data: bytes) -> None:
    """Checks wherever tags may begin inside a container."""
    _require(sum(map(data.count, _TIFF_HEADERS)) <= MAX_TAG_DIRECTORIES)
    for header in _TIFF_HEADERS:
        at = data.find(header)
        while at >= 0:
            _check_tags(memoryview(data)[at:])
            at = data.find(header, at + 1)


def _check_tags(stream: tags.Bytes) -> None:
    """Honest tags do not overlap, so that together they are no larger than what they are in."""
    value_bytes = numbers = 0
    for index, entry in enumerate(tags.entries(stream)):
        if entry.unit_bytes * entry.count <= len(stream):
            value_bytes += entry.unit_bytes * entry.count
            numbers += entry.count if entry.unit_bytes > 1 else 0
        _require(index < MAX_PARTS and value_bytes <= len(stream) and numbers <= MAX_TAG_NUMBERS)
