"""Refuses files whose mere header would take an image library seconds to read.

Pillow reads all metadata when it opens a file, much of it in Python. A few megabytes can hold millions of empty blocks,
compressed texts that unpack to a megabyte each, or tags that all point at the same megabytes; all of that is cheap to
see beforehand.
"""

import re
from collections.abc import Iterable, Iterator

from processing.engine import tags
from processing.engine.errors import DecompressionBomb
from processing.engine.formats import Format

MAX_PARTS = 2_000
MAX_GIF_BLOCKS = 20_000
MAX_JPEG_SCANS = 100  # a progressive file needs ten or so; each costs a pass over all pixels
MAX_COMPRESSED_TEXTS = 16
MAX_TAG_NUMBERS = 1_000_000
MAX_TAG_DIRECTORIES = 16

_EXIF = b"Exif\0\0"
_TIFF_HEADER = re.compile(rb"II\*\0|MM\0\*")
_JPEG_SCAN, _JPEG_APP1 = 0xDA, 0xE1
_JPEG_WITHOUT_LENGTH = {0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}


def refuse_bomb(data: bytes, file_format: Format) -> None:
    """Raises DecompressionBomb. Takes milliseconds, whatever the file."""
    match file_format:
        case Format.PNG:
            chunks = list(_few(_png_chunks(data), MAX_PARTS))
            _require(chunks.count(b"zTXt") + chunks.count(b"iTXt") <= MAX_COMPRESSED_TEXTS)
        case Format.GIF:
            list(_few(_gif_blocks(data), MAX_GIF_BLOCKS))
        case Format.JPEG:
            _check_tags(b"".join(_few(_jpeg_exif_parts(data), MAX_PARTS)))
            _require(data.count(b"\xff\xda") <= MAX_JPEG_SCANS)
        case Format.TIFF:
            _check_tags(data)
        case Format.AVIF if b"Exif" in data:
            starts = (match.start() for match in _TIFF_HEADER.finditer(data))
            for start in _few(starts, MAX_TAG_DIRECTORIES):
                _check_tags(memoryview(data)[start:])
        case _:  # BMP has no metadata; libwebp and libheif bound theirs
            pass


def _require(condition: bool) -> None:
    if not condition:
        raise DecompressionBomb("The image holds far too much metadata. Save it again without.")


def _few[T](parts: Iterable[T], most: int) -> Iterator[T]:
    for count, part in enumerate(parts, start=1):
        _require(count <= most)
        yield part


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The kinds of the chunks before the pixels."""
    at = 8
    while at + 8 <= len(data) and (kind := data[at + 4 : at + 8]) != b"IDAT":
        yield kind
        at += int.from_bytes(data[at : at + 4]) + 12


def _gif_blocks(data: bytes) -> Iterator[int]:
    """Where the blocks before the first frame begin. Whatever is no extension is skipped, as Pillow does."""
    palette_bytes = 3 << (data[10] % 8 + 1) if len(data) > 10 and data[10] & 128 else 0
    at = 13 + palette_bytes
    while at < len(data) and data[at] not in b",;":
        yield at
        if data[at] == ord("!"):
            at += 2
            while at < len(data) and data[at]:
                yield at
                at += data[at] + 1
        at += 1


def _jpeg_exif_parts(data: bytes) -> Iterator[bytes]:
    """A part for every step up to the pixels: of Exif where it is that, else empty."""
    at = 2
    while at + 4 <= len(data):
        is_marker, marker = data[at] == 0xFF, data[at + 1]
        if is_marker and marker == _JPEG_SCAN:
            return
        if not is_marker or marker == 0xFF:
            size = 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            size = 2
        else:
            size = 2 + int.from_bytes(data[at + 2 : at + 4])
        is_exif = is_marker and marker == _JPEG_APP1 and data[at + 4 : at + 10] == _EXIF
        yield data[at + 10 : at + size] if is_exif else b""
        at += size


def _check_tags(stream: tags.Bytes) -> None:
    """Honest tags do not overlap, so that together they are no larger than what they are in."""
    value_bytes = numbers = 0
    for entry in _few(tags.entries(stream), MAX_PARTS):
        if entry.unit_bytes * entry.count <= len(stream):
            value_bytes += entry.unit_bytes * entry.count
            numbers += entry.count if entry.unit_bytes > 1 else 0
        _require(value_bytes <= len(stream) and numbers <= MAX_TAG_NUMBERS)
