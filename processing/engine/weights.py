"""The weights on disk: which are here, which version is active, and how they get here.

    <MODELS_DIR>/
        u2net/
            1.onnx          one file for each version, side by side
            1.int8.onnx     the same network in another precision, made here (conversions.py)
            1.int8.json     where that came from: the hashes of both, tools, recipe
            1.figures-….json  how fast and how exact each precision was, by machine
            2.onnx.part     a download that is not complete or not verified
            active.json     {"active": "2", "previous": "1"}
            graphs/         what runtimes have optimised (graphs.py)
            lock
        u2netp.onnx         a file as rembg lays it down: used when its hash is that of a known version

A file comes into place only by a rename, after its hash was found to be right. Requests only look paths up.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import get_args

from processing.engine import sources
from processing.engine.catalog import CATALOG_PATH, Catalog, Model, ModelVersion, Precision, Source, read
from processing.engine.errors import ModelCorrupt, ModelDownloadFailed, ModelNotInstalled, UnknownModel

Progress = Callable[[int, int], None]
"""Is called with the bytes that have arrived, and those expected."""

log = logging.getLogger(__name__)
WEIGHTS_DIR = CATALOG_PATH.parent / "weights"


def rembg_folders() -> Iterator[Path]:
    """Where a rembg on this machine may have left its weights."""
    if home := os.environ.get("U2NET_HOME"):
        yield Path(home).expanduser()
    if data_home := os.environ.get("XDG_DATA_HOME"):
        yield Path(data_home).expanduser() / ".u2net"
    yield Path.home() / ".u2net"


@dataclass(frozen=True, slots=True)
class Choice:
    """The content of active.json: version numbers."""

    active: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """`folder` is the model's own, for what belongs beside the weights, which may lie elsewhere."""

    model: Model
    version: ModelVersion
    path: Path
    folder: Path

    def converted(self, precision: Precision) -> Path:
        """Where its weights in another precision are, if they were ever made."""
        return self.folder / f"{self.version.version}.{precision}.onnx"

    def note(self, precision: Precision) -> Path:
        """What says where those come from."""
        return self.folder / f"{self.version.version}.{precision}.json"

    def has_intact(self, precision: Precision) -> bool:
        """Hashes them."""
        try:
            expected = json.loads(self.note(precision).read_text("utf-8"))["sha256"]
        except (OSError, KeyError, TypeError, ValueError):
            return False
        path = self.converted(precision)
        return path.is_file() and sha256(path) == expected


