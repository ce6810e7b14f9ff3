"""The one place from which the platform calls an address that a customer gave.

What may be called is decided in processing/addresses.py, and held by processing/connections.py at every connection,
those of a redirect included. Cookies, proxies of the environment and credentials play no part.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import httpcore
import httpx

from config.limits import LIMITS
from processing.addresses import STANDARD_PORTS, Guard, usual_guard
from processing.connections import HEAD_BYTES, Budget, pool
from processing.engine.errors import TooManyBytes
from processing.errors import FetchFailed, FetchTimedOut, TooManyFetches, UrlRefused
from processing.turns import NoTurn, Turns

REDIRECTS = {301, 302, 303, 307, 308}
ANSWER_BYTES = 1_024  # of what a server says to a POST: enough for a person to see what is wrong
BROKEN_OFF = (OSError, httpcore.NetworkError, httpcore.ProtocolError)

# "identity", because what is packed may unpack to anything.
HEADERS = {"User-Agent": "Mattery", "Accept-Encoding": "identity", "Connection": "close"}

SMALL_PARTS = 10_000  # a body may come in so many parts, however small
SMALL_PART = 512  # bytes; more parts than those must be larger on average

_turns = Turns(LIMITS.fetches)


@dataclass(frozen=True, slots=True)
class Fetched:
    data: bytes
    filename: str  # the last part of the address's path; it may be empty


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    beginning: bytes  # of the body, at most ANSWER_BYTES


def fetch(url: str, *, max_bytes: int, tenant_id: UUID, guard: Guard | None = None) -> Fetched:
    """The file at this address, through a few redirects. Raises a FetchError, or TooManyBytes."""
    guard = guard or usual_guard()
    target = guard.checked(url)
    filename = target.path.rpartition("/")[2]
    budget = Budget()
    with _turn(tenant_id), _explained(), pool(guard, budget) as connections:
        for _ in range(LIMITS.fetch_redirects + 1):
            budget.left = HEAD_BYTES
            with _answered(connections, "GET", target) as response:
                if response.status not in REDIRECTS:
                    budget.left = 2 * max_bytes + HEAD_BYTES
                    return Fetched(_file(response, max_bytes), filename)
                target = _redirected(target, response, guard)
    raise FetchFailed(f"The server redirects more than {LIMITS.fetch_redirects} times. Give the final address.")


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float | None = None, guard: Guard | None = None
) -> Answer:
    """Sends it there, once; a redirect is an answer like any other. Raises a FetchError."""
    guard = guard or usual_guard()
    target = guard.checked(url)
    with (
        _explained(),
        pool(guard, Budget(), seconds) as connections,
        _answered(connections, "POST", target, body, headers) as response,
    ):
        return Answer(response.status, _beginning(response))


def require_callable(url: str, *, guard: Guard | None = None) -> None:
    """Whether a call there would be let through, as far as can be known without one. Raises a FetchError."""
    guard = guard or usual_guard()
    target = guard.checked(url)
    with _explained():
        host, port = target.raw_host.decode("ascii"), target.port or STANDARD_PORTS[target.scheme]
        guard.addresses(host, port, timeout_s=LIMITS.fetch_connect_s)


@contextmanager
def _turn(tenant_id: UUID) -> Iterator[None]:
    try:
        with _turns.taken_by(tenant_id):
            yield
    except NoTurn as error:
        raise TooManyFetches from error


@contextmanager
def _explained() -> Iterator[None]:
    """Everything that can go wrong on the way as one of our errors; none of them names an address."""
    try:
        yield
    except TimeoutError as error:
        raise FetchTimedOut from error
    except ssl.SSLCertVerificationError as error:
        raise FetchFailed("The server's certificate is not valid for this address.") from error
    except (*BROKEN_OFF, ValueError) as error:  # ValueError: HTTP that not even the parser expects
        raise FetchFailed("The server broke off, or its answer is not proper HTTP.") from error


@contextmanager
def _answered(
    connections: httpcore.ConnectionPool,
    method: str,
    target: httpx.URL,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[httpcore.Response]:
    url = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
    all_headers = {**(headers or {}), **HEADERS, "Host": target.netloc.decode("ascii")}
    with connections.stream(method, url, headers=list(all_headers.items()), content=body) as response:
        yield response


def _redirected(target: httpx.URL, response: httpcore.Response, guard: Guard) -> httpx.URL:
    location = httpx.Headers(response.headers).get("Location", "")
    onward = guard.checked(location, base=target)
    if (target.scheme, onward.scheme) == ("https", "http"):
        raise UrlRefused("The server redirects from https:// to http://, which is not followed.")
    return onward


def _file(response: httpcore.Response, max_bytes: int) -> bytes:
    """The whole body, if it is a file, and no longer than that: neither as announced nor as sent."""
    headers = httpx.Headers(response.headers)
    if response.status != 200:
        raise FetchFailed(f"The server answered with status {response.status}.")
    if headers.get("Content-Encoding", "").lower() not in ("", "identity"):
        raise FetchFailed("The server packs the file although it was asked not to. Have it sent as it is.")
    if int(headers.get("Content-Length", "0")) > max_bytes:
        raise _too_many_bytes(max_bytes)
    body = bytearray()
    for number, part in enumerate(response.iter_stream()):
        body += part
        if len(body) > max_bytes:
            raise _too_many_bytes(max_bytes)
        if number > SMALL_PARTS + len(body) / SMALL_PART:
            raise FetchFailed("The server sends the file in too many small pieces.")
    if not body:
        raise FetchFailed("The server sent an empty file.")
    return bytes(body)


def _too_many_bytes(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(
        f"The file at this address is larger than the {max_bytes / 1_000_000:g} MB that the plan allows."
    )


def _beginning(response: httpcore.Response) -> bytes:
    """As much as there is: the status has said already what became of the request."""
    body = bytearray()
    with suppress(*BROKEN_OFF, FetchFailed):
        for part in response.iter_stream():
            body += part
            if len(body) >= ANSWER_BYTES:
                break
    return bytes(body[:ANSWER_BYTES])
