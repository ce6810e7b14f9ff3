"""Closed-form matting: Levin, Lischinski, Weiss, "A Closed-Form Solution to Natural Image Matting", 2008.

In a window of 3x3 pixels, alpha is taken to be a linear function of the colour. What contradicts that least is the
solution of a sparse system with an unknown for every pixel in doubt, which is solved directly: some tens of thousands
of them lie along an outline, take a fraction of a second and need no preconditioner that might not exist.
"""

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import splu

from processing.engine.arrays import Mask, Values

REGULARISATION = 1e-7

_SQUARE = np.ones((3, 3), bool)
_WINDOW_PIXELS = 9


def alpha(colours: Values, known: Values, unknown: Mask, *, regularisation: float = REGULARISATION) -> Values:
    """Shape (height, width), 0 to 1. `colours` has shape (height, width, 3), all values 0 to 1.

    What is not `unknown` is taken from `known`. Raises RuntimeError where the equations have no single solution.
    """
    laplacian = _laplacian(colours.astype(np.float64), unknown, regularisation)
    in_doubt, certain = np.flatnonzero(unknown), np.flatnonzero(~unknown)
    rows = laplacian[in_doubt]
    right_side = -(rows[:, certain] @ known.ravel()[certain])
    # The matrix is symmetric and positive definite, so the order of elimination needs no pivots.
    factors = splu(
        rows[:, in_doubt].tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    solved = known.copy()
    solved[unknown] = factors.solve(right_side).clip(0, 1)
    return solved


def _laplacian(colours: Values, unknown: Mask, regularisation: float) -> csr_array:
    """Of all pixels, from those windows that hold an unknown one."""
    width = unknown.shape[1]
    centres = binary_dilation(unknown, _SQUARE)
    centres[[0, -1]] = centres[:, [0, -1]] = False
    offsets = (np.arange(-1, 2)[:, np.newaxis] * width + np.arange(-1, 2)).ravel()
    pixels = (np.flatnonzero(centres)[:, np.newaxis] + offsets).astype(np.int32)
    differences = colours.reshape(-1, 3)[pixels]
    differences -= differences.mean(axis=1, keepdims=True)
    covariances = (differences.transpose(0, 2, 1) @ differences + regularisation * np.eye(3)) / _WINDOW_PIXELS
    affinities = (differences @ np.linalg.inv(covariances) @ differences.transpose(0, 2, 1) + 1) / _WINDOW_PIXELS
    rows = np.repeat(pixels, _WINDOW_PIXELS, axis=1).ravel()
    columns = np.tile(pixels, _WINDOW_PIXELS).ravel()
    values = (np.eye(_WINDOW_PIXELS) - affinities).ravel()
    return coo_array((values, (rows, columns)), shape=(unknown.size, unknown.size)).tocsr()
