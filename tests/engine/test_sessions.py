import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from config.cores import available_cores
from processing.engine import catalog
from processing.engine.errors import (
    InvalidOption,
    ModelCorrupt,
    ModelNotInstalled,
    ProviderUnavailable,
    UnknownModel,
)
from processing.engine.sessions import PROVIDERS, SessionCache, require_provider
from processing.engine.weights import Store

NAMES = ("a", "b", "c")
BASE = catalog.read()


@pytest.fixture
def networks(small_network: Path, tmp_path: Path) -> catalog.Catalog:
    """Three models of two versions, every one of them u2netp under another name."""
    version = BASE["u2netp"].versions[0]
    versions = tuple(replace(version, version=number) for number in ("1", "2"))
    for name in NAMES:
        (tmp_path / name).mkdir()
        for each in versions:
            shutil.copy(small_network, tmp_path / name / f"{each.version}.onnx")
    return catalog.Catalog("", {name: replace(BASE["u2netp"], name=name, versions=versions) for name in NAMES})


def cache_of(networks: catalog.Catalog, models_dir: Path, *, fitting: int = 10, pinned: str = "") -> SessionCache:
    size_bytes = networks["a"].versions[0].size_bytes
    return SessionCache(
        provider="cpu", pinned=tuple(pinned), budget_bytes=fitting * size_bytes, models_dir=models_dir, catalog=networks
    )


def test_a_session_is_loaded_once(networks: catalog.Catalog, tmp_path: Path) -> None:
    cache = cache_of(networks, tmp_path)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: cache.get("a"), range(8)))) == 1
    assert cache.warm_models == ["a"]


def test_pinned_models_are_warm_before_the_first_use(networks: catalog.Catalog, tmp_path: Path) -> None:
    cache = cache_of(networks, tmp_path, pinned="ab")
    assert cache.warm_models == []
    cache.warm()
    assert (cache.warm_models, cache.provider) == (["a", "b"], "cpu")


def test_a_pinned_model_that_is_not_installed_stops_nothing(networks: catalog.Catalog, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "a")
    cache = cache_of(networks, tmp_path, pinned="ab")
    cache.warm()
    assert cache.warm_models == ["b"]


def test_the_least_recently_used_leaves_when_the_budget_is_full(networks: catalog.Catalog, tmp_path: Path) -> None:
    cache = cache_of(networks, tmp_path, fitting=2)
    for name in ("a", "b", "a", "c"):
        cache.get(name)
    assert cache.warm_models == ["a", "c"]


def test_a_pinned_model_stays_and_does_not_count(networks: catalog.Catalog, tmp_path: Path) -> None:
    cache = cache_of(networks, tmp_path, fitting=1, pinned="a")
    cache.warm()
    for name in ("b", "c"):
        cache.get(name)
    assert cache.warm_models == ["a", "c"]


def test_a_model_larger_than_the_budget_is_held_alone(networks: catalog.Catalog, tmp_path: Path) -> None:
    cache = cache_of(networks, tmp_path, fitting=0)
    cache.get("a")
    cache.get("b")
    assert cache.warm_models == ["b"]


def test_another_active_version_is_loaded_at_the_next_use(networks: catalog.Catalog, tmp_path: Path) -> None:
    cache, store = cache_of(networks, tmp_path), Store(tmp_path, catalog=networks)
    assert cache.get("a").version.version == "1"
    store.activate("a", "2")
    assert cache.get("a").version.version == "2"
    store.rollback("a")
    assert cache.get("a").version.version == "1"
    assert cache.warm_models == ["a"]


def test_it_lists_what_is_installed(networks: catalog.Catalog, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "b")
    assert cache_of(networks, tmp_path).installed_models == ["a", "c"]


def test_a_model_that_is_not_here_is_refused(networks: catalog.Catalog, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "b")
    cache = cache_of(networks, tmp_path)
    with pytest.raises(ModelNotInstalled, match="models pull b"):
        cache.get("b")
    with pytest.raises(UnknownModel, match="a, b, c"):
        cache.get("d")


@pytest.mark.parametrize("content", [b"", b"no network", bytes(1000)])
def test_damaged_weights_are_named(content: bytes, networks: catalog.Catalog, tmp_path: Path) -> None:
    path = tmp_path / "a" / "1.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt, match=str(path)):
        cache_of(networks, tmp_path).get("a")


def test_a_prediction_has_the_networks_size(networks: catalog.Catalog, tmp_path: Path) -> None:
    prediction = cache_of(networks, tmp_path).get("a").predict(np.zeros((1, 3, 320, 320), np.float32))
    assert (str(prediction.dtype), prediction.shape) == ("float32", (1, 320, 320))


def test_the_cpu_is_always_there() -> None:
    require_provider("auto")
    require_provider("cpu")


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_demanded_provider_is_there_or_refused(name: str) -> None:
    if PROVIDERS[name].ort_name in onnxruntime.get_available_providers():
        require_provider(name)
    else:
        with pytest.raises(ProviderUnavailable, match=rf"{name} was demanded.*It needs the package onnxruntime-"):
            require_provider(name)


def test_there_are_no_sessions_without_the_demanded_provider() -> None:
    missing = next(p.name for p in PROVIDERS.values() if p.ort_name not in onnxruntime.get_available_providers())
    with pytest.raises(ProviderUnavailable, match=missing):
        SessionCache(provider=missing)


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidOption, match=r"'gpu'.*auto.*cuda, tensorrt, openvino, cpu"):
        require_provider("gpu")


def test_a_process_has_at_least_one_core() -> None:
    assert available_cores() >= 1
