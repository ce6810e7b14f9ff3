"""Draws static/samples/mug.jpg, the photograph that a new installation cuts out first.

A glazed mug on a paper backdrop, ray-marched through signed distances (Hart 1996, "Sphere tracing"), lit by one
softbox and the room. Lengths are in mug radii. Run it as `python docs/samples/draw_mug.py`; it takes a minute.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

type Array = npt.NDArray[Any]

TARGET = Path(__file__).parents[2] / "static" / "samples" / "mug.jpg"
WIDTH_PX, HEIGHT_PX = 1200, 900
SAMPLES_PER_SIDE = 2
STEPS = 110
FAR = 40.0
HIT = 0.0015

CAMERA = np.array([2.6, 3.1, 7.6], np.float32)
LOOKED_AT = np.array([0.32, 1.05, 0.0], np.float32)
FOCAL_LENGTH = 3.3
LIGHT = np.array([-5.5, 8.5, 4.5], np.float32)
LIGHT_RADIUS = 1.7

GLAZE = np.array([0.045, 0.235, 0.265], np.float32)
CLAY = np.array([0.80, 0.735, 0.64], np.float32)
PAPER = np.array([0.79, 0.70, 0.595], np.float32)
ROOM = np.array([0.60, 0.64, 0.70], np.float32)


def length(vector: Array) -> Array:
    return np.linalg.norm(vector, axis=-1, keepdims=True)


def unit(vector: Array) -> Array:
    return vector / np.maximum(length(vector), 1e-6)


def dot(one: Array, other: Array) -> Array:
    return np.sum(one * other, axis=-1, keepdims=True)


def smooth_min(one: Array, other: Array, radius: float) -> Array:
    """The smaller one, with the edge between both rounded."""
    overlap = np.maximum(radius - np.abs(one - other), 0) / radius
    return np.minimum(one, other) - overlap * overlap * radius / 4


def cylinder(point: Array, *, radius: float, bottom: float, top: float, rounding: float) -> Array:
    across = np.hypot(point[:, :1], point[:, 2:]) - (radius - rounding)
    along = np.abs(point[:, 1:2] - (top + bottom) / 2) - ((top - bottom) / 2 - rounding)
    outside = np.hypot(np.maximum(across, 0), np.maximum(along, 0))
    return outside + np.minimum(np.maximum(across, along), 0) - rounding


def handle(point: Array) -> Array:
    across, up = point[:, :1] - 1.0, (point[:, 1:2] - 1.1) * 0.86
    ring = np.hypot(across, up) - 0.56
    return np.hypot(ring, point[:, 2:] * 0.86) - 0.125


def mug(point: Array) -> Array:
    body = smooth_min(cylinder(point, radius=1.0, bottom=0.0, top=2.15, rounding=0.09), handle(point), 0.16)
    hollow = cylinder(point, radius=0.88, bottom=0.14, top=3.2, rounding=0.16)
    return -smooth_min(-body, hollow, 0.07)


def backdrop(point: Array) -> Array:
    """A table that bends up into a wall."""
    return smooth_min(point[:, 1:2], point[:, 2:] + 5.5, 4.0)


def scene(point: Array) -> Array:
    return np.minimum(mug(point), backdrop(point))


def normal(distance: Callable[[Array], Array], point: Array) -> Array:
    steps = np.eye(3, dtype=np.float32) * 0.002
    return unit(np.hstack([distance(point + step) - distance(point - step) for step in steps]))


def march(origin: Array, direction: Array) -> Array:
    """How far each ray goes until it meets the scene."""
    travelled = np.full((len(origin), 1), 0.02, np.float32)
    moving = np.arange(len(origin))
    for _ in range(STEPS):
        gap = scene(origin[moving] + direction[moving] * travelled[moving])
        travelled[moving] += gap
        moving = moving[(gap[:, 0] > HIT) & (travelled[moving, 0] < FAR)]
        if not len(moving):
            break
    return travelled


def light_reaching(point: Array, up: Array) -> Array:
    """0..1: how much of the softbox is seen from there. The narrowest miss on the way tells."""
    towards = unit(LIGHT - point)
    reach = length(LIGHT - point)
    seen = np.ones_like(reach)
    travelled = np.full_like(reach, 0.03)
    for _ in range(56):
        gap = scene(point + up * 0.01 + towards * travelled)
        seen = np.minimum(seen, 0.5 + 0.5 * gap * reach / (LIGHT_RADIUS * travelled))
        travelled += np.clip(gap, 0.02, 0.35)
    seen = np.clip(seen, 0, 1)
    return np.asarray(seen * seen * (3 - 2 * seen))


def openness(point: Array, up: Array) -> Array:
    """0..1: how much of the room is seen from there (ambient occlusion)."""
    missing = sum(
        (reach - scene(point + up * reach)) * 0.62**index for index, reach in enumerate((0.08, 0.2, 0.42, 0.8))
    )
    return np.clip(1 - 0.75 * missing, 0, 1)


def softbox(direction: Array) -> Array:
    """What a glossy surface mirrors: a bright window, and a dim one opposite."""

    def window(centre: tuple[float, float, float], *, half_width: float, half_height: float) -> Array:
        forward = unit(np.array([centre], np.float32))
        side = unit(np.cross(forward, [[0.0, 1.0, 0.0]]).astype(np.float32))
        above = np.cross(side, forward)
        ahead = np.maximum(dot(direction, forward), 1e-3)
        edges = np.maximum(
            np.abs(dot(direction, side)) / ahead - half_width, np.abs(dot(direction, above)) / ahead - half_height
        )
        return np.where(dot(direction, forward) > 0, np.clip(0.5 - edges / 0.1, 0, 1), 0)

    return 3.4 * window((-5.5, 1.0, 4.5), half_width=0.26, half_height=0.78) + 0.7 * window(
        (6.0, 1.0, 2.0), half_width=0.14, half_height=0.7
    )


def colour(point: Array, up: Array, towards: Array, is_mug: Array) -> Array:
    inside = (np.hypot(point[:, :1], point[:, 2:]) < 0.93) & (point[:, 1:2] > 0.1)
    rim = np.clip((point[:, 1:2] - 2.02) / 0.05, 0, 1) * (np.hypot(point[:, :1], point[:, 2:]) < 1.01)
    glazed = GLAZE + (CLAY - GLAZE) * np.maximum(inside, rim)
    base = np.where(is_mug, glazed, PAPER)
    lit = np.maximum(dot(up, unit(LIGHT - point)), 0) * light_reaching(point, up)
    ambient = openness(point, up) * (0.62 + 0.38 * up[:, 1:2])
    shaded = base * (1.12 * lit * np.array([1.0, 0.965, 0.91]) + 0.52 * ambient * ROOM / ROOM.mean())
    mirrored = towards - 2 * dot(towards, up) * up
    fresnel = 0.045 + 0.955 * (1 - np.clip(-dot(towards, up), 0, 1)) ** 5
    gloss = (softbox(mirrored) + 0.34 * ROOM * (0.6 + 0.4 * mirrored[:, 1:2])) * openness(point, up)
    return np.asarray(shaded + np.where(is_mug, fresnel * gloss, 0))


def rays(rows: slice) -> tuple[Array, Array]:
    forward = unit((LOOKED_AT - CAMERA)[None])
    side = unit(np.cross(forward, [[0.0, 1.0, 0.0]]).astype(np.float32))
    above = np.cross(side, forward)
    height, width = HEIGHT_PX * SAMPLES_PER_SIDE, WIDTH_PX * SAMPLES_PER_SIDE
    y, x = np.mgrid[rows, 0:width].astype(np.float32)
    across, upward = (x.reshape(-1, 1) - width / 2) / height * 2, (height / 2 - y.reshape(-1, 1)) / height * 2
    direction = unit(forward * FOCAL_LENGTH + side * across + above * upward)
    return np.broadcast_to(CAMERA, direction.shape).astype(np.float32), direction.astype(np.float32)


def rendered(rows: slice) -> Array:
    origin, direction = rays(rows)
    point = origin + direction * march(origin, direction)
    is_mug = mug(point) < backdrop(point)
    up = normal(scene, point)
    return colour(point, up, direction, is_mug).reshape(-1, WIDTH_PX * SAMPLES_PER_SIDE, 3).astype(np.float32)


def as_photograph(linear: Array) -> Image.Image:
    """Film curve, sRGB, the paper's and the sensor's grain, a slight fall-off towards the corners."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[-1 : 1 : HEIGHT_PX * 1j, -1 : 1 : WIDTH_PX * 1j]
    exposed = linear * (1 - 0.16 * (x * x + y * y))[..., None]
    toned = exposed * (1 + exposed * 0.12) / (1 + exposed * 0.42)
    coarse = Image.fromarray(random.normal(128, 40, (HEIGHT_PX, WIDTH_PX)).clip(0, 255).astype(np.uint8))
    grain = np.asarray(coarse.filter(ImageFilter.GaussianBlur(1.6)), np.float32) / 128 - 1
    noise = random.normal(0, 0.006, toned.shape) + 0.09 * grain[..., None]
    encoded = np.clip(toned * (1 + noise), 0, 1) ** (1 / 2.2)
    return Image.fromarray((encoded * 255).round().astype(np.uint8))


def main() -> None:
    strip = 60
    strips = [rendered(slice(top, top + strip)) for top in range(0, HEIGHT_PX * SAMPLES_PER_SIDE, strip)]
    fine = np.concatenate(strips)
    n = SAMPLES_PER_SIDE
    linear = fine.reshape(HEIGHT_PX, n, WIDTH_PX, n, 3).mean(axis=(1, 3))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    as_photograph(linear).save(TARGET, quality=84, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
