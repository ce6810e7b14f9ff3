"""The bare session, without a platform around it: what the same cores give at best.

Run as a process of its own beside its equals: prints images a second of inference alone, and from file to file.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from processing.engine.cutout import cutout
from processing.engine.decode import Limits
from processing.engine.options import Options
from processing.engine.sessions import SessionCache

LIMITS = Limits(max_bytes=10**8, max_pixels=10**8, max_side_px=32_768)


def rate(work: Callable[[], object], *, starts_at: float, seconds: float) -> float:
    """Times a second, between two moments that all processes share."""
    time.sleep(max(0, starts_at - time.time()))
    done, ends_at = 0, starts_at + seconds
    while time.time() < ends_at:
        work()
        done += 1
    return done / (time.time() - starts_at)


def main(model: str, photo: str, starts_at: float, seconds: float) -> None:
    sessions = SessionCache(provider="auto", pinned=[model])
    session = sessions.get(model)
    side = session.model.input_px
    batch = np.random.default_rng(7).random((1, 3, side, side), np.float32)
    with open(photo, "rb") as file:  # noqa: PTH123
        image = file.read()
    options = Options(model=model)
    inference = rate(lambda: session.predict(batch), starts_at=starts_at, seconds=seconds)
    whole = rate(
        lambda: cutout(image, options, sessions=sessions, limits=LIMITS),
        starts_at=starts_at + seconds + 2,
        seconds=seconds,
    )
    print(f"{inference} {whole}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
