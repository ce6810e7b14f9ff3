"""Hair, fur and glass: a better alpha along the outline, and the foreground's own colours there.

Closed-form matting (Levin, Lischinski, Weiss 2008) and multi-level foreground estimation (Germer and others, 2020),
both as PyMatting has them. Their cost grows faster than the image, so both work on a reduced copy of a large one.
Importing this module compiles them, which takes most of a minute the first time on a machine.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pymatting.alpha.estimate_alpha_cf import estimate_alpha_cf
from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml
from scipy.ndimage import binary_erosion

MAX_ALPHA_PIXELS = 640_000
MAX_FOREGROUND_PIXELS = 4_000_000

_UNKNOWN = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimap:
    """Above and below which values of the matte (0..255) a pixel is certain, but for an outline of some pixels."""

    foreground_threshold: int
    background_threshold: int
    erode_px: int


def refined_alpha(rgb: Image.Image, matte: Image.Image, trimap: Trimap) -> Image.Image:
    """Mode L. The matte itself where it leaves nothing to refine, or nothing certain to start from."""
    size, scale = _reduced(rgb.size, MAX_ALPHA_PIXELS)
    known = _known(np.asarray(matte.resize(size)), trimap, scale)
    if len(np.unique(known)) < 3:
        return matte
    try:
        alpha = estimate_alpha_cf(np.asarray(rgb.resize(size)) / 255.0, known / 255.0)
    except ValueError:  # no preconditioner was found for the equations of this image
        return matte
    return Image.fromarray((alpha * 255).round().astype(np.uint8)).resize(rgb.size)


def _known(matte: NDArray[np.uint8], trimap: Trimap, scale: float) -> NDArray[np.uint8]:
    """255 certain foreground, 0 certain background, 128 in between."""
    foreground = matte > trimap.foreground_threshold
    background = matte < trimap.background_threshold
    if side := round(trimap.erode_px * scale):
        structure = np.ones((side, side), bool)
        foreground = binary_erosion(foreground, structure)
        background = binary_erosion(background, structure, border_value=1)
    known = np.full(matte.shape, _UNKNOWN, np.uint8)
    known[foreground] = 255
    known[background] = 0
    return known


def with_foreground_colours(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """The image with the background's share taken out of its translucent pixels. Changes `rgb` itself."""
    size, _ = _reduced(rgb.size, MAX_FOREGROUND_PIXELS)
    foreground = estimate_foreground_ml(
        np.asarray(rgb.resize(size), np.float32) / 255, np.asarray(alpha.resize(size), np.float32) / 255
    )
    colours = Image.fromarray((foreground.clip(0, 1) * 255).round().astype(np.uint8))
    translucent = alpha.point([255 if 0 < value < 255 else 0 for value in range(256)])
    rgb.paste(colours.resize(rgb.size), mask=translucent)
    return rgb


def _reduced(size: tuple[int, int], max_pixels: int) -> tuple[tuple[int, int], float]:
    scale = min(1.0, (max_pixels / (size[0] * size[1])) ** 0.5)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))), scale
