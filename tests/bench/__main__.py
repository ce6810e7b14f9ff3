"""`make bench`: the sync API beside the bare session on the same machine in the same run. Prints; fails on nothing.

Absolute figures drift from machine to machine: read the ratios.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread

import httpx
import psutil
import psycopg

from config.local import programs
from config.local.installation import Installation
from config.local.processes import free_port, run, running, wait_until
from tests.photographs import astronaut

CLIENTS = (1, 4, 8)
WARM_UP_S = 25


@dataclass(frozen=True, slots=True)
class Load:
    clients: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def main() -> None:
    arguments = parsed()
    with tempfile.TemporaryDirectory(prefix="mattery-bench-") as folder:
        photo = Path(folder) / "photo.jpg"
        photo.write_bytes(astronaut(800, 600))
        processes = os.cpu_count() or 1
        print(f"{processes} cores. {arguments.model}, a JPEG of 800x600 to PNG, {arguments.seconds:g} s a line.\n")
        inference, whole = bare(arguments.model, photo, processes=processes, seconds=arguments.seconds)
        loads, peak_mb = through_the_api(Path(folder), photo, arguments)
    print(f"{'':34}{'images/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'of bare':>10}")
    print(f"{f'bare session, {processes} processes':34}{inference:10.2f}")
    print(f"{'  decode to encode, the same':34}{whole:10.2f}{'':20}{whole / inference:10.0%}")
    for load in loads:
        share = f"{load.per_second / inference:10.0%}"
        name = f"sync API, {load.clients} client{'s' if load.clients > 1 else ''}"
        print(f"{name:34}{load.per_second:10.2f}{load.p50_ms:10.0f}{load.p99_ms:10.0f}{share}")
        if load.failed:
            print(f"{'  requests that failed':34}{load.failed:10}")
    print(f"\npeak memory of all worker processes: {peak_mb:.0f} MB (proportional set size)")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Give options as ARGS='--seconds 20'.")
    parser.add_argument("--model", default="u2net")
    parser.add_argument("--seconds", type=float, default=20, help="how long each line is measured")
    return parser.parse_args()


def bare(model: str, photo: Path, *, processes: int, seconds: float) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.bench.bare", model, str(photo), str(time.time() + WARM_UP_S), str(seconds)]
    equals = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    figures = [[float(part) for part in process.communicate()[0].split()] for process in equals]
    return sum(line[0] for line in figures), sum(line[1] for line in figures)


def through_the_api(folder: Path, photo: Path, arguments: argparse.Namespace) -> tuple[list[Load], float]:
    port = free_port()
    installation = Installation(folder, {}, is_durable=False)
    environment = {
        **os.environ,
        **installation.environment,
        "PORT": str(port),
        "DEFAULT_MODEL": arguments.model,
        "PINNED_MODELS": arguments.model,
    }
    log_dir = installation.log_dir
    with running(installation):
        run(programs.migrate(environment, log_dir))
        key = first_key(environment, installation.first_run_path)
        web, worker = programs.web(environment, log_dir), programs.worker(environment, log_dir)
        with running(web), running(worker):
            wait_until(lambda: programs.is_ok(port, "/readyz"), children=[web, worker], timeout_s=120)
            with peak_memory_mb(worker.pid) as peak:
                loads = [measured(port, key, photo, clients, arguments.seconds) for clients in CLIENTS]
            return loads, peak[0]


def first_key(environment: dict[str, str], record_path: Path) -> str:
    """The first tenant's key, on a plan that does not get in the way."""
    run(programs.bootstrap(environment, record_path))
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        connection.execute("UPDATE accounts_plan SET monthly_credits = 1000000, requests_per_minute = 1000000")
    key: str = json.loads(record_path.read_text())["api_key"]
    return key


def measured(port: int, key: str, photo: Path, clients: int, seconds: float) -> Load:
    image = photo.read_bytes()
    ends_at = time.monotonic() + seconds

    def client(_: int) -> tuple[list[float], int]:
        took_ms, failed = [], 0
        headers = {"X-API-Key": key, "Prefer": "wait=60", "Content-Type": "image/jpeg"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=90) as http:
            while time.monotonic() < ends_at:
                started = time.perf_counter()
                failed += http.post("/api/v1/jobs", content=image).status_code != httpx.codes.OK
                took_ms.append((time.perf_counter() - started) * 1000)
        return took_ms, failed

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        results = list(pool.map(client, range(clients)))
    elapsed = time.monotonic() - started
    took_ms = [each for result, _ in results for each in result]
    percentiles = quantiles(took_ms, n=100, method="inclusive")
    return Load(clients, len(took_ms) / elapsed, percentiles[49], percentiles[98], sum(failed for _, failed in results))


@contextmanager
def peak_memory_mb(pid: int) -> Iterator[list[float]]:
    """Watches a worker and its children; the list's one figure is their largest sum seen."""
    peak, stop = [0.0], Event()

    def watch() -> None:
        while not stop.wait(0.25):
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            peak[0] = max(peak[0], sum(process.memory_full_info().pss for process in family) / 1e6)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    yield peak
    stop.set()
    thread.join()


if __name__ == "__main__":
    main()
