"""Measures every precision of a network on this machine, and makes the files that some of them need.

A precision is used only where its mattes stay close to those of fp32, so accuracy and speed are measured together, on
photographs that the catalog names. int8 is static quantisation of the convolutions with a scale for each channel; those
next to the pixels stay as they are, because there a rounding error is seen in the matte's outline.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import fmean, median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processing.engine import matte, providers, sources
from processing.engine.catalog import Catalog, Precision
from processing.engine.errors import ModelError, NotAnImage
from processing.engine.precisions import Figure
from processing.engine.providers import Provider
from processing.engine.sessions import Session
from processing.engine.weights import Installed

RUNS = 7
FIRST_KEPT = 4
LAST_KEPT_SHARE = 1 / 3

Batch = NDArray[np.float32]
Report = Callable[[str], None]


def photographs(catalog: Catalog, folder: Path | None = None) -> list[Image.Image]:
    """A folder's images, else the catalog's, which are fetched. Raises ModelDownloadFailed, NotAnImage or OSError."""
    if folder is not None:
        paths = [path for path in sorted(folder.iterdir()) if path.is_file()]
        if not paths:
            raise NotAnImage(f"There are no photographs in {folder}.")
        return [_rgb(path) for path in paths]
    with tempfile.TemporaryDirectory(prefix="mattery-") as scratch:
        paths = [Path(scratch, str(number)) for number, _ in enumerate(catalog.calibration)]
        for source, path in zip(catalog.calibration, paths, strict=True):
            sources.fetch(source, path, base_url="", progress=lambda _: None)
        return [_rgb(path) for path in paths]


def views(photos: Sequence[Image.Image]) -> Iterator[Image.Image]:
    """Each photograph, mirrored and from closer by: more to measure than there are photographs."""
    for photo in photos:
        width, height = photo.size
        yield photo
        yield photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        yield photo.crop((width // 6, height // 6, width - width // 6, height - height // 6))


def tune(installed: Installed, photos: Sequence[Image.Image], *, threads: int, report: Report) -> list[Figure]:
    """Figures of all providers and precisions that work here; files are made, and those that miss the bar removed.

    Raises ModelError when not even fp32 works.
    """
    batches = [matte.network_input(view, installed.model) for view in views(photos)]
    exact = _mattes(Session(installed, providers.PROVIDERS["cpu"], _figure("cpu", "fp32"), threads=threads), batches)
    tried = providers.named("auto")
    for precision in {each for provider in tried for each in provider.converts.intersection(provider.precisions())}:
        make(installed, precision, batches)
    figures: list[Figure] = []
    for provider in tried:
        for precision in provider.precisions():
            try:
                figure = _measured(installed, provider, precision, batches, exact, threads)
            except ModelError as error:
                report(f"{provider.name} {precision}: {error.detail}")
            else:
                figures.append(figure)
                report(str(figure))
    _remove_unusable(installed, figures)
    return figures


def make(installed: Installed, precision: Precision, batches: Sequence[Batch]) -> Path:
    """The network's weights in another precision, with a note of where they come from beside them."""
    target = installed.converted(precision)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tune-") as scratch:
        made = Path(scratch, target.name)
        _CONVERSIONS[precision](installed, batches, made)
        note = {
            "source": _hash(installed.path),
            "sha256": _hash(made),
            "made_by": {name: _version(name) for name in ("onnx", "onnxruntime", "onnxruntime-gpu")},
            "photographs": len(batches),
        }
        made.replace(target)
        target.with_suffix(".json").write_text(json.dumps(note, indent=2), "utf-8")
    return target


def _to_int8(installed: Installed, batches: Sequence[Batch], target: Path) -> None:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    network = onnx.version_converter.convert_version(onnx.load(installed.path), 17)  # scales for channels need 13
    prepared = target.with_suffix(".prepared")
    onnx.save(onnx.shape_inference.infer_shapes(network), prepared)
    name = network.graph.input[0].name

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(batches)

        def get_next(self) -> dict[str, Batch] | None:
            return next(({name: batch} for batch in self._rest), None)

    quantize_static(
        prepared,
        target,
        Batches(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=_next_to_pixels(network),
        extra_options={"CalibMovingAverage": True},  # one photograph's extremes do not coarsen the scale for all
    )


def _next_to_pixels(network: "onnx.ModelProto") -> list[str]:  # type: ignore[name-defined]  # noqa: F821
    """Names of the convolutions that give a matte, of the first of the others, and of the last third."""
    channels = {weights.name: weights.dims[0] for weights in network.graph.initializer}
    convolutions = [node for node in network.graph.node if node.op_type == "Conv"]
    inner = [node.name for node in convolutions if channels.get(node.input[1]) != 1]
    quantised = inner[FIRST_KEPT : round(len(inner) * (1 - LAST_KEPT_SHARE))]
    return [node.name for node in convolutions if node.name not in quantised]


def _to_fp16(installed: Installed, _batches: Sequence[Batch], target: Path) -> None:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(installed.path), keep_io_types=True), target)


_CONVERSIONS: dict[Precision, Callable[[Installed, Sequence[Batch], Path], None]] = {
    "int8": _to_int8,
    "fp16": _to_fp16,
}


def _measured(
    installed: Installed,
    provider: Provider,
    precision: Precision,
    batches: Sequence[Batch],
    exact: Sequence[NDArray[np.float32]],
    threads: int,
) -> Figure:
    session = Session(installed, provider, _figure(provider.name, precision), threads=threads)
    mattes = _mattes(session, batches)
    errors = [float(np.abs(found - truth).mean()) for found, truth in zip(mattes, exact, strict=True)]
    return Figure(
        provider=provider.name,
        precision=precision,
        matte_error=round(fmean(errors), 5),
        inference_ms=round(median(_times_ms(session, batches[0])), 1),
    )


def _mattes(session: Session, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
    side = (session.model.input_px, session.model.input_px)
    return [
        np.asarray(matte.full_size_matte(session.predict(batch), session.model, side), np.float32) / np.float32(255)
        for batch in batches
    ]


def _times_ms(session: Session, batch: Batch) -> Iterator[float]:
    for _ in range(RUNS):
        started = perf_counter()
        session.predict(batch)
        yield (perf_counter() - started) * 1000


def _remove_unusable(installed: Installed, figures: Sequence[Figure]) -> None:
    for precision in _CONVERSIONS:
        if not any(figure.is_allowed for figure in figures if figure.precision == precision):
            for path in (installed.converted(precision), installed.converted(precision).with_suffix(".json")):
                path.unlink(missing_ok=True)


def _figure(provider: str, precision: Precision) -> Figure:
    return Figure(provider=provider, precision=precision, matte_error=0.0)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
