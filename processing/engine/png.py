"""PNG files, in less than half of the time that Pillow takes for them (docs/decisions/013-codecs.md).

Pillow tries all five filters on every row, which costs more than the compression. Here each sample is predicted as the
mean of its left and upper neighbours, the best single filter for photographs, and zlib is told to look for runs only:
after that filter a photograph holds nothing else to be found, and what is flat or transparent is one long run.
"""

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BAND_PIXELS = 1 << 18  # a copy of a large image as a whole would cost hundreds of megabytes
INCHES_PER_METRE = 1 / 0.0254

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {"L": 0, "RGB": 2, "RGBA": 6}
_AVERAGE = 3
_IN_METRES = b"\1"


def png(image: Image.Image, *, dpi: int | None = None, exif: bytes = b"") -> bytes:
    """Of an image in mode L, RGB or RGBA; `exif` is a TIFF stream."""
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in _contents(image, dpi, exif))


def _contents(image: Image.Image, dpi: int | None, exif: bytes) -> Iterator[tuple[bytes, bytes]]:
    width, height = image.size
    yield b"IHDR", width.to_bytes(4) + height.to_bytes(4) + bytes((8, _COLOUR_TYPES[image.mode], 0, 0, 0))
    if dpi is not None:
        yield b"pHYs", round(dpi * INCHES_PER_METRE).to_bytes(4) * 2 + _IN_METRES
    if exif:
        yield b"eXIf", exif
    compressor = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        if compressed := compressor.compress(_filtered(image, top, min(top + rows, height))):
            yield b"IDAT", compressed
    yield b"IDAT", compressor.flush()
    yield b"IEND", b""


def _filtered(image: Image.Image, top: int, bottom: int) -> NDArray[np.uint8]:
    """The rows from `top` to before `bottom`, each behind the number of its filter; uint8, one row of samples each."""
    # What is cropped from outside the image is 0, just as the filter wants its neighbours there.
    pixels = np.asarray(image.crop((-1, top - 1, image.width, bottom)))
    samples = pixels.reshape(bottom - top + 1, -1)
    channels = samples.shape[1] // (image.width + 1)
    here, left, above = samples[1:, channels:], samples[1:, :-channels], samples[:-1, channels:]
    mean = ((left ^ above) >> 1) + (left & above)  # which does not leave 8 bits
    rows = np.empty((bottom - top, here.shape[1] + 1), np.uint8)
    rows[:, 0] = _AVERAGE
    np.subtract(here, mean, out=rows[:, 1:])
    return rows


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(content, zlib.crc32(kind)).to_bytes(4)
