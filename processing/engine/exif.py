"""The Exif that goes with a result when its metadata is to be kept. The bytes begin with "Exif", as in a JPEG."""

import struct
import zlib

from PIL import ExifTags, Image, TiffImagePlugin

# What Pillow and its decoders have been seen to raise on bytes that somebody broke. Warnings are here because a host
# may have turned them into errors.
PILLOW_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)

MAX_BYTES = 65_000  # a JPEG has room for little more
PREFIX = b"Exif\0\0"

_INCH = 2


def kept(found: bytes) -> bytes:
    """What was found in a file, for an image that was turned upright: without thumbnail, and not to be turned again.

    Empty where there was none, or it is too long or damaged.
    """
    if not found or len(found) > MAX_BYTES:
        return b""
    exif = Image.Exif()
    try:
        exif.load(found)
        exif[ExifTags.Base.Orientation] = 1
        rewritten = exif.tobytes()  # which leaves out the thumbnail's directory
    except PILLOW_ERRORS:
        return b""
    return rewritten if len(rewritten) <= MAX_BYTES else b""


def with_resolution(exif: bytes, dpi: int) -> bytes:
    """`exif` is empty or comes from `kept`."""
    tags = Image.Exif()
    tags.load(exif)
    tags[ExifTags.Base.XResolution] = tags[ExifTags.Base.YResolution] = TiffImagePlugin.IFDRational(dpi)
    tags[ExifTags.Base.ResolutionUnit] = _INCH
    return tags.tobytes()
