"""The foreground's own colours, without the background's share in hair, fur and soft edges.

Blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", 2021): the colours of foreground and background
are means of their surroundings weighted by alpha, corrected by what they leave unexplained of each pixel. The means
are smooth, so a small copy of the image is enough for them; the correction of each pixel brings the detail back.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

from processing.engine.tiles import enlarged, shrinking_to, tiles

MAX_PIXELS = 60_000
RADIUS_PX = 3  # in the small copy, and in copies of half the size each before that
SMALLEST_SIDE_PX = 50
# Networks hardly ever say 255: in what they are sure of, the background's share is not visible.
OPAQUE = 252

type Colours = NDArray[np.floating]  # of shape (height, width, channels), 0 to 255

_NO_DIVISION_BY_ZERO = 1e-3
_SMOOTH = Image.Resampling.BILINEAR
_TRANSLUCENT = [255 if 0 < value < OPAQUE else 0 for value in range(256)]


def with_foreground_colours(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """The image with the background's share taken out of its translucent pixels. Changes `rgb` itself."""
    translucent = alpha.point(_TRANSLUCENT)
    if translucent.getbbox() is None:
        return rgb
    shrinking = shrinking_to(MAX_PIXELS, rgb.size)
    foreground, background = _surroundings(rgb.reduce(shrinking), alpha.reduce(shrinking))
    for box in tiles(rgb.size):
        mask = translucent.crop(box)
        if mask.getbbox() is None:
            continue
        around = (enlarged(colours, box, shrinking) for colours in (foreground, background))
        own, _ = _corrected(np.asarray(rgb.crop(box), np.float32), _shares(alpha.crop(box)), *around)
        rgb.paste(_image(own), box, mask)
    return rgb


def _surroundings(rgb: Image.Image, alpha: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The mean colours of foreground and background around each pixel, from wide surroundings to narrow ones."""
    colours, shares = np.asarray(rgb, np.float32), _shares(alpha)
    own = other = colours
    if min(rgb.size) > SMALLEST_SIDE_PX:
        wider = _surroundings(rgb.reduce(2), alpha.reduce(2))
        enlarged_means = (np.asarray(means.resize(rgb.size, _SMOOTH), np.float32) for means in wider)
        own, other = _corrected(colours, shares, *enlarged_means)
    return _image(_means(own, shares)), _image(_means(other, 1 - shares))


def _means(colours: Colours, weights: Colours) -> Colours:
    """Of a box around each pixel."""
    side = 2 * RADIUS_PX + 1
    sums = uniform_filter(np.concatenate([colours * weights, weights], axis=2), (side, side, 0), mode="nearest")
    means: Colours = sums[..., :3] / (sums[..., 3:] + _NO_DIVISION_BY_ZERO)
    return means


def _corrected(colours: Colours, shares: Colours, foreground: Colours, background: Colours) -> tuple[Colours, Colours]:
    """Foreground and background, moved towards colours that mix by their shares to the image's."""
    unexplained = colours - background - shares * (foreground - background)
    return foreground + shares * unexplained, background + (1 - shares) * unexplained


def _shares(alpha: Image.Image) -> Colours:
    """float32 of shape (height, width, 1), 0 to 1."""
    return np.asarray(alpha, np.float32)[..., np.newaxis] / 255


def _image(colours: Colours) -> Image.Image:
    return Image.fromarray(colours.clip(0, 255).round().astype(np.uint8))
