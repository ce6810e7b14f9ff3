"""The table of providers. Without a graphics card, what is asked of one ends where it should: with a refusal."""

from pathlib import Path

import pytest

from processing.engine import graphs, networks, providers
from processing.engine.errors import ProviderUnavailable
from processing.engine.networks import Load, NetworkBroken


def load_of(path: Path, folder: Path) -> Load:
    return Load(path=path, key="", graphs=folder / "graphs", side_px=320, precision="fp32", threads=1)


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_card_that_is_not_there_is_no_silent_cpu(name: str, small_network: Path, tmp_path: Path) -> None:
    provider = providers.PROVIDERS[name]
    assert not provider.is_available()
    with pytest.warns(UserWarning, match="not in available"), pytest.raises(ProviderUnavailable, match="did not take"):
        provider.load(load_of(small_network, tmp_path))


def test_options_of_cuda_keep_mattes_the_same_on_every_card() -> None:
    assert providers.CUDA_OPTIONS["use_tf32"] == "0"


def test_auto_tries_the_best_first_and_ends_with_the_cpu() -> None:
    names = [provider.name for provider in providers.named("auto")]
    assert names == [name for name in providers.AUTOMATIC if providers.PROVIDERS[name].is_available()]
    assert names[-1] == "cpu"
    assert "tensorrt" not in names


@pytest.mark.parametrize("name", [name for name in providers.AUTOMATIC if providers.PROVIDERS[name].is_available()])
def test_what_is_no_network_is_told_apart_from_a_missing_card(name: str, tmp_path: Path) -> None:
    path = tmp_path / "1.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(NetworkBroken):
        providers.PROVIDERS[name].load(load_of(path, tmp_path))
    assert not (tmp_path / "graphs").exists() or not list((tmp_path / "graphs").iterdir())


def test_threads_do_not_spin() -> None:
    options = networks.ort_options(threads=1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert not options.enable_cpu_mem_arena


@pytest.mark.parametrize(("flags", "offers_int8"), [("avx2 avx512bw", False), ("avx2 avx_vnni", True)])
def test_int8_is_offered_only_where_its_sums_are_exact(
    flags: str, offers_int8: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "machine", lambda: flags)
    assert ("int8" in providers._openvino_precisions.__wrapped__()) == offers_int8
