"""Measures every precision of a network on this machine.

A precision is used only where its mattes stay close to those of fp32, so accuracy and speed are measured together, on
photographs that the catalog names.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from PIL import Image

from processing.engine import calibration, conversions, matte, providers, recipes, sources
from processing.engine.calibration import Batch, Mattes, Report
from processing.engine.catalog import Catalog, Precision
from processing.engine.errors import ModelError, NotAnImage
from processing.engine.precisions import Figure
from processing.engine.providers import Provider
from processing.engine.sessions import Session
from processing.engine.weights import Installed

RUNS = 7


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


def tune(
    installed: Installed,
    photos: Sequence[Image.Image],
    *,
    threads: int,
    report: Report,
    calibrates: bool = False,
) -> list[Figure]:
    """Figures of all providers and precisions that work here; files are made, and those that miss the bar removed.

    int8 follows the shipped recipe, or one from these photographs when it `calibrates`, which takes long. Raises
    ModelError when not even fp32 works.
    """
    batches = [matte.network_input(view, installed.model) for view in views(photos)]
    exact = _mattes(Session(installed, providers.PROVIDERS["cpu"], _figure("cpu", "fp32"), threads=threads), batches)
    tried = providers.named("auto")
    needed = {precision for provider in tried for precision in provider.converts.intersection(provider.precisions())}
    if "int8" in needed:
        _make_int8(installed, batches, threads, report, calibrates=calibrates)
    if "fp16" in needed:
        conversions.to_fp16(installed)
    figures: list[Figure] = []
    for provider in tried:
        for precision in _at_hand(installed, provider):
            try:
                figure = _measured(installed, provider, precision, batches, exact, threads)
            except ModelError as error:
                report(f"{provider.name} {precision}: {error.detail}")
            else:
                figures.append(figure)
                report(str(figure))
    _remove_unusable(installed, figures)
    return figures


def _make_int8(
    installed: Installed, batches: Sequence[Batch], threads: int, report: Report, *, calibrates: bool
) -> None:
    recipe = recipes.shipped(installed)
    if calibrates:
        try:
            recipe = calibration.recipe(installed, batches, threads=threads, report=report)
        except ModelError as error:
            report(f"int8: {error.detail}")
            return
    if recipe:
        conversions.to_int8(installed, recipe)


def _at_hand(installed: Installed, provider: Provider) -> Iterator[Precision]:
    for precision in provider.precisions():
        if precision not in provider.converts or installed.converted(precision).is_file():
            yield precision


def _measured(
    installed: Installed,
    provider: Provider,
    precision: Precision,
    batches: Sequence[Batch],
    exact: Mattes,
    threads: int,
) -> Figure:
    session = Session(installed, provider, _figure(provider.name, precision), threads=threads)
    return Figure(
        provider=provider.name,
        precision=precision,
        matte_error=round(float(np.abs(_mattes(session, batches) - exact).mean()), 5),
        inference_ms=round(median(_times_ms(session, batches[0])), 1),
    )


def _mattes(session: Session, batches: Sequence[Batch]) -> Mattes:
    return calibration.mattes(session.predict, batches, session.model)


def _times_ms(session: Session, batch: Batch) -> Iterator[float]:
    for _ in range(RUNS):
        started = perf_counter()
        session.predict(batch)
        yield (perf_counter() - started) * 1000


def _remove_unusable(installed: Installed, figures: Sequence[Figure]) -> None:
    for precision in conversions.PRECISIONS:
        if not any(figure.is_allowed for figure in figures if figure.precision == precision):
            for path in (installed.note(precision), installed.converted(precision)):
                path.unlink(missing_ok=True)


def _figure(provider: str, precision: Precision) -> Figure:
    return Figure(provider=provider, precision=precision, matte_error=0.0)


def _rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
