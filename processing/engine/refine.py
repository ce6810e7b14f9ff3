"""Hair, fur and other edges finer than a network sees them: a matte solved anew along its outline.

Closed-form matting grows faster than the number of pixels in doubt, so it works on a reduced copy of a large image.
The result is enlarged along the image's own edges (He, Sun, "Fast Guided Filter", 2015).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from processing.engine import closed_form, doubt
from processing.engine.arrays import Mask, Matte, Values, image, means, shares, values
from processing.engine.placement import Size
from processing.engine.tiles import enlarged, shrinking_to, tiles

MAX_PIXELS = 200_000
MAX_IN_DOUBT = 40_000
REGULARISATION = 1e-6
DETAIL_REGULARISATION = 1e-4  # how much contrast an edge needs to shape the enlarged matte
WINDOW_PX = 3

MAX_ALPHA_PIXELS = 640_000
MAX_UNKNOWN_PIXELS = 60_000

_UNKNOWN = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimap:
    """Above and below which values of the matte (0..255) a pixel is certain, but for an outline of some pixels."""

    foreground_threshold: int
    background_threshold: int
    erode_px: int


def refined(rgb: Image.Image, matte: Image.Image) -> Image.Image:
    """Mode L. The matte itself where it leaves nothing to refine, or nothing certain to start from."""
    small_matte, in_doubt, shrinking = _small(matte)
    foreground = small_matte > _UNKNOWN
    if not in_doubt.any() or len(np.unique(foreground[~in_doubt])) < 2:
        return matte
    small = rgb.reduce(shrinking)
    colours = shares(small)
    try:
        alpha = closed_form.alpha(colours, foreground.astype(np.float64), in_doubt, regularisation=REGULARISATION)
    except RuntimeError:  # an image of a pixel or two in width
        return matte
    trusted = doubt.trust(colours, small_matte, in_doubt)[in_doubt]
    alpha[in_doubt] = small_matte[in_doubt] / 255 * (1 - trusted) + alpha[in_doubt] * trusted
    return _enlarged(alpha.astype(np.float32), small, rgb, shrinking)


def _small(matte: Image.Image) -> tuple[Matte, Mask, int]:
    """A copy, what of it is in doubt, and how many times smaller it is: the more, the more is in doubt."""
    shrinking = shrinking_to(MAX_PIXELS, matte.size)
    while True:
        small = np.asarray(matte.reduce(shrinking))
        in_doubt = doubt.unknown(small)
        if np.count_nonzero(in_doubt) <= MAX_IN_DOUBT:
            return small, in_doubt, shrinking
        shrinking += 1


def _enlarged(alpha: Values, small: Image.Image, rgb: Image.Image, shrinking: int) -> Image.Image:
    """To the size of `rgb`, of which `small` is the copy that `alpha` (0..1) belongs to."""
    slopes = _slopes(alpha, shares(small))
    has_detail = Image.fromarray((slopes != 0).any(axis=2).astype(np.uint8))
    coarse, *steepness = (Image.fromarray(plane) for plane in (alpha * 255, *np.moveaxis(slopes, 2, 0).copy()))
    result = image(alpha * 255).resize(rgb.size, Image.Resampling.BILINEAR)
    for box in tiles(rgb.size):
        if not enlarged(has_detail, box, shrinking).any():
            continue
        detail = values(rgb.crop(box)) - enlarged(small, box, shrinking)
        along_edges = (enlarged(slope, box, shrinking) * detail[..., i] for i, slope in enumerate(steepness))
        result.paste(image(sum(along_edges, start=enlarged(coarse, box, shrinking))), box)
    return result


def _slopes(alpha: Values, colours: Values) -> Values:
    """Shape (height, width, 3): how alpha goes with each channel in a pixel's surroundings."""
    mean_colours, mean_alpha = means(colours, WINDOW_PX), means(alpha, WINDOW_PX)
    together = means(colours * alpha[..., np.newaxis], WINDOW_PX) - mean_colours * mean_alpha[..., np.newaxis]
    products, product_of_means = (each[..., np.newaxis] * each[..., np.newaxis, :] for each in (colours, mean_colours))
    spread = means(products, WINDOW_PX) - product_of_means + DETAIL_REGULARISATION * np.eye(3, dtype=np.float32)
    changing = maximum_filter(alpha, WINDOW_PX) > minimum_filter(alpha, WINDOW_PX)
    slopes = np.zeros_like(colours)
    slopes[changing] = np.linalg.solve(spread[changing], together[changing][..., np.newaxis])[..., 0]
    return means(slopes, WINDOW_PX)


def refined_alpha(rgb: Image.Image, matte: Image.Image, trimap: Trimap) -> Image.Image:
    """Mode L, as rembg's `alpha_matting`. The matte itself where it leaves nothing to refine, or nothing certain.

    The time grows with the pixels in doubt, so an image with many of them is reduced further.
    """
    known = _known(matte, trimap, MAX_ALPHA_PIXELS)
    unknown_share = np.count_nonzero(known == _UNKNOWN) / known.size
    if unknown_share * known.size > MAX_UNKNOWN_PIXELS:
        known = _known(matte, trimap, MAX_UNKNOWN_PIXELS / unknown_share)
    if len(np.unique(known)) < 3:
        return matte
    small = rgb.resize((known.shape[1], known.shape[0]))
    try:
        alpha = closed_form.alpha(np.asarray(small) / 255, known / 255, known == _UNKNOWN)
    except RuntimeError:  # an image of a pixel or two in width
        return matte
    return image(alpha * 255).resize(rgb.size)


def _known(matte: Image.Image, trimap: Trimap, max_pixels: float) -> Matte:
    """255 certain foreground, 0 certain background, 128 in between; at most `max_pixels` of them."""
    size, scale = _reduced(matte.size, max_pixels)
    small = np.asarray(matte.resize(size))
    side = max(1, round(trimap.erode_px * scale))
    foreground = _eroded(small > trimap.foreground_threshold, side, beyond=False)
    background = _eroded(small < trimap.background_threshold, side, beyond=True)
    known = np.full(small.shape, _UNKNOWN, np.uint8)
    known[foreground] = 255
    known[background] = 0
    return known


def _eroded(mask: Mask, side: int, *, beyond: bool) -> Mask:
    """By a square; `beyond` is taken to be outside the image."""
    eroded: Mask = minimum_filter(mask, side, mode="constant", cval=beyond)
    return eroded


def _reduced(size: Size, max_pixels: float) -> tuple[Size, float]:
    scale = min(1.0, (max_pixels / (size[0] * size[1])) ** 0.5)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))), scale