@dataclass(frozen=True, slots=True)
class Problem:
    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Store:
    """Without a folder: what a rembg has left on this machine, and models_store/weights."""

    def __init__(self, models_dir: Path | None, *, mirror_url: str = "", catalog: Catalog | None = None) -> None:
        self.catalog = catalog or read()
        self._folders = (models_dir,) if models_dir else (*rembg_folders(), WEIGHTS_DIR)
        self._folder = self._folders[-1]
        self._base_url = (mirror_url or self.catalog.base_url).rstrip("/") + "/"

    def installed_models(self) -> list[str]:
        return [name for name in self.catalog.models if self._is_installed(name)]

    def active(self, name: str) -> Installed:
        """Raises UnknownModel or ModelNotInstalled."""
        model = self.catalog[name]
        for version in self._candidates(model):
            if path := self.path(model, version):
                return self._installed(model, version, path)
        raise ModelNotInstalled(f"{name} is not installed here. Run: manage.py models pull {name}")

    def path(self, model: Model, version: ModelVersion) -> Path | None:
        for folder in self._folders:
            own, flat = _own(folder, model, version), _flat(folder, model)
            if own.is_file():
                return own
            if flat.is_file() and _is_known(flat, version):
                return flat
        return None

    def pull(
        self,
        name: str,
        version: str | None = None,
        *,
        progress: Progress = lambda done, total: None,
    ) -> Installed:
        """Makes sure that an intact file is here, fetching it where it is not.

        Without a version: the active one, else the first that can be had. Safe to run twice at once. Raises
        UnknownModel or ModelDownloadFailed; then what was here before is still here.
        """
        model = self.catalog[name]
        candidates = (model.version(version),) if version else self._candidates(model)
        with self._locked(model):
            installed = self._intact(model, candidates) or self._fetched(model, candidates, progress)
            if not self._choice(model).active:
                self._choose(model, Choice(installed.version.version))
        return installed

    def activate(self, name: str, version: str) -> None:
        """Raises UnknownModel, ModelNotInstalled or ModelCorrupt."""
        model = self.catalog[name]
        chosen = model.version(version)
        path = self.path(model, chosen)
        if path is None:
            raise ModelNotInstalled(
                f"{name} {version} is not installed here. Run: manage.py models pull {name} --version {version}"
            )
        if not _is_intact(path, chosen):
            raise ModelCorrupt(f"{path} is damaged. Run: manage.py models pull {name} --version {version}")
        with self._locked(model):
            previous = self._choice(model).active or self.active(name).version.version
            if version != previous:
                self._choose(model, Choice(version, previous))

    def rollback(self, name: str) -> str:
        """Goes back to the version that was active before, without a look at its content.

        Returns that version. Raises UnknownModel or ModelNotInstalled.
        """
        model = self.catalog[name]
        with self._locked(model):
            choice = self._choice(model)
            if not choice.previous or not self.path(model, model.version(choice.previous)):
                raise ModelNotInstalled(f"{name} has no earlier version to go back to.")
            self._choose(model, Choice(choice.previous, choice.active))
        return choice.previous

    def verify(self) -> Iterator[Problem]:
        """Hashes every file of a known model; yields those that are not as they should be."""
        for folder, model in product(self._folders, self.catalog.models.values()):
            for version in model.versions:
                path = _own(folder, model, version)
                if path.is_file() and not _is_intact(path, version):
                    yield Problem(path, f"its {version.checksum[0]} is wrong")
                yield from _bad_conversions(Installed(model, version, path, path.parent))
            flat = _flat(folder, model)
            if flat.is_file() and not any(_is_intact(flat, version) for version in model.versions):
                yield Problem(flat, f"it is no known version of {model.name}")

    def _installed(self, model: Model, version: ModelVersion, path: Path) -> Installed:
        return Installed(model, version, path, self._folder / model.name)

    def _is_installed(self, name: str) -> bool:
        try:
            self.active(name)
        except (ModelNotInstalled, UnknownModel):  # the latter: a chosen version that has left the catalog
            return False
        return True

    def _candidates(self, model: Model) -> tuple[ModelVersion, ...]:
        chosen = self._choice(model).active
        return (model.version(chosen),) if chosen else model.versions

    def _intact(self, model: Model, versions: Iterable[ModelVersion]) -> Installed | None:
        for version in versions:
            path = self.path(model, version)
            if path is not None and _is_intact(path, version):
                return self._installed(model, version, path)
        return None

    def _fetched(self, model: Model, versions: Iterable[ModelVersion], progress: Progress) -> Installed:
        failures: list[str] = []
        for version in versions:
            for source in version.sources:
                try:
                    path = self._fetch(model, version, source, progress)
                except ModelDownloadFailed as error:
                    failures.append(error.detail)
                else:
                    return self._installed(model, version, path)
        raise ModelDownloadFailed(f"{model.name} could not be fetched:\n  " + "\n  ".join(failures))

    def _fetch(self, model: Model, version: ModelVersion, source: Source, progress: Progress) -> Path:
        target = _own(self._folder, model, version)
        part = target.with_name(f"{target.name}.part")
        total = version.size_bytes
        sources.fetch(source, part, base_url=self._base_url, progress=lambda done: progress(min(done, total), total))
        if not _is_intact(part, version):
            part.unlink()
            raise ModelDownloadFailed(f"{source}: the file has the wrong {version.checksum[0]}, refused.")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        progress(total, total)
        return part.replace(target)

    @contextmanager
    def _locked(self, model: Model) -> Iterator[None]:
        folder = self._folder / model.name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _choice(self, model: Model) -> Choice:
        path = self._folder / model.name / "active.json"
        try:
            return Choice(**json.loads(path.read_text()))
        except FileNotFoundError:
            return Choice()
        except (OSError, TypeError, ValueError) as error:
            log.warning("%s cannot be read, no version counts as chosen: %s", path, error)
            return Choice()

    def _choose(self, model: Model, choice: Choice) -> None:
        path = self._folder / model.name / "active.json"
        new = path.with_name("active.json.new")
        with new.open("w") as file:
            json.dump(asdict(choice), file)
            file.flush()
            os.fsync(file.fileno())  # or a power cut may leave an empty file under the right name
        new.replace(path)


def _bad_conversions(installed: Installed) -> Iterator[Problem]:
    for precision in get_args(Precision):
        path = installed.converted(precision)
        if path.is_file() and not installed.has_intact(precision):
            yield Problem(path, "its sha256 is not the one in the note beside it")


def _own(folder: Path, model: Model, version: ModelVersion) -> Path:
    return folder / model.name / f"{version.version}.onnx"


def _flat(folder: Path, model: Model) -> Path:
    return folder / f"{model.name}.onnx"


def _is_intact(path: Path, version: ModelVersion) -> bool:
    algorithm, expected = version.checksum
    return _digest(path, algorithm) == expected


def sha256(path: Path) -> str:
    return _digest(path, "sha256")


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _is_known(path: Path, version: ModelVersion) -> bool:
    """Whether a file that was found has the version's hash; remembered while it does not change."""
    algorithm, expected = version.checksum
    stat = path.stat()
    return _remembered_digest(path, algorithm, stat.st_size, stat.st_mtime_ns) == expected


@cache
def _remembered_digest(path: Path, algorithm: str, _size_bytes: int, _mtime_ns: int) -> str:
    return _digest(path, algorithm)
