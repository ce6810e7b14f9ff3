"""Connections to addresses that a guard has let through, and to no others, each call within a time of its own.

httpcore speaks HTTP over them. It asks for a connection to a host's name, and keeps that name for SNI and the check of
the certificate; which address the name stands for is decided here.
"""

import socket
import ssl
from collections.abc import Iterable
from functools import cache
from time import monotonic

import httpcore
import httpx

from config.limits import LIMITS
from processing.addresses import UNREACHABLE, Guard
from processing.errors import FetchFailed

HEAD_BYTES = 262_144  # of all that may come before a body, with what was read along with it


class Deadline:
    """Of a whole call, however many connections, reads and writes it takes."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = monotonic() + seconds

    def left(self, at_most: float) -> float:
        """Seconds for the next step. Raises TimeoutError when there are none."""
        left = self._ends_at - monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, at_most)


class Budget:
    """The bytes that a server may still send, whatever they are: interim answers, headers, the marks of chunks too."""

    def __init__(self) -> None:
        self.left = HEAD_BYTES

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise FetchFailed("The server sends more than an answer may have beside its file.")


class Stream(httpcore.NetworkStream):
    """A connection. httpcore's own timeouts, one for each read, would let a server go on for ever, byte by byte."""

    def __init__(self, connection: socket.socket, deadline: Deadline, budget: Budget) -> None:
        self._connection = connection
        self._deadline = deadline
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._hurry()
        data = self._connection.recv(max_bytes)
        self._budget.spend(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._hurry()
        try:
            self._connection.sendall(buffer)  # whose timeout is for all of it
        except TimeoutError:
            raise
        except OSError as error:  # the server may have answered before it has read everything: httpcore goes on to look
            raise httpcore.WriteError from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Stream":
        self._hurry()
        try:
            secured = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
            return Stream(secured, self._deadline, self._budget)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def _hurry(self) -> None:
        self._connection.settimeout(self._deadline.left(LIMITS.fetch_silence_s))


class GuardedNetwork(httpcore.NetworkBackend):
    def __init__(self, guard: Guard, deadline: Deadline, budget: Budget) -> None:
        self._guard = guard
        self._deadline = deadline
        self._budget = budget

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Stream:
        """To the first of the host's addresses that answers. Raises FetchFailed, or TimeoutError."""
        failure: OSError | None = None
        for address in self._guard.addresses(host, port, timeout_s=self._time_to_connect()):
            try:
                connection = socket.create_connection((address, port), self._time_to_connect())
                return Stream(connection, self._deadline, self._budget)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise failure
        raise FetchFailed(UNREACHABLE) from failure

    def _time_to_connect(self) -> float:
        return self._deadline.left(LIMITS.fetch_connect_s)


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def pool(guard: Guard, budget: Budget, seconds: float | None = None) -> httpcore.ConnectionPool:
    """The connections of one call, which has so many seconds from now on, LIMITS.fetch_s unless given. Nothing is kept
    open behind its back, no proxy is asked."""
    return httpcore.ConnectionPool(
        ssl_context=_tls(),
        max_keepalive_connections=0,
        network_backend=GuardedNetwork(guard, Deadline(seconds or LIMITS.fetch_s), budget),
    )
