"""From an image to its matte, as rembg makes it, so that the same network gives the same result.

The image is squeezed into the network's square, divided by its largest value and normalised; the network's first
output is stretched to 0..255 and resized back.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, grey_opening
from scipy.special import expit

from processing.engine.catalog import Model

# Networks see a foreground with a probability near 1. On an empty picture they hardly reach 0.3, and stretching
# that to the full range would invent a foreground.
MIN_CONTRAST = 0.4

_RESAMPLING = {"lanczos": Image.Resampling.LANCZOS, "bilinear": Image.Resampling.BILINEAR}
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


def network_input(rgb: Image.Image, model: Model) -> NDArray[np.float32]:
    """float32 of shape (1, 3, side, side), normalised as the network was trained."""
    side = model.input_px
    squeezed = np.asarray(rgb.resize((side, side), _RESAMPLING[model.resample]))
    scaled = squeezed / max(squeezed.max(), 1e-6)
    normalised: NDArray[np.float64] = (scaled - model.mean) / model.std
    return normalised.transpose(2, 0, 1)[np.newaxis].astype(np.float32)


def full_size_matte(prediction: NDArray[np.float32], model: Model, size: tuple[int, int]) -> Image.Image:
    """Mode L, 0 background to 255 foreground; all 0 where the network saw no foreground.

    `prediction` is float32 of shape (channels, side, side), `size` the (width, height) of the image.
    """
    small = Image.fromarray(_stretched(_activated(prediction, model)))
    return small.resize(size, _RESAMPLING[model.resample])


def _activated(prediction: NDArray[np.float32], model: Model) -> NDArray[np.float32]:
    if model.activation == "argmax":
        return (prediction.argmax(axis=0) > 0).astype(np.float32)
    first: NDArray[np.float32] = expit(prediction[0]) if model.activation == "sigmoid" else prediction[0]
    return first


def _stretched(prediction: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = prediction.min(), prediction.max()
    if not high - low > MIN_CONTRAST:  # "not": a NaN has no contrast either
        return np.zeros(prediction.shape, np.uint8)
    stretched = (prediction - low) / (high - low)
    return (stretched.clip(0, 1) * 255).astype(np.uint8)


def smoothed(matte: Image.Image) -> Image.Image:
    """A hard mask with a smooth outline: specks removed, then blurred and cut at half."""
    opened = grey_opening(np.asarray(matte), footprint=_CROSS)
    blurred = gaussian_filter(opened.astype(np.float32), sigma=2)
    return Image.fromarray(np.where(blurred < 127, 0, 255).astype(np.uint8))
