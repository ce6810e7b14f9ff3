import re
from pathlib import Path

import pytest

from processing.engine import catalog
from processing.engine.errors import UnknownModel

MODELS = catalog.read().models.values()


def test_it_knows_every_network_that_clients_of_rembg_name() -> None:
    assert set(catalog.read().models) == {
        "u2net",
        "u2netp",
        "u2net_human_seg",
        "u2net_cloth_seg",
        "silueta",
        "isnet-general-use",
        "isnet-anime",
        "birefnet-general",
        "birefnet-general-lite",
        "birefnet-portrait",
        "bria-rmbg",
        "bria-rmbg-1.4",
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_version_can_be_fetched_and_checked(model: catalog.Model) -> None:
    assert model.versions
    for version in model.versions:
        algorithm, value = version.checksum
        assert re.fullmatch({"sha256": "[0-9a-f]{64}", "md5": "[0-9a-f]{32}"}[algorithm], value)
        assert version.sources
        assert version.size_bytes > 0


def test_no_address_of_a_package_index_is_written_down() -> None:
    text = catalog.CATALOG_PATH.read_text()
    assert not re.search(r"pypi\.org|npmjs|pythonhosted", text)


def test_the_default_models_may_be_used_commercially() -> None:
    assert all(catalog.read()[name].commercial_use for name in catalog.DEFAULT_MODELS)


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=r"'u3net'.*u2net, u2netp"):
        catalog.read()["u3net"]


def test_an_unknown_version_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=r"'7'.*1, 1-fp16"):
        catalog.read()["isnet-general-use"].version("7")


@pytest.mark.parametrize("source", ['{ ftp = "x" }', "{}"])
def test_a_source_of_an_unknown_kind_is_refused(source: str, tmp_path: Path) -> None:
    entry = f"""
        base_url = "http://127.0.0.1/"
        [models.a]
        title = "A"
        licence = "none"
        commercial_use = false
        homepage = ""
        input_px = 8
        versions = [{{ version = "1", weights = "fp32", size_bytes = 1, sha256 = "0", sources = [{source}] }}]
    """
    path = tmp_path / "catalog.toml"
    path.write_text(entry)
    with pytest.raises(ValueError, match="source"):
        catalog.read(path)
