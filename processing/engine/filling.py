"""Colours for what is hidden, made from what is around it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

from processing.engine.tiles import tiles

FILLED_SIDE_PX = 192

_KNOWN_ENOUGH = 0.25
_HARDLY_KNOWN = 1e-4  # where nothing is known, everything counts a little


def filled(rgb: Image.Image, unknown: Image.Image) -> Image.Image:
    """Gives the pixels where `unknown` (mode L) is 255 soft colours that go on from those around. Changes `rgb`."""
    scale = min(1.0, FILLED_SIDE_PX / max(rgb.size))
    size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
    colours = np.asarray(rgb.resize(size, Image.Resampling.BOX, reducing_gap=1.0), np.float32)
    hidden = np.asarray(unknown.resize(size, Image.Resampling.BOX, reducing_gap=1.0), np.float32)
    known = (hidden == 0).astype(np.float32)[..., np.newaxis] + _HARDLY_KNOWN
    _paste_enlarged(Image.fromarray(_spread(colours, known).round().astype(np.uint8)), rgb, unknown)
    return rgb


def _paste_enlarged(small: Image.Image, rgb: Image.Image, mask: Image.Image) -> None:
    across, down = small.width / rgb.width, small.height / rgb.height
    for box in tiles(rgb.size):
        shown = mask.crop(box)
        if shown.getbbox() is None:
            continue
        source = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        rgb.paste(small.resize(shown.size, Image.Resampling.BICUBIC, source), box, shown)


def _spread(colours: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of what is known around each pixel, from as near by as enough is known.

    `colours` is float32 of shape (height, width, 3) in 0..255, `known` of shape (height, width, 1) in 0..1.
    """
    weighted = np.concatenate([colours * known, known], axis=2)
    total = weighted.sum(axis=(0, 1))
    result = np.broadcast_to(total[:3] / total[3:], colours.shape).astype(np.float32)
    side = FILLED_SIDE_PX
    while side > 1:
        sums = uniform_filter(uniform_filter(weighted, (side, side, 0)), (side, side, 0))
        means, weights = sums[..., :3] / sums[..., 3:], sums[..., 3:]
        result += np.minimum(weights / _KNOWN_ENOUGH, 1) * (means - result)
        side //= 2
    return result.clip(0, 255)
