"""Clients that send photographs as fast as they are answered."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from statistics import quantiles

import httpx

TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and where and how it takes a photograph: as the raw body, or in a form's field."""

    name: str
    base_url: str
    path: str
    form_field: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, headers=self.headers, timeout=TIMEOUT_S)

    def send(self, http: httpx.Client, photo: bytes) -> httpx.Response:
        if self.form_field:
            files = {self.form_field: ("photo.jpg", photo, "image/jpeg")}
            return http.post(self.path, files=files, data=self.fields)
        return http.post(self.path, content=photo, headers={"Content-Type": "image/jpeg"})

    def answers(self, http: httpx.Client, photo: bytes) -> bool:
        try:
            return self.send(http, photo).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@dataclass(frozen=True, slots=True)
class Load:
    clients: int
    took_ms: tuple[float, ...]
    elapsed_s: float
    failed: int

    @property
    def per_second(self) -> float:
        return (len(self.took_ms) - self.failed) / self.elapsed_s

    @property
    def p50_ms(self) -> float:
        return self._percentile(50)

    @property
    def p99_ms(self) -> float:
        return self._percentile(99)

    def _percentile(self, percent: int) -> float:
        return quantiles(self.took_ms * 2, n=100, method="inclusive")[percent - 1]

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.clients,
            self.took_ms + other.took_ms,
            self.elapsed_s + other.elapsed_s,
            self.failed + other.failed,
        )


def for_seconds(target: Target, photo: bytes, *, clients: int, seconds: float) -> Load:
    ends_at = time.monotonic() + seconds
    return _load(target, clients, lambda: photo if time.monotonic() < ends_at else None)


def for_requests(target: Target, photos: Sequence[bytes], *, clients: int, requests: int) -> Load:
    """The photographs in turn, each client taking the next."""
    numbers = count()

    def next_photo() -> bytes | None:
        number = next(numbers)
        return photos[number % len(photos)] if number < requests else None

    return _load(target, clients, next_photo)


def _load(target: Target, clients: int, next_photo: Callable[[], bytes | None]) -> Load:
    def client(_: int) -> tuple[list[float], int]:
        took_ms: list[float] = []
        failed = 0
        with target.client() as http:
            while (photo := next_photo()) is not None:
                started = time.perf_counter()
                failed += not target.answers(http, photo)
                took_ms.append((time.perf_counter() - started) * 1000)
        return took_ms, failed

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        results = list(pool.map(client, range(clients)))
    took_ms = tuple(each for times, _ in results for each in times)
    return Load(clients, took_ms, time.monotonic() - started, sum(failed for _, failed in results))
