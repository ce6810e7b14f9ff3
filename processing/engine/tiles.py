"""Large images in parts that fit a processor's cache, so that memory does not grow with the image."""

from collections.abc import Iterator
from math import ceil, sqrt

from PIL import Image

from processing.engine.arrays import Values, values
from processing.engine.placement import Box, Size

SIDE_PX = 128


def tiles(size: Size, side_px: int = SIDE_PX) -> Iterator[Box]:
    """Left, top, right, bottom of each."""
    width, height = size
    for top in range(0, height, side_px):
        for left in range(0, width, side_px):
            yield left, top, min(left + side_px, width), min(top + side_px, height)


def shrinking_to(max_pixels: int, size: Size) -> int:
    """How many times smaller in width and height an image of this size has to become."""
    return ceil(sqrt(size[0] * size[1] / max_pixels))


def enlarged(small: Image.Image, box: Box, shrinking: int) -> Values:
    """float32, the part that is `box` once the image is larger again."""
    left, top, right, bottom = box
    source = (left / shrinking, top / shrinking, right / shrinking, bottom / shrinking)
    return values(small.resize((right - left, bottom - top), Image.Resampling.BILINEAR, source))
