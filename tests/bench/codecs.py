"""Encoders and decoders beside each other: `python -m tests.bench.codecs`. What is not installed is left out.

Each measurement is a process of its own, so that its peak memory is known, and they take turns, so that a machine that
is busy for a while is so for all. The photographs are scaled up and given a sensor's noise, or they would compress like
paintings.
"""

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

from processing.engine.png import png

SIZES_MP = (0.5, 3.0, 12.0, 50.0)
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
NOISE = 2.0
type Encode = Callable[[Image.Image], bytes]
type Decode = Callable[[bytes], object]


def photograph(name: str, megapixels: float) -> Image.Image:
    small = Image.fromarray(getattr(skimage.data, name)())
    scale = (megapixels * 1e6 / (small.width * small.height)) ** 0.5
    large = small.resize((round(small.width * scale), round(small.height * scale)), Image.Resampling.LANCZOS)
    random = np.random.default_rng(1)
    for top in range(0, large.height, 256):
        band = np.asarray(large.crop((0, top, large.width, min(top + 256, large.height))))
        noisy = band + random.standard_normal(band.shape, np.float32) * NOISE
        large.paste(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), (0, top))
    return large


def cutout(name: str, megapixels: float) -> Image.Image:
    """Half of it transparent, with soft edges and black where nothing is to be seen."""
    image = photograph(name, megapixels)
    matte = Image.new("L", (320, 320))
    ImageDraw.Draw(matte).ellipse((32, 32, 288, 288), 255)
    alpha = matte.filter(ImageFilter.GaussianBlur(2)).resize(image.size, Image.Resampling.LANCZOS)
    image.paste((0, 0, 0), mask=alpha.point([255, *[0] * 255]))
    image.putalpha(alpha)
    return image


def with_pillow(file_format: str, **options: Any) -> Encode:
    def encode(image: Image.Image) -> bytes:
        file = BytesIO()
        image.save(file, file_format, **options)
        return file.getvalue()

    return encode


def with_opencv(suffix: str, *options: int) -> Encode:
    def encode(image: Image.Image) -> bytes:
        cv2 = importlib.import_module("cv2")
        order = cv2.COLOR_RGBA2BGRA if image.mode == "RGBA" else cv2.COLOR_RGB2BGR
        _, content = cv2.imencode(suffix, cv2.cvtColor(np.asarray(image), order), options)
        return bytes(content)

    return encode


def with_imagecodecs(codec: str, **options: Any) -> Encode:
    def encode(image: Image.Image) -> bytes:
        function = getattr(importlib.import_module("imagecodecs"), f"{codec}_encode")
        return bytes(function(np.asarray(image), **options))

    return encode


def with_pyvips(suffix: str, **options: Any) -> Encode:
    def encode(image: Image.Image) -> bytes:
        vips = importlib.import_module("pyvips").Image.new_from_array(np.asarray(image), interpretation="srgb")
        content: bytes = vips.write_to_buffer(suffix, **options)
        return content

    return encode


_RLE = 3  # zlib's strategy
_CV2 = {"quality": 1, "compression": 16, "strategy": 17, "webp": 64, "avif": 512, "avif speed": 514}
ENCODERS: dict[str, dict[str, Encode]] = {
    "PNG": {
        "own (mean, RLE)": png,
        "Pillow level 1": with_pillow("PNG", compress_level=1),
        "Pillow level 1, RLE": with_pillow("PNG", compress_level=1, compress_type=_RLE),
        "Pillow level 6": with_pillow("PNG"),
        "OpenCV level 1, RLE": with_opencv(".png", _CV2["compression"], 1, _CV2["strategy"], _RLE),
        "imagecodecs level 1": with_imagecodecs("png", level=1),
        "imagecodecs level 1, RLE": with_imagecodecs("png", level=1, strategy=_RLE),
        "pyvips level 1": with_pyvips(".png", compression=1),
        "pyvips level 1, mean": with_pyvips(".png", compression=1, filter="avg"),
    },
    "WebP 85": {
        **{f"Pillow method {method}": with_pillow("WEBP", quality=85, method=method) for method in (0, 1, 2, 4)},
        "OpenCV": with_opencv(".webp", _CV2["webp"], 85),
        "imagecodecs method 2": with_imagecodecs("webp", level=85, lossless=False, method=2),
        "pyvips effort 2": with_pyvips(".webp", Q=85, effort=2),
    },
    "WebP lossless": {
        **{f"Pillow method {each}": with_pillow("WEBP", lossless=True, quality=0, method=each) for each in (0, 1)},
        "OpenCV": with_opencv(".webp", _CV2["webp"], 101),
        "imagecodecs method 0": with_imagecodecs("webp", lossless=True, method=0, level=0),
        "pyvips effort 0": with_pyvips(".webp", lossless=True, Q=0, effort=0),
    },
    "AVIF 60": {
        **{f"Pillow speed {speed}": with_pillow("AVIF", quality=60, speed=speed) for speed in (6, 8, 9, 10)},
        "OpenCV speed 9": with_opencv(".avif", _CV2["avif"], 60, _CV2["avif speed"], 9),
        "imagecodecs speed 9": with_imagecodecs("avif", level=60, speed=9, numthreads=2),
        "pyvips effort 0": with_pyvips(".avif", Q=60, effort=0),
    },
    "JPEG 90": {
        "Pillow": with_pillow("JPEG", quality=90),
        "Pillow, optimize": with_pillow("JPEG", quality=90, optimize=True),
        "OpenCV": with_opencv(".jpg", _CV2["quality"], 90),
        "imagecodecs": with_imagecodecs("jpeg8", level=90, subsampling="420"),
        "pyvips": with_pyvips(".jpg", Q=90),
    },
}
DECODERS: dict[str, Decode] = {
    "Pillow": lambda data: Image.open(BytesIO(data)).load(),
    "OpenCV": lambda data: importlib.import_module("cv2").imdecode(np.frombuffer(data, np.uint8), -1),
    "imagecodecs": lambda data: importlib.import_module("imagecodecs").imread(BytesIO(data)),
    "pyvips": lambda data: importlib.import_module("pyvips").Image.new_from_buffer(data, "").numpy(),
}
DECODED = {
    "JPEG": with_pillow("JPEG", quality=90),
    "PNG": png,
    "WebP": with_pillow("WEBP", quality=85, method=0),
}


