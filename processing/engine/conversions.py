"""A network's weights in another precision: made here, beside those that were fetched, with a note of their origin."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from processing.engine import precisions, quantising, recipes
from processing.engine.catalog import Precision
from processing.engine.recipes import Recipe
from processing.engine.weights import Installed, sha256

PRECISIONS: tuple[Precision, ...] = ("int8", "fp16")


def to_int8(installed: Installed, recipe: Recipe) -> Path:
    """Needs no photographs, and seconds. Raises OSError."""

    def convert(target: Path) -> None:
        import onnx

        network = quantising.prepared(onnx.load(installed.path))
        quantising.quantise(network, recipe.reaches)
        onnx.save(network, target)

    return _made(installed, "int8", convert, {"onnx": version("onnx")}, recipe)


def to_fp16(installed: Installed) -> Path:
    """Raises OSError."""

    def convert(target: Path) -> None:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(installed.path), keep_io_types=True), target)

    return _made(installed, "fp16", convert, {"onnx": version("onnx")})


def keep_int8(installed: Installed) -> Path | None:
    """Makes the int8 file where it is not here and intact; None where there is no recipe for one. Raises OSError.

    It follows the shipped recipe, unless workers choose by figures that were measured of another.
    """
    noted = recipes.noted(installed)
    recipe = noted if noted and precisions.has_figures(installed) else recipes.shipped(installed)
    if recipe is None:
        return None
    if recipe == noted and installed.has_intact("int8"):
        return installed.converted("int8")
    return to_int8(installed, recipe)


def _made(
    installed: Installed,
    precision: Precision,
    convert: Callable[[Path], None],
    made_by: dict[str, str],
    recipe: Recipe | None = None,
) -> Path:
    """The note comes into place last: a file without the right one is not used."""
    target, note = installed.converted(precision), installed.note(precision)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".convert-") as scratch:
        made, noted = Path(scratch, target.name), Path(scratch, note.name)
        convert(made)
        origin = {"source": sha256(installed.path), "sha256": sha256(made), "made_by": made_by}
        content = {**origin, "recipe": asdict(recipe)} if recipe else origin
        noted.write_text(json.dumps(content, indent=2), "utf-8")
        note.unlink(missing_ok=True)
        made.replace(target)
        noted.replace(note)
    return target
