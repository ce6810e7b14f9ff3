"""Refuses files whose mere header would take an image library seconds to read.

Pillow reads all metadata when it opens a file, much of it in Python. A few megabytes can hold millions of empty blocks,
compressed texts that unpack to a megabyte each, or tags that all point at the same megabytes; all of that is cheap to
see beforehand.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from processing.engine import tags
from processing.engine.errors import DecompressionBomb
from processing.engine.formats import Format

MAX_PARTS = 2_000
MAX_PNG_PIXEL_PARTS = 20_000  # 1 KB each for a file at the usual limit; encoders write 8 KB or more
MAX_GIF_BLOCKS = 20_000
MAX_JPEG_SCANS = 100  # a progressive file needs ten or so; each costs a pass over all pixels
MAX_JPEG_EXIF_PARTS = 64
MAX_JPEG_FILLING = 65_536  # bytes before a marker; read again from the start with every further piece of the file
MAX_COMPRESSED_TEXTS = 16
MAX_TAG_NUMBERS = 1_000_000
MAX_TAG_DIRECTORIES = 16
MAX_TIFF_PIECES = {273: 32_768, 324: 16_384}  # strips and tiles; Pillow reads 64 KB for each, however small it is

_EXIF = b"Exif\0\0"
_TIFF_HEADER = re.compile(rb"II\*\0|MM\0\*")
_JPEG_SCAN, _JPEG_APP1 = 0xDA, 0xE1
_JPEG_WITHOUT_LENGTH = {0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}


def refuse_bomb(data: bytes, file_format: Format) -> None:
    """Raises DecompressionBomb. Takes milliseconds, whatever the file."""
    match file_format:
        case Format.PNG:
            pixels = MAX_PNG_PIXEL_PARTS
            kinds = Counter(_few(_png_chunks(data), pixels + MAX_PARTS))
            _require(kinds[b"IDAT"] <= pixels and kinds.total() - kinds[b"IDAT"] <= MAX_PARTS)
            _require(kinds[b"zTXt"] + kinds[b"iTXt"] <= MAX_COMPRESSED_TEXTS)
        case Format.GIF:
            _exhaust(_few(_gif_blocks(data), MAX_GIF_BLOCKS))
        case Format.JPEG:
            segments = list(_few(_jpeg_segments(data), MAX_PARTS))
            exif = [content[6:] for marker, content in segments if marker == _JPEG_APP1 and content[:6] == _EXIF]
            _require(len(exif) <= MAX_JPEG_EXIF_PARTS)
            _check_tags(b"".join(exif))
            _require(sum(content.count(b"8BIM") for _, content in segments) <= MAX_PARTS)
            _require(data.count(b"\xff\xda") <= MAX_JPEG_SCANS and b"\xff" * MAX_JPEG_FILLING not in data)
        case Format.TIFF:
            _check_tags(data)
        case Format.HEIC:
            _exhaust(_few(_boxes(data), MAX_PARTS))
        case Format.AVIF:
            _exhaust(_few(_boxes(data), MAX_PARTS))
            starts = (match.start() for match in _TIFF_HEADER.finditer(data)) if b"Exif" in data else ()
            for start in _few(starts, MAX_TAG_DIRECTORIES):
                _check_tags(memoryview(data)[start:])
        case _:  # BMP has no metadata; libwebp bounds its own
            pass


def _require(condition: bool) -> None:
    if not condition:
        raise DecompressionBomb("The image holds far too much metadata. Save it again without.")


def _few[T](parts: Iterable[T], most: int) -> Iterator[T]:
    for count, part in enumerate(parts, start=1):
        _require(count <= most)
        yield part


def _exhaust(parts: Iterable[object]) -> None:
    deque(parts, maxlen=0)


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The kinds of all chunks; Pillow reads those behind the pixels too."""
    at = 8
    while at + 8 <= len(data) and (kind := data[at + 4 : at + 8]) != b"IEND":
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


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content, for every step up to the pixels, even where Pillow only looks for the next marker."""
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
        yield marker, data[at + 4 : at + size]
        at += size


def _boxes(data: bytes) -> Iterator[int]:
    """Where the outermost boxes of HEIC and AVIF begin."""
    at = 0
    while at + 8 <= len(data):
        yield at
        size = int.from_bytes(data[at : at + 4])
        at += max(8, int.from_bytes(data[at + 8 : at + 16]) if size == 1 else size or len(data))


def _check_tags(stream: tags.Bytes) -> None:
    """Honest tags do not overlap, so that together they are no larger than what they are in."""
    value_bytes = numbers = 0
    for entry in _few(tags.entries(stream), MAX_PARTS):
        _require(entry.count <= MAX_TIFF_PIECES.get(entry.tag, entry.count))
        if entry.unit_bytes * entry.count <= len(stream):
            value_bytes += entry.unit_bytes * entry.count
            numbers += entry.count if entry.unit_bytes > 1 else 0
        _require(value_bytes <= len(stream) and numbers <= MAX_TAG_NUMBERS)
