"""Large images in parts that fit a processor's cache, so that memory does not grow with the image."""

from collections.abc import Iterator
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 128

type Box = tuple[int, int, int, int]


def tiles(size: tuple[int, int], side_px: int = SIDE_PX) -> Iterator[Box]:
    """Left, top, right, bottom of each."""
    width, height = size
    for top in range(0, height, side_px):
        for left in range(0, width, side_px):
            yield left, top, min(left + side_px, width), min(top + side_px, height)


def shrinking_to(max_pixels: int, size: tuple[int, int]) -> int:
    """How many times smaller in width and height an image of this size has to become."""
    return ceil(sqrt(size[0] * size[1] / max_pixels))


def enlarged(small: Image.Image, box: Box, shrinking: int) -> NDArray[np.float32]:
    """The part that is `box` once the image is larger again; shape (height, width) and channels if it has more."""
    left, top, right, bottom = box
    source = (left / shrinking, top / shrinking, right / shrinking, bottom / shrinking)
    return np.asarray(small.resize((right - left, bottom - top), Image.Resampling.BILINEAR, source), np.float32)
