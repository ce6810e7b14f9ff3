"""How fine the edges are: `python -m tests.bench.fineness`. Prints; fails on nothing.

Errors against cutouts whose truth is known, as in the tests (MATTE_TRUTH names a folder with more of them), times, and
with `--sheet` a picture of edges before and after.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from processing.engine import matte
from processing.engine.catalog import DEFAULT_MODELS
from processing.engine.foreground import with_foreground_colours
from processing.engine.refine import refined
from processing.engine.sessions import SessionCache
from tests.engine.truth import Truth, absolute_error, colour_error, gradient_error, truths

LARGE = (4_000, 3_000)
REPETITIONS = 3
CROP_PX = 150
CROPS = 3
COLOUR = (230, 0, 160)


def main() -> None:
    arguments = parsed()
    sessions = SessionCache()
    known = measured(sessions)
    if arguments.sheet:
        photos = sorted(arguments.photos.glob("*.jpg")) if arguments.photos else []
        pictures = [truth.photo for truth in known] + [Image.open(path).convert("RGB") for path in photos]
        rows = chain.from_iterable(edges(picture, sessions) for picture in pictures)
        stacked(list(rows)).save(arguments.sheet)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fineness")
    parser.add_argument("--photos", type=Path, help="folder of photographs for the sheet")
    parser.add_argument("--sheet", type=Path, help="where to write the sheet")
    return parser.parse_args()


def measured(sessions: SessionCache) -> list[Truth]:
    """Prints the tables; returns what they were measured on."""
    known = truths()
    errors(known, sessions)
    times(known[0], sessions)
    return known


def errors(known: list[Truth], sessions: SessionCache) -> None:
    print(f"{'':60}{'absolute error':^24}{'gradient error':^24}{'colour error':^24}")
    print(f"{'':60}" + f"{'raw':>8}{'after':>8}{'ratio':>8}" * 3)
    ratios = []
    for truth in known:
        report(f"{truth}, true matte", truth, truth.alpha, truth.alpha)
        for model in DEFAULT_MODELS:
            found = found_matte(truth.photo, model, sessions)
            ratios.append(report(f"{truth}, {model}", truth, found, refined(truth.photo, found)))
    means = np.mean(ratios, axis=0)
    print(f"{'mean over the networks':60}" + "".join(f"{mean:24.3f}" for mean in means) + "\n")


def report(name: str, truth: Truth, found: Image.Image, fine: Image.Image) -> list[float]:
    """Prints a line, and returns its ratios. The colours are those of the matte as the network made it."""
    colours = with_foreground_colours(truth.photo.copy(), found)
    pairs = [
        *((measure(found, truth.alpha), measure(fine, truth.alpha)) for measure in (absolute_error, gradient_error)),
        (colour_error(truth.photo, truth), colour_error(colours, truth)),
    ]
    ratios = [after / before if before else 1.0 for before, after in pairs]
    cells = (f"{before:8.4f}{after:8.4f}{ratio:8.3f}" for (before, after), ratio in zip(pairs, ratios, strict=True))
    print(f"{name:60}" + "".join(cells))
    return ratios


def times(truth: Truth, sessions: SessionCache) -> None:
    print(f"{'':60}{'colours, ms/MP':>18}{'refinement, ms':>18}")
    for size in (truth.photo.size, (800, 600), LARGE):
        photo = truth.photo.resize(size)
        found = found_matte(photo, DEFAULT_MODELS[0], sessions)
        megapixels = size[0] * size[1] / 1e6
        colours_ms = median(timed_ms(lambda image: with_foreground_colours(image, found), photo)) / megapixels  # noqa: B023
        refinement_ms = median(timed_ms(lambda image: refined(image, found), photo))  # noqa: B023
        print(f"{f'{size[0]} x {size[1]}, {DEFAULT_MODELS[0]}':60}{colours_ms:18.1f}{refinement_ms:18.0f}")


def timed_ms(work: Callable[[Image.Image], object], photo: Image.Image) -> Iterator[float]:
    for _ in range(REPETITIONS):
        image = photo.copy()
        started = time.perf_counter()
        work(image)
        yield (time.perf_counter() - started) * 1000


def found_matte(photo: Image.Image, model: str, sessions: SessionCache) -> Image.Image:
    session = sessions.get(model)
    prediction = session.predict(matte.network_input(photo, session.model))
    return matte.full_size_matte(prediction, session.model, photo.size)


def edges(photo: Image.Image, sessions: SessionCache) -> Iterator[Image.Image]:
    """For each network a row: the finest crops at 200 %, raw and mended, over squares and over a colour."""
    for model in DEFAULT_MODELS:
        found = found_matte(photo, model, sessions)
        fine = refined(photo, found)
        pairs = [(photo, found), (with_foreground_colours(photo.copy(), fine), fine)]
        cells = [
            Image.composite(colours.crop(box), background, alpha.crop(box)).resize((CROP_PX * 2, CROP_PX * 2))
            for box in finest(found)
            for background in (squares(), Image.new("RGB", (CROP_PX, CROP_PX), COLOUR))
            for colours, alpha in pairs
        ]
        yield Image.fromarray(np.hstack([np.asarray(cell) for cell in cells]))


def finest(alpha: Image.Image) -> list[tuple[int, int, int, int]]:
    """The parts with the most translucent pixels."""
    is_translucent = Image.fromarray(((np.asarray(alpha) - 13).astype(np.uint8) < 230).astype(np.uint8))
    corners = [
        (left, top)
        for top in range(0, alpha.height - CROP_PX, CROP_PX)
        for left in range(0, alpha.width - CROP_PX, CROP_PX)
    ]
    boxes = [(left, top, left + CROP_PX, top + CROP_PX) for left, top in corners]
    return sorted(boxes, key=lambda box: -int(np.asarray(is_translucent.crop(box)).sum()))[:CROPS]


def squares() -> Image.Image:
    y, x = np.mgrid[:CROP_PX, :CROP_PX] // 10
    return Image.fromarray(np.where((x + y) % 2, 255, 190).astype(np.uint8)).convert("RGB")


def stacked(rows: list[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


if __name__ == "__main__":
    main()
