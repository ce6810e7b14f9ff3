"""A customer's server: takes what webhooks are told, answers as it is asked to, and remembers what came."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Message:
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """What it says, if the signature is right, as Standard Webhooks' own library sees it."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass(slots=True)
class Inbox:
    """One address of the server. `answers` are its next ones: a status, or seconds to be silent for; then 200."""

    url: str
    answers: list[int | float] = field(default_factory=list)
    body: bytes = b"thanks"
    messages: list[Message] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]


class Receiver:
    def __init__(self, host: str, port: int) -> None:
        self.inboxes: dict[str, Inbox] = {}
        self.server = ThreadingHTTPServer((host, port), _handler(self.inboxes))
        self.server.daemon_threads = True
        self._base = f"http://{host}:{port}"

    def inbox(self) -> Inbox:
        path = f"/{uuid4().hex}"
        self.inboxes[path] = Inbox(self._base + path)
        return self.inboxes[path]


def _handler(inboxes: Mapping[str, Inbox]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            inbox = inboxes[self.path]
            headers = {name.lower(): value for name, value in self.headers.items()}
            inbox.messages.append(Message(headers, self.rfile.read(int(headers["content-length"]))))
            answer = inbox.answers.pop(0) if inbox.answers else 200
            if isinstance(answer, float):
                time.sleep(answer)
                answer = 200
            self.send_response(answer)
            self.send_header("Content-Length", str(len(inbox.body)))
            self.end_headers()
            self.wfile.write(inbox.body)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the platform hung up
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def receiving(authority: str) -> Iterator[Receiver]:
    host, _, port = authority.rpartition(":")
    receiver = Receiver(host, int(port))
    thread = Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
