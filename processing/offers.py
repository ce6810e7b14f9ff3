"""The models that a caller may choose from, as the catalog and the living workers know them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from processing import heartbeats
from processing.engine import catalog
from processing.engine.catalog import Catalog, Model
from processing.errors import QueueUnavailable
from processing.heartbeats import Heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`version` is the one that a living worker uses; `inference_ms` what the caller's latest jobs took."""

    name: str
    title: str
    tiers: list[str]
    version: str | None
    is_default: bool
    is_installed: bool
    is_warm: bool
    licence: str
    commercial_use: bool
    input_px: int
    inference_ms: float | None


def models(inference_ms: Mapping[str, float]) -> list[Offer]:
    """All of the catalog, in its order. Nothing is installed or warm where nobody can be asked."""
    workers = _workers()
    known = catalog.read()
    return [_offer(model, known, workers, inference_ms.get(model.name)) for model in known.models.values()]


def _workers() -> list[Heartbeat]:
    try:
        return heartbeats.alive()
    except QueueUnavailable:
        return []


def _offer(model: Model, known: Catalog, workers: list[Heartbeat], inference_ms: float | None) -> Offer:
    version = next((worker.installed[model.name] for worker in workers if model.name in worker.installed), None)
    return Offer(
        name=model.name,
        title=model.title,
        tiers=[tier.name for tier in known.tiers.values() if tier.model == model.name],
        version=version,
        is_default=model.name == settings.DEFAULT_MODEL,
        is_installed=version is not None,
        is_warm=any(model.name in worker.warm for worker in workers),
        licence=model.licence,
        commercial_use=model.commercial_use,
        input_px=model.input_px,
        inference_ms=inference_ms,
    )
