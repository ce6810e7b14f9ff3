"""Which precision a network computes in: the fastest that this machine runs in hardware and that keeps its mattes.

What is known of a precision is a figure, measured: by `models tune` on this machine, else as the catalog has it.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path

from processing.engine import graphs, recipes
from processing.engine.catalog import ModelVersion, Precision
from processing.engine.providers import Provider
from processing.engine.weights import Installed

log = logging.getLogger(__name__)

MAX_MATTE_ERROR = 0.004
FASTEST_FIRST: tuple[Precision, ...] = ("int8", "fp16", "bf16", "fp32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`matte_error` is the mean absolute error of the matte (0..1) against fp32, `inference_ms` a median."""

    provider: str
    precision: Precision
    matte_error: float
    inference_ms: float | None = None

    @property
    def is_allowed(self) -> bool:
        return self.matte_error <= MAX_MATTE_ERROR

    def __str__(self) -> str:
        speed = f", {self.inference_ms:.0f} ms" if self.inference_ms else ""
        verdict = "" if self.is_allowed else f", more than the {MAX_MATTE_ERROR} that are allowed"
        return f"{self.provider} {self.precision}: matte error {self.matte_error:.4f}{speed}{verdict}"


def figures(installed: Installed) -> list[Figure]:
    """This machine's own, else the catalog's."""
    path = _figures_path(installed)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return catalogued(installed.version)
    except (TypeError, ValueError):
        log.warning("%s cannot be read; the catalog's figures are used", path)
        return catalogued(installed.version)


@cache
def _read(path: Path, _mtime_ns: int) -> list[Figure]:
    return [Figure(**figure) for figure in json.loads(path.read_text("utf-8"))]


def catalogued(version: ModelVersion) -> list[Figure]:
    return [
        Figure(provider=provider, precision=precision, matte_error=error)
        for provider, errors in version.matte_errors.items()
        for precision, error in errors.items()
    ]


def keep_figures(installed: Installed, measured: Iterable[Figure]) -> Path:
    path = _figures_path(installed)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps([asdict(figure) for figure in measured], indent=2), "utf-8")
    return new.replace(path)


def choose(installed: Installed, provider: Provider, wanted: str = "auto") -> Figure:
    """The fastest that is allowed, unless `wanted` is fp32 instead of auto.

    Where not all were timed, it is the one that is the fastest as a rule.
    """
    exact = Figure(provider=provider.name, precision="fp32", matte_error=0.0)
    if wanted == "fp32":
        return exact
    known = [figure for figure in figures(installed) if figure.provider == provider.name]
    usable = [figure for figure in known if figure.is_allowed and _can_run(installed, provider, figure)]
    if usable and all(figure.inference_ms for figure in usable):
        return min(usable, key=lambda figure: figure.inference_ms or 0.0)
    return min([*usable, exact], key=lambda figure: FASTEST_FIRST.index(figure.precision))


def _can_run(installed: Installed, provider: Provider, figure: Figure) -> bool:
    if figure.precision not in provider.precisions():
        return False
    return figure.precision not in provider.converts or _has_measured_file(installed, figure)


def _has_measured_file(installed: Installed, figure: Figure) -> bool:
    """This machine's own figures are of the file that is here, the catalog's of one by the shipped recipe."""
    if not _is_intact(installed, figure.precision):
        return False
    is_own = figure.inference_ms is not None
    shipped = recipes.shipped(installed) if figure.precision == "int8" else None
    return is_own or (shipped is not None and recipes.noted(installed) == shipped)


def _is_intact(installed: Installed, precision: Precision) -> bool:
    """Asked before every image, hashed once for as long as nothing changes."""
    try:
        stats = installed.converted(precision).stat(), installed.note(precision).stat()
    except OSError:
        return False
    return _hashed(installed, precision, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


@lru_cache(maxsize=64)
def _hashed(installed: Installed, precision: Precision, _stats: tuple[tuple[int, int], ...]) -> bool:
    is_intact = installed.has_intact(precision)
    if not is_intact:
        log.warning("%s is damaged and not used. Run: manage.py models pull", installed.converted(precision))
    return is_intact


def has_figures(installed: Installed) -> bool:
    """Whether workers on some kind of machine choose by figures of their own."""
    return any(installed.folder.glob(f"{installed.version.version}.figures-*.json"))


def _figures_path(installed: Installed) -> Path:
    return installed.folder / f"{installed.version.version}.figures-{graphs.machine_key()}.json"
