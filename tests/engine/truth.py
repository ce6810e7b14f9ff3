"""Cutouts whose alpha and colours are known, and how far off a result is."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_gradient_magnitude

type Values = NDArray[np.floating]

SIZE = (640, 480)
OVERSAMPLING = 4
HAIRS = 9_000
TRUTH_DIR = Path(os.environ.get("MATTE_TRUTH", Path(__file__).parents[3] / "shared" / "matte-truth"))


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A photograph, and how it came about: `alpha` (mode L) and the colours of the foreground (RGB)."""

    name: str
    photo: Image.Image
    alpha: Image.Image
    colours: Image.Image

    def __str__(self) -> str:
        return self.name


def truths() -> list[Truth]:
    """Drawn ones, and those in TRUTH_DIR where it exists."""
    return [*drawn(), *(lemurs(TRUTH_DIR) if TRUTH_DIR.is_dir() else ())]


def drawn() -> Iterator[Truth]:
    """Over a photograph out of scikit-image, out of focus as behind a subject that is near."""
    colours, alpha = furry_animal()
    grass = Image.fromarray(skimage.data.grass()).filter(ImageFilter.GaussianBlur(4))  # type: ignore[no-untyped-call]
    yield Truth("ginger fur over grass", composite(colours, alpha, grass), alpha, colours)


def lemurs(folder: Path) -> Iterator[Truth]:
    photo, colours, beach = (
        Image.open(folder / f"{name}.png").convert("RGB") for name in ("lemur", "lemur_foreground", "beach")
    )
    alpha = Image.open(folder / "lemur_alpha.png").convert("L")
    yield Truth("lemur", photo, alpha, colours)
    yield Truth("lemur over beach", composite(colours, alpha, beach), alpha, colours)


def composite(colours: Image.Image, alpha: Image.Image, background: Image.Image) -> Image.Image:
    behind = background.convert("RGB").resize(colours.size, Image.Resampling.LANCZOS)
    return Image.composite(colours, behind, alpha)


LIGHT_FUR, DARK_FUR = np.array([230.0, 140, 60]), np.array([190.0, 105, 40])


def furry_animal() -> tuple[Image.Image, Image.Image]:
    """A round animal with ears, a face and thousands of hairs: its colours and its alpha."""
    width, height = (side * OVERSAMPLING for side in SIZE)
    # The coat goes on beyond its alpha, so that the colours are known where alpha is low.
    alpha, coat = Image.new("L", (width, height)), Image.new("RGB", (width, height), _rgb((LIGHT_FUR + DARK_FUR) / 2))
    shape, paint = ImageDraw.Draw(alpha), ImageDraw.Draw(coat)
    random = np.random.default_rng(7)
    for x, y, radius in _balls(width, height):
        shape.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
        for _ in range(HAIRS):
            hair = _hair(random, x, y, radius)
            paint.line(hair, _rgb(DARK_FUR + (LIGHT_FUR - DARK_FUR) * random.random()), width=5)
            shape.line(hair, 255, width=3)
    x, y, radius = width / 2, height * 0.34, height * 0.2
    for side in (-1, 1):
        _disc(paint, x + side * radius * 0.45, y - radius * 0.1, radius * 0.2, (235, 190, 40))
        _disc(paint, x + side * radius * 0.45, y - radius * 0.1, radius * 0.1, (10, 10, 10))
    _disc(paint, x, y + radius * 0.4, radius * 0.17, (40, 30, 35))
    return coat.reduce(OVERSAMPLING), alpha.reduce(OVERSAMPLING)


def _balls(width: int, height: int) -> list[tuple[float, float, float]]:
    """Centre and radius: body, ears, head."""
    x, y, head = width / 2, height * 0.34, height * 0.2
    ears = [(x + side * head * 0.75, y - head * 0.8, head * 0.3) for side in (-1, 1)]
    return [(x, height * 0.75, height * 0.32), *ears, (x, y, head)]


def _hair(random: np.random.Generator, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """A bent line from inside the ball outwards."""
    angle, length = random.uniform(0, 2 * np.pi), random.uniform(0.02, 0.1) * radius + 20
    start, bend = radius * random.uniform(0, 1) ** 0.5, random.normal(0, 0.08)
    return [
        (x + distance * np.cos(turned), y + distance * np.sin(turned))
        for step in np.linspace(0, 1, 6)
        for distance, turned in [(start + step * length, angle + bend * step**2)]
    ]


def _disc(paint: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
    paint.ellipse((x - radius, y - radius, x + radius, y + radius), colour)


def _rgb(colour: Values) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue


RED, BLUE = np.array([200.0, 30, 30]), np.array([30.0, 60, 200])


def soft_disc(size: int) -> Values:
    """Alpha 0..1 of a disc whose edge is soft over a fifth of its radius."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - size / 2, y - size / 2) / (size / 3)
    alpha: Values = np.clip((1.1 - distance) / 0.2, 0, 1)
    return alpha


def red_over_blue(alpha: Values) -> Image.Image:
    return image_of(alpha[..., None] * RED + (1 - alpha[..., None]) * BLUE)


def image_of(values: Values) -> Image.Image:
    return Image.fromarray(values.round().astype(np.uint8))


def absolute_error(found: Image.Image, truth: Image.Image) -> float:
    """Mean over all pixels, 0..1."""
    return float(np.abs(_shares(found) - _shares(truth)).mean())


def gradient_error(found: Image.Image, truth: Image.Image) -> float:
    """Mean absolute difference of the Gaussian gradients' magnitudes (sigma 1.4), alpha being 0..1."""
    found_gradient, true_gradient = (gaussian_gradient_magnitude(_shares(each), 1.4) for each in (found, truth))
    return float(np.abs(found_gradient - true_gradient).mean())


def colour_error(found: Image.Image, truth: Truth) -> float:
    """Mean absolute difference, 0..1, where the true alpha lies between 0.05 and 0.95."""
    alpha = _shares(truth.alpha)
    is_translucent = (alpha >= 0.05) & (alpha <= 0.95)
    return float(np.abs(_shares(found) - _shares(truth.colours))[is_translucent].mean())


def _shares(image: Image.Image) -> Values:
    return np.asarray(image, np.float64) / 255
