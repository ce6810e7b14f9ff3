"""Pictures as arrays of shape (height, width), with more axes for channels: types, and the way from and to images."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

# Means of boxes up to this wide are quicker by adding the array to itself, shifted.
ADDED_SIDE_PX = 7

type Matte = NDArray[np.uint8]
type Mask = NDArray[np.bool_]
type Values = NDArray[np.floating]


def values(picture: Image.Image) -> Values:
    """float32, 0 to 255."""
    return np.asarray(picture, np.float32)


def shares(picture: Image.Image) -> Values:
    """float32, 0 to 1."""
    return values(picture) / 255


def image(array: Values) -> Image.Image:
    """Of values from 0 to 255, rounded."""
    return Image.fromarray(array.clip(0, 255).round().astype(np.uint8))


def means(array: Values, side_px: int) -> Values:
    """Of a box of so many pixels, an odd number, around each pixel; beyond the border it goes on as it is there."""
    if side_px > ADDED_SIDE_PX:
        boxes: Values = uniform_filter(array, (side_px, side_px, *[0] * (array.ndim - 2)), mode="nearest")
        return boxes
    reach = side_px // 2
    rows = np.pad(array, ((reach, reach), (reach, reach), *[(0, 0)] * (array.ndim - 2)), mode="edge")
    height, width = array.shape[:2]
    columns = rows[:height].copy()
    for shift in range(1, side_px):
        columns += rows[shift : shift + height]
    sums = columns[:, :width].copy()
    for shift in range(1, side_px):
        sums += columns[:, shift : shift + width]
    sums /= side_px**2
    return sums
