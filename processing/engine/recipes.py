"""How a network's int8 file is made: which convolutions take 8 bits, and how far the values reach that enter them.

Those that ship with Mattery stand in models_store/int8, one file for a version. `models tune --calibrate` has made them
from photographs, which nobody needs afterwards: the same weights and recipe always give the same network. The catalog's
figures were measured with it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from processing.engine.catalog import CATALOG_PATH
from processing.engine.weights import Installed

FOLDER = CATALOG_PATH.parent / "int8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """`source`: the weights' SHA-256. `views`: how many photographs it was made from. `reaches`: by convolution, the
    largest value that 8 bits can hold of what enters it; the smallest is 0."""

    source: str
    views: int
    reaches: dict[str, float]


def shipped(installed: Installed) -> Recipe | None:
    recipe = _read(FOLDER / f"{installed.model.name}-{installed.version.version}.json")
    return recipe if recipe and recipe.source == installed.version.sha256 else None


def noted(installed: Installed) -> Recipe | None:
    """The one by which the int8 file that is here was made, as the note beside it says."""
    path = installed.note("int8")
    try:
        return _noted(path, path.stat().st_mtime_ns)
    except OSError:  # not there, or not for this process to read
        return None


@cache
def _read(path: Path) -> Recipe | None:
    return Recipe(**json.loads(path.read_text("utf-8"))) if path.is_file() else None


@cache
def _noted(path: Path, _mtime_ns: int) -> Recipe | None:
    try:
        return Recipe(**json.loads(path.read_text("utf-8"))["recipe"])
    except (KeyError, TypeError, ValueError):  # without one, or damaged
        return None
