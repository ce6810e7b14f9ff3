"""The tags of TIFF and Exif, read no further than their directory."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

Bytes = bytes | memoryview

_ORIENTATION = 0x0112
# Bytes per value of each field type.
_TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


@dataclass(frozen=True, slots=True)
class Entry:
    tag: int
    unit_bytes: int
    count: int
    inline: bytes
    """The value, or where it is when it is too long to stand here."""


def entries(tags: Bytes) -> Iterator[Entry]:
    """The first directory of a TIFF stream, classic or big, as far as it goes."""
    order = "<" if tags[:2] == b"II" else ">"
    is_big = 43 in tags[2:4]
    pointer, length, entry = ("Q", "Q", "HHQ8s") if is_big else ("I", "H", "HHI4s")
    try:
        (at,) = struct.unpack_from(order + pointer, tags, 8 if is_big else 4)
        (count,) = struct.unpack_from(order + length, tags, at)
        at += struct.calcsize(order + length)
        for _ in range(count):
            tag, field_type, values, inline = struct.unpack_from(order + entry, tags, at)
            yield Entry(tag, _TYPE_BYTES.get(field_type, 0), values, inline)
            at += struct.calcsize(order + entry)
    except struct.error:
        return


def orientation(exif: bytes) -> int:
    """1 to 8; 1 where nothing is said."""
    for entry in entries(exif):
        if entry.tag == _ORIENTATION and entry.unit_bytes == 2:
            return int.from_bytes(entry.inline[:2], "little" if exif[:2] == b"II" else "big")
    return 1
