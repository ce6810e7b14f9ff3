"""Servers on this machine that images are fetched from: good ones, and those that no proper program would make."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

type Answer = Callable[[socket.socket, str], None]


class Origin:
    """Does with each request what it is told to; remembers the requests, and the names that TLS clients asked for."""

    def __init__(self, listener: socket.socket, answer: Answer, *, tls: ssl.SSLContext | None, listens: bool) -> None:
        self.address, self.port = listener.getsockname()[:2]
        self.requests: list[str] = []
        self.names: list[str | None] = []
        self.connections = 0
        self._listener, self._answer, self._tls, self._listens = listener, answer, tls, listens
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def serve(self) -> None:
        with suppress(OSError):  # the listener has been shut
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the platform hangs up when it has seen enough
            if self._tls:
                with self._tls.wrap_socket(connection, server_side=True) as encrypted:
                    self._reply(encrypted)
            else:
                self._reply(connection)

    def _reply(self, connection: socket.socket) -> None:
        if not self._listens:
            self._answer(connection, "")
            return
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65_536)
            if not part:
                return
            head += part
        self.requests.append(head.decode("latin-1"))
        self._answer(connection, self.requests[-1].split()[1])


@contextmanager
def origin(
    answer: Answer, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None, listens: bool = True
) -> Iterator[Origin]:
    """`listens`: whether it reads the request before it answers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, backlog=64) as listener:
        server = Origin(listener, answer, tls=tls, listens=listens)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def sending(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    """A proper answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection, _path: connection.sendall("\r\n".join(lines).encode() + body)


def sending_raw(*parts: bytes) -> Answer:
    """These bytes, whatever they are."""
    return lambda connection, _path: connection.sendall(b"".join(parts))


def redirecting(location: str, status: int = 302) -> Answer:
    return sending(b"", f"Location: {location}", status=f"{status} Elsewhere")


def routed(**answers: Answer) -> Answer:
    """One answer for each path: `photo_jpg` is for /photo.jpg."""
    paths = {"/" + name.replace("_", "."): answer for name, answer in answers.items()}

    def answer(connection: socket.socket, path: str) -> None:
        paths.get(path.partition("?")[0], sending(b"", status="404 Not Found"))(connection, path)

    return answer


def repeating(beginning: bytes, part: bytes, *, pause_s: float = 0) -> Answer:
    """`part` after `part`, for as long as somebody listens, and at most some half a minute."""

    def answer(connection: socket.socket, _path: str) -> None:
        connection.sendall(beginning)
        pause = threading.Event()
        for _ in range(300 if pause_s else 1_000_000):
            connection.sendall(part)
            if pause_s:
                pause.wait(pause_s)

    return answer
