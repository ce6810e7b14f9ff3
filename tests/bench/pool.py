"""`python -m tests.bench.pool`: how many processes, with how many threads each, give the most images a second.

The last lines are a thread pool: one process whose callers share a session.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config.cores import available_cores
from tests.bench import photographs
from tests.bench.bare import Pool


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pool")
    parser.add_argument("--model", default="u2net")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(photographs.jpeg(photographs.SMALL))
        file.flush()
        print(f"{'provider':10}{'precision':>10}{'processes':>10}{'threads':>9}{'callers':>9}{'spinning':>10}", end="")
        print(f"{'inference/s':>13}{'decode to encode/s':>20}")
        for pool in pools(available_cores()):
            rates = [pool.rates(given.model, Path(file.name), seconds=given.seconds) for _ in range(given.rounds)]
            inference, whole = (max(column) for column in zip(*rates, strict=True))
            print(
                f"{pool.provider:10}{pool.precision:>10}{pool.processes:10}{pool.threads:9}{pool.callers:9}"
                f"{'on' if pool.spins else 'off':>10}{inference:13.2f}{whole:20.2f}",
                flush=True,
            )


def pools(cores: int) -> Iterator[Pool]:
    for provider, precision in (("openvino", "auto"), ("openvino", "fp32"), ("cpu", "fp32")):
        for processes in range(1, cores + 1):
            for threads in range(1, cores + 1):
                yield Pool(processes=processes, threads=threads, provider=provider, precision=precision)
        yield Pool(processes=1, threads=cores, callers=cores, provider=provider, precision=precision)
    yield Pool(processes=cores, threads=cores, provider="cpu", precision="fp32", spins=True)


if __name__ == "__main__":
    main()
