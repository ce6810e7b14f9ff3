"""The foreground's own colours, without the background's share in hair, fur and soft edges.

Blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", 2021): the colours of foreground and background
are means of their surroundings weighted by alpha, corrected by what they leave unexplained of each pixel. The means
are smooth, so a small copy of the image is enough for them; the correction of each pixel brings the detail back.
"""

import numpy as np
from PIL import Image

from processing.engine.arrays import Values, image, means, shares, values
from processing.engine.tiles import enlarged, shrinking_to, tiles

MAX_PIXELS = 60_000
RADIUS_PX = 3  # in the small copy, and in copies of half the size each before that
SMALLEST_SIDE_PX = 50
# Networks hardly ever say 255: in what they are sure of, the background's share is not visible.
OPAQUE = 252

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
        part = translucent.crop(box).getbbox()
        if part is None:
            continue
        left, top = box[:2]
        box = (left + part[0], top + part[1], left + part[2], top + part[3])
        around = [enlarged(colours, box, shrinking) for colours in (foreground, background)]
        share = shares(alpha.crop(box))[..., np.newaxis]
        unexplained = _unexplained(values(rgb.crop(box)), share, *around)
        rgb.paste(image(around[0] + share * unexplained), box, translucent.crop(box))
    return rgb


def _surroundings(rgb: Image.Image, alpha: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The mean colours of foreground and background around each pixel, from wide surroundings to narrow ones."""
    colours, share = values(rgb), shares(alpha)[..., np.newaxis]
    own = other = colours
    if min(rgb.size) > SMALLEST_SIDE_PX:
        wider = _surroundings(rgb.reduce(2), alpha.reduce(2))
        own, other = (values(around.resize(rgb.size, _SMOOTH)) for around in wider)
        unexplained = _unexplained(colours, share, own, other)
        own, other = own + share * unexplained, other + (1 - share) * unexplained
    return image(_weighted(own, share)), image(_weighted(other, 1 - share))


def _weighted(colours: Values, weights: Values) -> Values:
    """Means of a box around each pixel."""
    sums = means(np.concatenate([colours * weights, weights], axis=2), 2 * RADIUS_PX + 1)
    return sums[..., :3] / (sums[..., 3:] + _NO_DIVISION_BY_ZERO)


def _unexplained(colours: Values, share: Values, foreground: Values, background: Values) -> Values:
    """What is left of the image's colours when foreground and background mix by their shares."""
    rest = background - foreground
    rest *= share
    rest += colours
    rest -= background
    return rest
