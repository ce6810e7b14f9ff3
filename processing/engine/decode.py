"""From the bytes of an upload to pixels. Needs Pillow and pillow-heif only.

`inspect` reads no more than the header, in milliseconds; `decode` unpacks what it has let through. Of an animation or
of several pages, the first is taken. Whatever is wrong with the bytes comes out as an ImageError.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import pillow_heif
from PIL import Image, UnidentifiedImageError

from processing.engine import exif, pixels, tags
from processing.engine.bombs import refuse_bomb
from processing.engine.errors import (
    BadDimensions,
    DecompressionBomb,
    ImageCorrupt,
    ImageTruncated,
    TooManyBytes,
    TooManyPixels,
)
from processing.engine.exif import PILLOW_ERRORS
from processing.engine.formats import Format, sniff
from processing.engine.placement import Size

pillow_heif.register_heif_opener(thumbnails=False)

_REDUCIBLE = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
_BOMB_ERRORS = (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)
_TRUNCATED = re.compile(r"truncated|end of file|unexpected end|not enough|too short", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an upload may be. Beyond 178 million pixels Pillow refuses by itself."""

    max_bytes: int = 22_000_000
    max_pixels: int = 50_000_000
    max_side_px: int = 32_768


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says; width and height are those of the upright image."""

    format: Format
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """`rgb` is upright 8-bit sRGB; `alpha` (mode L) is there unless the image is opaque."""

    rgb: Image.Image
    alpha: Image.Image | None
    info: ImageInfo
    original_exif: bytes

    @property
    def exif(self) -> bytes:
        """To go with a result; empty where there is none."""
        return exif.kept(self.original_exif)


def inspect(data: bytes, limits: Limits) -> ImageInfo:
    """Raises an ImageError for what is not an image or is over the limits."""
    with _opened(data, limits) as (_, info):
        return info


def decode(data: bytes, limits: Limits, *, enough: Callable[[ImageInfo], Size | None] = lambda _: None) -> Decoded:
    """`enough` gives a (width, height) that will do, None for all.

    The pixels may then be fewer than `info` says. Raises an ImageError, as `inspect` does or because the image breaks
    off or is damaged.
    """
    with _opened(data, limits) as (image, info):
        found = _exif(image)  # before the pixels: a PNG may have another behind them, which `inspect` does not see
        orientation = tags.orientation(found)
        needed = enough(info)
        if needed is not None and orientation in pixels.SIDEWAYS:
            needed = needed[::-1]
        rgb, alpha = pixels.to_srgb(_loaded(image, needed))
        rgb = pixels.upright(rgb, orientation)
        alpha = alpha and pixels.upright(alpha, orientation)
        rgb.info.clear()  # or Pillow would write the file's profile and comment into whatever is saved of it
        return Decoded(rgb, alpha, info, exif.PREFIX + found if found else b"")


def _loaded(image: Image.Image, enough: Size | None) -> Image.Image:
    """Unpacks of a JPEG no more than a power of two above what is enough. What is more than twice as large even so is
    reduced, where its pixels are colours of which there are means."""
    if enough is not None:
        image.draft(None, enough)
    image.load()
    if enough is None or image.mode not in _REDUCIBLE or "transparency" in image.info:
        return image
    shrinking = min(image.width // (2 * enough[0]), image.height // (2 * enough[1]))
    if shrinking < 2:
        return image
    small = image.reduce(shrinking)
    image.close()  # gives back the memory before the colours take more
    return small


@contextmanager
def _opened(data: bytes, limits: Limits) -> Iterator[tuple[Image.Image, ImageInfo]]:
    if len(data) > limits.max_bytes:
        raise TooManyBytes(f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are allowed.")
    file_format = sniff(data)
    refuse_bomb(data, file_format)
    with _translated_errors(), Image.open(BytesIO(data), formats=[file_format]) as image:
        width, height = image.size
        if tags.orientation(_exif(image)) in pixels.SIDEWAYS:
            width, height = height, width
        _check_dimensions(width, height, limits)
        yield image, ImageInfo(file_format, width, height)


def _check_dimensions(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise ImageCorrupt(f"The image says that it is {width} by {height} pixels.")
    if max(width, height) > limits.max_side_px:
        raise BadDimensions(f"The image is {width} by {height} pixels; a side may have {limits.max_side_px:,} at most.")
    if width * height > limits.max_pixels:
        raise TooManyPixels(
            f"The image has {width} by {height} = {width * height:,} pixels; at most {limits.max_pixels:,} are allowed."
        )


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except _BOMB_ERRORS as error:
        raise DecompressionBomb from error
    except UnidentifiedImageError as error:
        raise ImageCorrupt("The image begins like one, but its header is damaged or breaks off.") from error
    except PILLOW_ERRORS as error:
        if isinstance(error, EOFError) or _TRUNCATED.search(str(error)):
            raise ImageTruncated("The image breaks off before its end. Upload it again.") from error
        raise ImageCorrupt("The image is damaged and cannot be read. Save it again.") from error


def _exif(image: Image.Image) -> bytes:
    """The TIFF stream. Not by `Image.getexif`, which would read every tag, however large."""
    found: bytes = image.info.get("exif") or b""
    return found.removeprefix(exif.PREFIX)
