"""Clients of remove.bg as their authors published them.

They call https://api.remove.bg; a proxy that their environment names takes them here.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from config.local import programs
from config.local.processes import free_port, running, wait_until
from tests.api.test_removebg_repeats import used
from tests.certificates import authority
from tests.conftest import Account
from tests.origins import Origin, origin, routed, sending
from tests.photographs import astronaut
from tests.servers import START_TIMEOUT_S
from tests.tls_proxy import tls_proxy

HOST = "api.remove.bg"
NPM_PACKAGE = "remove.bg@1.3.0"
# For forms the package calls Node.js itself, which looks at no HTTPS_PROXY.
USE_PROXY = """
const [http, https, tls] = ["http", "https", "tls"].map(require);
const proxy = new URL(process.env.HTTPS_PROXY);

https.globalAgent = new (class extends https.Agent {
  createConnection({ host, port }, connected) {
    http
      .request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: `${host}:${port}` })
      .on("connect", (_answer, socket) => connected(null, tls.connect({ socket, servername: host })))
      .on("error", connected)
      .end();
  }
})();
"""

pytestmark = pytest.mark.usefixtures("worker")
needs_node = pytest.mark.skipif(
    shutil.which("npm") is None, reason="There is no Node.js here for remove.bg's npm package."
)

type Call = Callable[..., Any]


@pytest.fixture(scope="module")
def images() -> Iterator[Origin]:
    """A server that images are fetched from."""
    with origin(routed(photo_jpg=sending(astronaut()))) as server:
        yield server


@pytest.fixture(scope="module")
def environment(
    images: Origin, web_port: int, log_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Of a program for which this machine is api.remove.bg."""
    trusted = authority(tmp_path_factory.mktemp("certificates"))
    port = free_port()
    own = {"PORT": str(port), "ALLOWED_HOSTS": HOST, "WEB_PROCESSES": "1", "DEFAULT_MODEL": "u2netp"}
    own["FETCH_ALLOWED_HOSTS"] = images.authority
    with (
        running(programs.web({**os.environ, **own}, log_dir / "removebg")) as server,
        tls_proxy(trusted.server(HOST), to_port=port) as proxy,
    ):
        wait_until(lambda: programs.is_ok(port, "/healthz"), children=[server], timeout_s=START_TIMEOUT_S)
        certificate = str(trusted.file)
        yield {
            **os.environ,
            "HTTPS_PROXY": proxy,
            "NO_PROXY": "",
            "REQUESTS_CA_BUNDLE": certificate,
            "NODE_EXTRA_CA_CERTS": certificate,
        }


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(astronaut())
    return file


def run(*command: str, cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def opened(file: Path) -> Image.Image:
    return Image.open(io.BytesIO(file.read_bytes()))


@pytest.fixture
def python(alice: Account, tmp_path: Path, environment: dict[str, str]) -> Callable[..., str]:
    """removebg 0.04 from PyPI."""

    def call(statement: str, key: str = alice.key) -> str:
        program = f"from removebg import RemoveBg\nclient = RemoveBg({key!r}, 'errors.log')\n{statement}"
        return run(sys.executable, "-c", program, cwd=tmp_path, environment=environment)

    return call


def test_python_a_file(python: Call, photo_file: Path) -> None:
    python("client.remove_background_from_img_file('photo.jpg')")
    picture = opened(photo_file.with_name("photo.jpg_no_bg.png"))
    assert (picture.mode, picture.size, picture.format) == ("RGBA", (500, 500), "PNG")


def test_python_a_size_and_a_background(python: Call, alice: Account, photo_file: Path) -> None:
    python("client.remove_background_from_img_file('photo.jpg', size='4k', bg_color='coral')")
    picture = opened(photo_file.with_name("photo.jpg_no_bg.png"))
    assert (picture.size, picture.format) == ((512, 512), "JPEG")
    assert used(alice) == 1


def test_python_base64(python: Call, tmp_path: Path, photo_file: Path) -> None:
    image = "__import__('base64').b64encode(open('photo.jpg', 'rb').read())"
    python(f"client.remove_background_from_base64_img({image}, new_file_name='out.png')")
    assert opened(tmp_path / "out.png").mode == "RGBA"


def test_python_an_address(python: Call, tmp_path: Path, images: Origin) -> None:
    python(f"client.remove_background_from_img_url('{images.url}/photo.jpg', new_file_name='out.png')")
    assert opened(tmp_path / "out.png").mode == "RGBA"


def test_python_a_refusal(python: Call, photo_file: Path) -> None:
    with pytest.raises(AssertionError, match="403 Client Error"):
        python("client.remove_background_from_img_file('photo.jpg')", key="no key")


@pytest.fixture(scope="module")
def npm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With remove.bg 1.3.0 from npm, which is fetched for these tests."""
    folder = tmp_path_factory.mktemp("npm")
    run("npm", "install", "--no-audit", "--no-fund", NPM_PACKAGE, cwd=folder, environment=dict(os.environ))
    (folder / "use-proxy.js").write_text(USE_PROXY)
    return folder


@pytest.fixture
def node(alice: Account, npm_folder: Path, environment: dict[str, str]) -> Call:
    def call(function: str, **options: object) -> Any:
        program = (
            "const say = answer => console.log(JSON.stringify(answer));"
            f"require('remove.bg').{function}({json.dumps({'apiKey': alice.key, **options})})"
            ".then(found => say({found}), refused => say({refused}))"
        )
        return json.loads(
            run("node", "--require", "./use-proxy.js", "-e", program, cwd=npm_folder, environment=environment)
        )

    return call


@needs_node
def test_npm_a_file(node: Call, photo_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    found = node("removeBackgroundFromImageFile", path=str(photo_file), outputFile=str(output), crop=True)["found"]
    picture = opened(output)
    assert (picture.mode, str(picture.width)) == ("RGBA", found["resultWidth"])
    assert found["creditsCharged"] == "0.25"
    assert found["detectedType"] == "other"
    assert int(found["rateLimit"]) >= int(found["rateLimitRemaining"]) > 0


@needs_node
def test_npm_base64_with_options(node: Call, photo_file: Path) -> None:
    image = base64.b64encode(photo_file.read_bytes()).decode()
    options = {"size": "full", "bg_color": "coral", "scale": "50%", "position": "center", "type": "person"}
    found = node("removeBackgroundFromImageBase64", base64img=image, **options)["found"]
    picture = Image.open(io.BytesIO(base64.b64decode(found["base64img"])))
    assert (picture.format, picture.size, found["creditsCharged"]) == ("JPEG", (512, 512), "1")


@needs_node
def test_npm_an_address(node: Call, images: Origin) -> None:
    found = node("removeBackgroundFromImageUrl", url=f"{images.url}/photo.jpg", bg_image_url=f"{images.url}/photo.jpg")
    assert Image.open(io.BytesIO(base64.b64decode(found["found"]["base64img"]))).format == "JPEG"


@needs_node
def test_npm_a_refusal(node: Call, photo_file: Path) -> None:
    refused = node("removeBackgroundFromImageFile", path=str(photo_file), size="huge")["refused"]
    assert [error["code"] for error in refused] == ["invalid_size"]
