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


class Stream(httpcore.NetworkStream):
    """A connection. httpcore's own timeouts, one for each read, would let a server go on for ever, byte by byte."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._hurry()
        return self._connection.recv(max_bytes)

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
            return Stream(ssl_context.wrap_socket(self._connection, server_hostname=server_hostname), self._deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def _hurry(self) -> None:
        self._connection.settimeout(self._deadline.left(LIMITS.fetch_silence_s))


class GuardedNetwork(httpcore.NetworkBackend):
    def __init__(self, guard: Guard, deadline: Deadline) -> None:
        self._guard = guard
        self._deadline = deadline

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
                return Stream(socket.create_connection((address, port), self._time_to_connect()), self._deadline)
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


def pool(guard: Guard, seconds: float = LIMITS.fetch_s) -> httpcore.ConnectionPool:
    """The connections of one call, which has so many seconds from now on. Nothing is kept open behind its back, no
    proxy is asked."""
    return httpcore.ConnectionPool(
        ssl_context=_tls(),
        max_keepalive_connections=0,
        network_backend=GuardedNetwork(guard, Deadline(seconds)),
    )
