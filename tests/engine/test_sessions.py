import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config.cores import available_cores
from processing.engine import catalog, providers
from processing.engine.errors import (
    InvalidOption,
    ModelCorrupt,
    ModelNotInstalled,
    ProviderUnavailable,
    UnknownModel,
)
from processing.engine.networks import Load, Network, NetworkBroken
from processing.engine.sessions import SessionCache
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


def test_the_memory_of_one_that_leaves_returns() -> None:
    """In a process of its own, or the other tests' memory would count."""
    script = """
import psutil
from processing.engine.networks import Load, Network, NetworkBroken
from processing.engine.sessions import SessionCache
def held_mb():
    return psutil.Process().memory_info().rss / 1e6
cache = SessionCache(provider="cpu", budget_bytes=0)
cache.get("u2netp")
before = held_mb()
cache.get("u2net")
during = held_mb()
cache.get("u2netp")
print(before, during, held_mb())
"""
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    before_mb, during_mb, after_mb = map(float, output.split())
    assert during_mb - before_mb > 150
    assert after_mb - before_mb < 0.2 * (during_mb - before_mb)


def test_one_line_says_what_a_network_runs_on_and_why(
    networks: catalog.Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    cache_of(networks, tmp_path).get("a")
    [line] = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(r"a 1 is warm on cpu in fp32 with \d+ threads after [\d.]+ s: no faster precision is .*", line)


def test_a_provider_that_does_not_work_is_named_in_that_line(
    networks: catalog.Catalog, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Load) -> Network:
        raise NetworkBroken("no such device")

    first = replace(providers.PROVIDERS["cpu"], name="first", load=broken)
    monkeypatch.setattr(providers, "named", lambda _: [first, providers.PROVIDERS["cpu"]])
    caplog.set_level("INFO")
    cache = cache_of(networks, tmp_path)
    assert cache.get("a").provider.name == "cpu"
    assert "first does not work here (first cannot run a: no such device)" in caplog.text


def test_it_lists_what_is_installed(networks: catalog.Catalog, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "b")
    assert cache_of(networks, tmp_path).installed == {"a": "1", "c": "1"}


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
    providers.require("auto")
    providers.require("cpu")


@pytest.mark.parametrize("name", providers.PROVIDERS)
def test_a_demanded_provider_is_there_or_refused(name: str) -> None:
    if providers.PROVIDERS[name].is_available():
        providers.require(name)
    else:
        with pytest.raises(ProviderUnavailable, match=rf"{name} was demanded.*It needs the package onnxruntime-"):
            providers.require(name)


def test_there_are_no_sessions_without_the_demanded_provider() -> None:
    missing = next(name for name, provider in providers.PROVIDERS.items() if not provider.is_available())
    with pytest.raises(ProviderUnavailable, match=missing):
        SessionCache(provider=missing)


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidOption, match=r"'gpu'.*auto.*cuda, tensorrt, openvino, cpu"):
        providers.require("gpu")


def test_a_process_has_at_least_one_core() -> None:
    assert available_cores() >= 1