def measured(work: Callable[[], object]) -> dict[str, float]:
    """How long it takes, how large the outcome is, and how far the process' peak memory grew."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before_kb = peak_kb()
    started = perf_counter()
    outcome = work()
    seconds = perf_counter() - started
    grown_kb = peak_kb() - before_kb
    size = len(outcome) if isinstance(outcome, bytes) else 0
    return {"s": seconds, "mb": size / 1e6, "peak_mb": grown_kb * 1024 / 1e6}


def peak_kb() -> int:
    """Of this process alone; getrusage counts what its parent had when it was forked."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def run_one(kind: str, name: str, source: Path) -> None:
    try:
        if kind in ENCODERS:
            pixels = np.load(source)
            image = Image.fromarray(pixels[:, :, :3].copy() if kind.startswith("JPEG") else pixels)
            del pixels
            ENCODERS[kind][name](Image.effect_noise((64, 64), 50).convert(image.mode))  # load the library
            result = measured(lambda: ENCODERS[kind][name](image))
        else:
            data = source.read_bytes()
            DECODERS[name](DECODED[kind.removeprefix("decode ")](Image.new("RGB", (64, 64))))
            result = measured(lambda: DECODERS[name](data))
    except (AttributeError, ImportError):
        result = {}
    print(json.dumps(result))


def in_a_process(kind: str, name: str, source: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.codecs", "--run", kind, name, str(source)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = finished.stdout.splitlines()
    figures: dict[str, float] = json.loads(lines[-1]) if finished.returncode == 0 and lines else {}
    return figures


def subjects(folder: Path, megapixels: float, photographs: list[str], only: list[str]) -> Iterator[tuple[str, Path]]:
    for photo in photographs:
        image = cutout(photo, megapixels)
        source = folder / f"{photo}.npy"
        np.save(source, np.asarray(image))
        yield from ((kind, source) for kind in ENCODERS if not only or kind in only)
        for name, encode in DECODED.items():
            if not only or f"decode {name}" in only:
                encoded = folder / f"{photo}.{name}"
                encoded.write_bytes(encode(image.convert("RGB") if name == "JPEG" else image))
                yield f"decode {name}", encoded


def table(megapixels: float, photographs: list[str], only: list[str], *, rounds: int) -> None:
    with TemporaryDirectory() as folder:
        found: dict[tuple[str, str], list[dict[str, float]]] = {}
        sources = list(subjects(Path(folder), megapixels, photographs, only))
        for _, (kind, source) in product(range(rounds), sources):
            for name in ENCODERS.get(kind, DECODERS):
                found.setdefault((kind, name), []).append(in_a_process(kind, name, source))
    print(f"\n{megapixels:g} MP\n{'':42}{'ms':>8}{'MB':>9}{'peak MB':>9}")
    for (kind, name), runs in found.items():
        label = f"{kind:14}{name:28}"
        if not all(runs):
            print(f"{label} not installed")
            continue
        ms, mb, peak_mb = (median(run[key] for run in runs) for key in ("s", "mb", "peak_mb"))
        print(f"{label}{ms * 1000:8.0f}{mb:9.2f}{peak_mb:9.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.codecs")
    parser.add_argument("--mp", type=float, nargs="*", default=SIZES_MP, help="megapixels")
    parser.add_argument("--photographs", nargs="*", default=PHOTOGRAPHS, choices=PHOTOGRAPHS)
    parser.add_argument("--only", nargs="*", default=[], help="kinds, such as PNG or 'decode JPEG'")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        kind, name, source = arguments.run
        run_one(kind, name, Path(source))
        return
    for megapixels in arguments.mp:
        table(megapixels, list(arguments.photographs), arguments.only, rounds=arguments.rounds)


if __name__ == "__main__":
    main()
