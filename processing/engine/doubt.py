"""Where a network's matte may be wrong, and where colours tell better than the network.

Mattes are uint8 of shape (height, width), masks bool, colours and shares float32 from 0 to 1.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, maximum_filter

from processing.engine.arrays import Mask, Matte, Values, means

# Beyond these a network is sure, but for where exactly the outline runs.
SURE_BACKGROUND, SURE_FOREGROUND = 12, 243
OUTLINE_SHARE = 1 / 85  # of the longer side: how far a network may be wrong about the outline
# Mahalanobis distance, squared, between the colours on both sides: of a tyre and its shadow, and of fur and leaves.
ALIKE, DISTINCT = 3.0, 10.0
# Width of the matte's soft edge as a share of the longer side: of an arm or a car, and of fur.
CRISP, SOFT = 0.007, 0.009

NEAR, FAR = 6, 14  # how far around colours are compared, in outlines

_HALF = 128
_NEARLY_NONE = 1e-4
_NOISE = 1e-3  # in the colours, as variance


def unknown(matte: Matte) -> Mask:
    """What the matte leaves open, and the outline between foreground and background."""
    outline_px = _outline_px(matte)
    depth = _depth(matte >= SURE_FOREGROUND)
    # Of what is thinner than the outline, the middle stays: a whisker, a strap or a spoke would be lost altogether.
    middle = (depth > 0) & (depth >= 0.9 * maximum_filter(depth, 4 * outline_px + 1))
    in_doubt: Mask = ~(middle | (depth > outline_px) | (_depth(matte <= SURE_BACKGROUND) > outline_px))
    return in_doubt


def trust(colours: Values, matte: Matte, in_doubt: Mask) -> Values:
    """1 where a matte solved from the colours is better than the network's, 0 where it is not.

    Colours tell nothing where they are alike on both sides; and where the network draws a crisp edge, there is one.
    """
    outline_px = _outline_px(matte)
    near, far = NEAR * outline_px + 1, FAR * outline_px + 1
    separation = _separation(colours, matte, in_doubt, near)
    separation = np.where(np.isinf(separation), _separation(colours, matte, in_doubt, far), separation)
    shares = _ramp(separation, ALIKE, DISTINCT) * _ramp(_softness(matte, near)[in_doubt], CRISP, SOFT)
    trusted = np.zeros(matte.shape, np.float32)
    trusted[in_doubt] = shares
    smooth: Values = means(trusted, 5) / np.maximum(means(in_doubt.astype(np.float32), 5), _NEARLY_NONE)
    return smooth


def _separation(colours: Values, matte: Matte, in_doubt: Mask, side: int) -> Values:
    """For each pixel in doubt, how far the foreground's colours are from the background's, in their spreads, squared.

    Infinite where there is only one of them around.
    """
    centres, spreads, is_known = [], [_NOISE * np.eye(3, dtype=np.float32)], np.ones(in_doubt.sum(), bool)
    for sure in (matte >= SURE_FOREGROUND, matte <= SURE_BACKGROUND):
        weights = sure.astype(np.float32)[..., np.newaxis]
        weight = means(weights, side)[in_doubt]
        is_known &= weight[:, 0] > _NEARLY_NONE
        weight = np.maximum(weight, _NEARLY_NONE)
        mean = means(colours * weights, side)[in_doubt] / weight
        products = (colours[..., :, np.newaxis] * colours[..., np.newaxis, :]).reshape(*matte.shape, 9)
        mean_product = (means(products * weights, side)[in_doubt] / weight).reshape(-1, 3, 3)
        centres.append(mean)
        spreads.append(mean_product - mean[:, :, np.newaxis] * mean[:, np.newaxis, :])
    apart = (centres[0] - centres[1])[..., np.newaxis]
    distances = (apart * np.linalg.solve(sum(spreads[1:], start=spreads[0]), apart)).sum(axis=(1, 2))
    return np.where(is_known, distances, np.inf).astype(np.float32)


def _softness(matte: Matte, side: int) -> Values:
    """The width of the soft edge around each pixel, as a share of the longer side; infinite without an edge."""
    foreground = matte > _HALF
    outline = foreground & ~binary_erosion(foreground, border_value=1)
    is_soft = (matte > SURE_BACKGROUND) & (matte < SURE_FOREGROUND)
    lengths, areas = (means(mask.astype(np.float32), side) for mask in (outline, is_soft))
    has_outline = lengths > _NEARLY_NONE
    widths = np.divide(areas, lengths, out=np.full_like(areas, np.inf), where=has_outline)
    shares: Values = widths / max(matte.shape)
    return shares


def _outline_px(matte: Matte) -> int:
    longer_px: int = max(matte.shape)
    return max(1, round(longer_px * OUTLINE_SHARE))


def _depth(mask: Mask) -> NDArray[np.float64]:
    """The distance in pixels to where the mask ends; beyond the image it goes on."""
    depth: NDArray[np.float64] = distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    return depth


def _ramp(values: Values, low: float, high: float) -> Values:
    return ((values - low) / (high - low)).clip(0, 1)
