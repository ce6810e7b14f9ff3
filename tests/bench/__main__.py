"""`make bench`: the platform beside the bare session and, with --peer-url, beside another server, on the same machine
in the same run. Prints; fails on nothing.

Absolute figures drift from machine to machine: read the ratios.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import httpx

from config.cores import available_cores
from processing.engine.sessions import SessionCache
from tests.bench import cold_start, fineness, load, memory, photographs, platform
from tests.bench.bare import Pool, fastest
from tests.bench.load import Load, Target
from tests.bench.platform import Platform

CLIENTS = (1, 4, 8)
MIXED_REQUESTS = 500
LATE_SHARE = 0.6
ROUNDS = 3
OUR_WORK = ("decode", "inference", "encode")


def main() -> None:
    given = parsed()
    with tempfile.TemporaryDirectory(prefix="mattery-bench-") as folder:
        small = Path(folder) / "small.jpg"
        small.write_bytes(photographs.jpeg(photographs.SMALL))
        print(f"{available_cores()} cores, {given.model}, best on {fastest()}; {given.seconds:g} s a line.")
        print("JPEG photographs of 800x600 to PNG, unless it says otherwise.")
        for precision in ("auto", "fp32"):
            against_ourselves(Path(folder), small, precision, given)
        if given.peer_url:
            against_a_peer(Path(folder), given)
        print(f"\nfrom process start to a warm {given.model}: {cold_start.seconds(given.model):.2f} s\n")
        fineness.measured(SessionCache())


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Give options as ARGS='--seconds 20'.")
    parser.add_argument("--model", default="u2net")
    parser.add_argument("--seconds", type=float, default=20, help="how long each line is measured")
    parser.add_argument("--peer-url", default="", help="a rembg server on this machine; make bench PEER_URL=…")
    parser.add_argument("--requests", type=int, default=MIXED_REQUESTS, help="mixed ones, while memory is watched")
    return parser.parse_args()


def against_ourselves(folder: Path, small: Path, precision: str, given: argparse.Namespace) -> None:
    cores = available_cores()
    title(f"Ourselves, precision {precision}", "images/s", "p50 ms", "p99 ms", "of bare")
    pool = Pool(processes=cores, threads=cores, precision=precision)
    inference, whole = pool.rates(given.model, small, seconds=given.seconds)
    row(f"bare session, {cores} processes", f"{inference:.2f}")
    row("  decode to encode, the same", f"{whole:.2f}", "", "", f"{whole / inference:.0%}")
    with platform.started(
        folder / precision, model=given.model, environment={"INFERENCE_PRECISION": precision}
    ) as ours:
        target = sync_api(ours)
        for clients in CLIENTS:
            found = load.for_seconds(target, small.read_bytes(), clients=clients, seconds=given.seconds)
            row(f"sync API, {clients} clients", *figures(found), f"{found.per_second / inference:.0%}")
        row("platform overhead, 1 client", "", f"{overhead_ms(ours, small.read_bytes(), given.seconds):.1f}")


def against_a_peer(folder: Path, given: argparse.Namespace) -> None:
    title(f"Ours / {given.peer_url}", "ours", "peer", "ratio")
    model = {"model": given.model}  # the peer's own default is another, which must not be used commercially
    peer = Target("peer", given.peer_url, "/api/remove", "file", model)
    with platform.started(folder / "peer", model=given.model, environment={}) as ours:
        target = Target("ours", ours.base_url, "/api/remove", "file", model, {"X-API-Key": ours.api_key})
        small, large = photographs.jpeg(photographs.SMALL), photographs.jpeg(photographs.LARGE)
        both = (target, peer)
        for each in both:
            load.for_requests(each, [small, large], clients=2, requests=4)
        for name, photo, clients in (("", small, 8), ("", small, 1), (" of 12 megapixels", large, 1)):
            our_load, their_load = in_turn(both, photo, clients=clients, seconds=given.seconds / 2)
            compared(f"requests/s{name}, {clients} clients", our_load.per_second, their_load.per_second)
            compared(f"  p50 ms{name}", our_load.p50_ms, their_load.p50_ms)
            compared(f"  p99 ms{name}", our_load.p99_ms, their_load.p99_ms)
            compared("  failed", our_load.failed, their_load.failed)
        if given.requests:
            pids = (ours.worker_pid, memory.listener(httpx.URL(given.peer_url).port or 80))
            compare_memory(both, pids, given.requests)


def in_turn(targets: Sequence[Target], photo: bytes, *, clients: int, seconds: float) -> list[Load]:
    """One after the other, several times, so that a slow minute of the machine hits both."""
    rounds = [
        [load.for_seconds(target, photo, clients=clients, seconds=seconds) for target in targets] for _ in range(ROUNDS)
    ]
    totals = rounds[0]
    for loads in rounds[1:]:
        totals = [total + each for total, each in zip(totals, loads, strict=True)]
    return totals


def compare_memory(targets: Sequence[Target], pids: Sequence[int], requests: int) -> None:
    photos = [photographs.jpeg(size) for size in photographs.MIXED]
    found = []
    for target, pid in zip(targets, pids, strict=True):
        with memory.watched(pid) as watched:
            mixed = load.for_requests(target, photos, clients=8, requests=requests)
        found.append((watched, mixed))
    (our_memory, our_load), (their_memory, their_load) = found
    compared(f"peak MB over {requests} mixed requests, 8 clients", our_memory.peak_mb, their_memory.peak_mb)
    compared(
        f"  growth over the last {LATE_SHARE:.0%}",
        our_memory.growth(share=LATE_SHARE),
        their_memory.growth(share=LATE_SHARE),
    )
    compared("  mixed requests/s", our_load.per_second, their_load.per_second)
    compared("  failed", our_load.failed, their_load.failed)


def sync_api(ours: Platform) -> Target:
    return Target("ours", ours.base_url, "/api/v1/jobs", headers={"X-API-Key": ours.api_key, "Prefer": "wait=60"})


def overhead_ms(ours: Platform, photo: bytes, seconds: float) -> float:
    """The median of what a call takes beside inference, decode and encode."""
    target = sync_api(ours)
    overheads: list[float] = []
    with target.client() as http:
        http.headers["Accept"] = "application/json"
        for _ in range(max(10, int(seconds * 2))):
            response = target.send(http, photo)
            timings = response.json()["timings_ms"]
            overheads.append(response.elapsed.total_seconds() * 1000 - sum(timings[name] for name in OUR_WORK))
    return median(overheads)


def figures(found: Load) -> tuple[str, str, str]:
    failed = f" ({found.failed} failed)" if found.failed else ""
    return f"{found.per_second:.2f}{failed}", f"{found.p50_ms:.0f}", f"{found.p99_ms:.0f}"


def title(name: str, *columns: str) -> None:
    print()
    row(name, *columns)


def compared(name: str, ours: float, theirs: float) -> None:
    row(name, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f} x" if theirs else "")


def row(name: str, *cells: str) -> None:
    print(f"{name:46}" + "".join(f"{cell:>12}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
