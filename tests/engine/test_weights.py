"""The model store against a real HTTP server on the loopback interface."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from processing.engine.catalog import Catalog, HttpsFile, Model, ModelVersion, WheelMember
from processing.engine.errors import ModelCorrupt, ModelDownloadFailed, ModelNotInstalled, UnknownModel
from processing.engine.weights import Store

OLD, NEW = os.urandom(3_000_000), os.urandom(3_500_000)


class Mirror(ThreadingHTTPServer):
    """Serves files with ranges; breaks off after `break_after_bytes` where that is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files: dict[str, bytes] = {"old.onnx": OLD, "new.onnx": NEW}
        self.break_after_bytes: int | None = None
        self.supports_ranges = True
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/weights"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name, requested = self.path.rpartition("/")[2], self.headers["Range"]
        self.server.requests.append((name, requested))
        content = self.server.files.get(name)
        if content is None:
            return self.send_error(404)
        start = int(requested.removeprefix("bytes=").rstrip("-")) if requested and self.server.supports_ranges else 0
        if start >= len(content):
            return self.send_error(416)
        rest = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.break_after_bytes])
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def version(number: str, content: bytes, *addresses: str) -> ModelVersion:
    return ModelVersion(
        version=number,
        weights="fp32",
        sources=tuple(HttpsFile(address) for address in addresses),
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


MODEL = Model(
    name="net",
    title="A network",
    licence="none",
    commercial_use=False,
    homepage="",
    input_px=8,
    versions=(version("2", NEW, "new.onnx"), version("1", OLD, "old.onnx")),
)


def store_of(folder: Path, mirror: Mirror, *models: Model) -> Store:
    catalog = Catalog("http://127.0.0.1:9/", {model.name: model for model in models or (MODEL,)})
    return Store(folder, mirror_url=mirror.url, catalog=catalog)


@pytest.fixture
def store(tmp_path: Path, mirror: Mirror) -> Store:
    return store_of(tmp_path, mirror)


def test_a_pull_brings_the_first_version_and_makes_it_active(store: Store, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    installed = store.pull("net", progress=lambda done, total: steps.append((done, total)))
    assert installed.path == tmp_path / "net" / "2.onnx"
    assert installed.path.read_bytes() == NEW
    assert store.active("net") == installed
    assert steps == sorted(steps)
    assert steps[-1] == (len(NEW), len(NEW))


def test_a_second_pull_fetches_nothing(store: Store, mirror: Mirror) -> None:
    store.pull("net")
    store.pull("net")
    assert len(mirror.requests) == 1


def test_a_download_that_breaks_is_gone_on_with(store: Store, mirror: Mirror) -> None:
    mirror.break_after_bytes = 1_300_000
    assert store.pull("net").path.read_bytes() == NEW
    assert mirror.requests == [("new.onnx", None), ("new.onnx", "bytes=1300000-"), ("new.onnx", "bytes=2600000-")]


def test_a_pull_goes_on_where_a_killed_one_stopped(store: Store, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "2.onnx.part").write_bytes(NEW[:2_000_000])
    assert store.pull("net").path.read_bytes() == NEW
    assert mirror.requests == [("new.onnx", "bytes=2000000-")]


def test_a_pull_killed_before_its_rename_needs_no_more_bytes(store: Store, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "2.onnx.part").write_bytes(NEW)
    assert store.pull("net").path.read_bytes() == NEW


def test_a_server_without_ranges_is_asked_from_the_start(store: Store, mirror: Mirror, tmp_path: Path) -> None:
    mirror.supports_ranges = False
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "2.onnx.part").write_bytes(NEW[:2_000_000])
    assert store.pull("net").path.read_bytes() == NEW


def test_a_server_that_never_gets_further_is_given_up(store: Store, mirror: Mirror) -> None:
    mirror.supports_ranges = False
    mirror.break_after_bytes = 1_000_000
    with pytest.raises(ModelDownloadFailed, match="the connection broke"):
        store.pull("net", "2")


def test_a_wrong_hash_is_refused_and_the_old_file_stays(store: Store, mirror: Mirror, tmp_path: Path) -> None:
    store.pull("net", "1")
    mirror.files["new.onnx"] = NEW[:-1] + bytes([NEW[-1] ^ 1])
    with pytest.raises(ModelDownloadFailed, match="wrong sha256"):
        store.pull("net", "2")
    assert store.active("net").path.read_bytes() == OLD
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == ["1.onnx", "active.json", "lock"]


def test_a_damaged_file_is_replaced_by_the_next_pull(store: Store) -> None:
    path = store.pull("net").path
    path.write_bytes(b"rust")
    assert store.pull("net").path.read_bytes() == NEW


def test_the_next_source_is_tried_when_one_fails(tmp_path: Path, mirror: Mirror) -> None:
    absolute = f"http://127.0.0.1:{mirror.server_port}/elsewhere/new.onnx"
    model = replace(MODEL, versions=(version("2", NEW, "gone.onnx", "file:///etc/passwd", absolute),))
    assert store_of(tmp_path, mirror, model).pull("net").path.read_bytes() == NEW


def test_the_next_version_is_taken_when_the_preferred_one_cannot_be_had(store: Store, mirror: Mirror) -> None:
    del mirror.files["new.onnx"]
    assert store.pull("net").version.version == "1"
    mirror.files["new.onnx"] = NEW
    assert store.pull("net").version.version == "1"  # what is active stays so until somebody says otherwise


def test_a_failed_pull_says_what_was_tried(tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    wheel = replace(version("1", OLD, "gone.onnx"), sources=(HttpsFile("gone.onnx"), WheelMember("nothing==1", "x")))
    with pytest.raises(ModelDownloadFailed, match=r"(?s)gone\.onnx.*404.*could not fetch nothing==1"):
        store_of(tmp_path, mirror, replace(MODEL, versions=(wheel,))).pull("net")


def test_two_pulls_at_once_download_once(tmp_path: Path, mirror: Mirror) -> None:
    stores = [store_of(tmp_path, mirror) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = {installed.path for installed in threads.map(lambda store: store.pull("net"), stores)}
    assert found == {tmp_path / "net" / "2.onnx"}
    assert len(mirror.requests) == 1


def test_versions_lie_side_by_side_and_rollback_goes_back(store: Store) -> None:
    store.pull("net", "1")
    store.pull("net", "2")
    assert store.active("net").version.version == "1"
    store.activate("net", "2")
    assert store.active("net").path.read_bytes() == NEW
    assert store.rollback("net") == "1"
    assert store.active("net").path.read_bytes() == OLD
    assert store.rollback("net") == "2"


def test_what_is_not_installed_cannot_be_activated(store: Store) -> None:
    store.pull("net", "1")
    with pytest.raises(ModelNotInstalled, match="pull net --version 2"):
        store.activate("net", "2")
    with pytest.raises(UnknownModel, match="no version '3'"):
        store.activate("net", "3")
    assert store.active("net").version.version == "1"


def test_what_is_damaged_cannot_be_activated(store: Store) -> None:
    store.pull("net", "1")
    store.pull("net", "2").path.write_bytes(b"rust")
    with pytest.raises(ModelCorrupt, match=r"2\.onnx"):
        store.activate("net", "2")


def test_there_is_nothing_to_roll_back_to_at_first(store: Store) -> None:
    store.pull("net", "1")
    with pytest.raises(ModelNotInstalled, match="no earlier version"):
        store.rollback("net")


def test_verify_names_the_bad_file_only(store: Store, tmp_path: Path) -> None:
    store.pull("net", "1")
    bad = store.pull("net", "2").path
    assert list(store.verify()) == []
    bad.write_bytes(NEW[:-1])
    assert [str(problem) for problem in store.verify()] == [f"{bad}: its sha256 is wrong"]


def test_a_file_that_rembg_left_is_used_when_its_hash_is_known(store: Store, tmp_path: Path) -> None:
    flat = tmp_path / "net.onnx"
    flat.write_bytes(OLD)
    assert store.active("net").path == flat
    assert store.active("net").version.version == "1"
    flat.write_bytes(b"another network")
    with pytest.raises(ModelNotInstalled, match="models pull net"):
        store.active("net")
    assert [problem.path for problem in store.verify()] == [flat]


@pytest.mark.parametrize("variable", ["U2NET_HOME", "XDG_DATA_HOME", "HOME"])
def test_without_a_folder_it_looks_where_rembg_leaves_weights(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("U2NET_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv(variable, str(tmp_path))
    flat = (tmp_path if variable == "U2NET_HOME" else tmp_path / ".u2net") / "net.onnx"
    flat.parent.mkdir(exist_ok=True)
    flat.write_bytes(NEW)
    assert Store(None, catalog=Catalog("", {"net": MODEL})).active("net").path == flat


def test_a_pull_that_is_killed_leaves_the_lock_to_the_next(tmp_path: Path, mirror: Mirror, store: Store) -> None:
    holder = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print(flush=True); time.sleep(60)"
    )
    (tmp_path / "net").mkdir()
    with subprocess.Popen([sys.executable, "-c", holder, tmp_path / "net" / "lock"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert store.pull("net").path.read_bytes() == NEW


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}'])
def test_a_choice_that_cannot_be_read_harms_no_other_model(store: Store, tmp_path: Path, content: str) -> None:
    installed = store.pull("net")
    (tmp_path / "net" / "active.json").write_text(content)
    assert store.active("net").version == installed.version
    assert store.installed_models() == ["net"]
    store.pull("net")
    store.activate("net", installed.version.version)
    assert store.active("net").version == installed.version
