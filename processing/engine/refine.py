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
from scipy.ndimage import minimum_filter

MAX_ALPHA_PIXELS = 640_000
MAX_UNKNOWN_PIXELS = 60_000
MAX_FOREGROUND_PIXELS = 4_000_000
# A hundred times coarser than PyMatting's default: faster, and on average a hundredth of a step of 1/255 away.
TOLERANCE = 1e-5

_UNKNOWN = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimap:
    """Above and below which values of the matte (0..255) a pixel is certain, but for an outline of some pixels."""

    foreground_threshold: int
    background_threshold: int
    erode_px: int


def refined_alpha(rgb: Image.Image, matte: Image.Image, trimap: Trimap) -> Image.Image:
    """Mode L. The matte itself where it leaves nothing to refine, or nothing certain to start from.

    The time grows with the pixels in doubt, so an image with many of them is reduced further.
    """
    known = _known(matte, trimap, MAX_ALPHA_PIXELS)
    unknown_share = np.count_nonzero(known == _UNKNOWN) / known.size
    if unknown_share * known.size > MAX_UNKNOWN_PIXELS:
        known = _known(matte, trimap, MAX_UNKNOWN_PIXELS / unknown_share)
    if len(np.unique(known)) < 3:
        return matte
    try:
        small = rgb.resize((known.shape[1], known.shape[0]))
        alpha = estimate_alpha_cf(np.asarray(small) / 255.0, known / 255.0, cg_kwargs={"rtol": TOLERANCE})
    except ValueError:  # no preconditioner was found for the equations of this image
        return matte
    return Image.fromarray((alpha * 255).round().astype(np.uint8)).resize(rgb.size)


def _known(matte: Image.Image, trimap: Trimap, max_pixels: float) -> NDArray[np.uint8]:
    """255 certain foreground, 0 certain background, 128 in between; at most `max_pixels` of them."""
    size, scale = _reduced(matte.size, max_pixels)
    values = np.asarray(matte.resize(size))
    side = max(1, round(trimap.erode_px * scale))
    foreground = _eroded(values > trimap.foreground_threshold, side, beyond=False)
    background = _eroded(values < trimap.background_threshold, side, beyond=True)
    known = np.full(values.shape, _UNKNOWN, np.uint8)
    known[foreground] = 255
    known[background] = 0
    return known


def _eroded(mask: NDArray[np.bool_], side: int, *, beyond: bool) -> NDArray[np.bool_]:
    """By a square; `beyond` is taken to be outside the image."""
    eroded: NDArray[np.bool_] = minimum_filter(mask, side, mode="constant", cval=beyond)
    return eroded


def with_foreground_colours(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """The image with the background's share taken out of its translucent pixels. Changes `rgb` itself."""
    translucent = alpha.point([255 if 0 < value < 255 else 0 for value in range(256)])
    if translucent.getbbox() is None or rgb.size == (1, 1):
        return rgb
    size, _ = _reduced(rgb.size, MAX_FOREGROUND_PIXELS)
    foreground = estimate_foreground_ml(
        np.asarray(rgb.resize(size), np.float32) / 255, np.asarray(alpha.resize(size), np.float32) / 255
    )
    colours = Image.fromarray((foreground.clip(0, 1) * 255).round().astype(np.uint8))
    rgb.paste(colours.resize(rgb.size), mask=translucent)
    return rgb


def _reduced(size: tuple[int, int], max_pixels: float) -> tuple[tuple[int, int], float]:
    scale = min(1.0, (max_pixels / (size[0] * size[1])) ** 0.5)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))), scale
