"""The bare session, without a platform around it: what the same cores give at best.

Run as a process of its own beside its equals: prints images a second of inference alone, and from file to file.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from processing.engine import networks, providers
from processing.engine.cutout import cutout
from processing.engine.decode import Limits
from processing.engine.options import Options
from processing.engine.sessions import SessionCache

LIMITS = Limits(max_bytes=10**8, max_pixels=10**8, max_side_px=32_768)
WARM_UP_S = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Processes with a session each, whose networks run on so many threads; `callers` threads share a session."""

    processes: int
    threads: int
    callers: int = 1
    precision: str = "auto"
    provider: str = "auto"
    spins: bool = False

    def rates(self, model: str, photo: Path, *, seconds: float) -> tuple[float, float]:
        """Images a second: inference alone, and decode to encode."""
        starts_at = time.time() + WARM_UP_S
        command = [sys.executable, "-m", "tests.bench.bare", model, str(photo), f"{starts_at}", f"{seconds}"]
        options = ("threads", "callers", "precision", "provider")
        flags = [f"--{name}={getattr(self, name)}" for name in options] + ["--spins"] * self.spins
        equals = [
            subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True) for _ in range(self.processes)
        ]
        figures = [_figures(process) for process in equals]
        return sum(inference for inference, _ in figures), sum(whole for _, whole in figures)


def _figures(process: subprocess.Popen[str]) -> tuple[float, float]:
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit("A bare session broke off; what it said stands above.")
    inference, whole = map(float, said.split())
    return inference, whole


def rate(work: Callable[[], object], *, callers: int, starts_at: float, seconds: float) -> float:
    """Times a second, between two moments that all processes share."""

    def repeat(_: int) -> int:
        done = 0
        while time.time() < starts_at + seconds:
            work()
            done += 1
        return done

    time.sleep(max(0, starts_at - time.time()))
    with ThreadPoolExecutor(callers) as pool:
        done = sum(pool.map(repeat, range(callers)))
    return done / (time.time() - starts_at)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("photo", type=Path)
    parser.add_argument("starts_at", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--callers", type=int)
    parser.add_argument("--precision")
    parser.add_argument("--provider")
    parser.add_argument("--spins", action="store_true")
    given = parser.parse_args()
    networks.SPINNING = str(int(given.spins))
    sessions = SessionCache(
        provider=given.provider, precision=given.precision, pinned=[given.model], threads=given.threads
    )
    session = sessions.get(given.model)
    side = session.model.input_px
    batch = np.random.default_rng(7).random((1, 3, side, side), np.float32)
    image, options = given.photo.read_bytes(), Options(model=given.model)
    if time.time() > given.starts_at:
        raise SystemExit(f"The session was not warm within {WARM_UP_S} s; the others have begun without it.")
    inference = rate(
        lambda: session.predict(batch), callers=given.callers, starts_at=given.starts_at, seconds=given.seconds
    )
    whole = rate(
        lambda: cutout(image, options, sessions=sessions, limits=LIMITS),
        callers=given.callers,
        starts_at=given.starts_at + given.seconds + 2,
        seconds=given.seconds,
    )
    print(f"{inference} {whole}")


def fastest() -> str:
    """What the machine's best session runs on."""
    return providers.named("auto")[0].name


if __name__ == "__main__":
    main()
