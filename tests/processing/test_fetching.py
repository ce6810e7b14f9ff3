"""Fetching from real servers on this machine: the good, the hostile and the slow."""

import gzip
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from config.limits import LIMITS
from processing import addresses, connections, fetching
from processing.addresses import Guard
from processing.engine.errors import TooManyBytes
from processing.errors import FetchFailed, FetchTimedOut, TooManyFetches, UrlRefused
from processing.fetching import Fetched, fetch, post
from processing.turns import Turns
from tests.certificates import Authority, authority
from tests.origins import Answer, Origin, origin, redirecting, repeating, routed, sending, sending_raw
from tests.waiting import wait_for

FILE = b"\x89PNG and what follows" * 50
HOST = "images.example"
TENANT = uuid4()
ASKED: dict[str, Any] = {"max_bytes": 1_000_000, "tenant_id": TENANT}


class Names:
    """What names lead to; the last answer stays."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, _timeout_s: float) -> list[str]:
        self.asked.append(host)
        return [self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]]


def guard_for(*servers: Origin) -> Guard:
    return Guard(let_through=[server.authority for server in servers])


def fetched(
    answer: Answer, *, path: str = "/photo.jpg", max_bytes: int = 1_000_000, tenant_id: UUID = TENANT
) -> Fetched:
    with origin(answer) as server:
        return fetch(server.url + path, max_bytes=max_bytes, tenant_id=tenant_id, guard=guard_for(server))


def test_a_file() -> None:
    assert fetched(sending(FILE, "Content-Type: image/png")) == Fetched(FILE, "photo.jpg")


def test_a_file_in_chunks() -> None:
    chunks = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: 1\r\n\r\n"
    assert fetched(sending_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks)).data == b"hello world"


def test_a_file_of_an_old_server() -> None:
    answer = sending_raw(b"HTTP/1.0 200 OK\r\n\r\n", FILE)

    def answer_and_hang_up(connection: socket.socket, path: str) -> None:
        answer(connection, path)
        connection.shutdown(socket.SHUT_RDWR)

    assert fetched(answer_and_hang_up).data == FILE


@pytest.mark.parametrize(
    ("path", "filename"),
    [
        ("/a/b/cat.jpg?size=2#top", "cat.jpg"),
        ("/a/K%C3%A4tzchen%20.jpg", "Kätzchen .jpg"),
        ("/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/a/", ""),
        ("", ""),
        ("?file=a.jpg", ""),
    ],
)
def test_the_file_is_named_after_the_last_part_of_the_path(path: str, filename: str) -> None:
    assert fetched(sending(FILE), path=path).filename == filename


def test_what_the_request_says() -> None:
    with origin(sending(FILE)) as server:
        fetch(f"{server.url}/a%0d%0aX-Injected:%201?b=c d", **ASKED, guard=guard_for(server))
    assert server.requests[0].strip().split("\r\n") == [
        "GET /a%0d%0aX-Injected:%201?b=c%20d HTTP/1.1",
        f"Host: {server.authority}",
        "User-Agent: Mattery",
        "Accept-Encoding: identity",
        "Connection: close",
    ]


# The connection


def test_it_connects_to_the_address_that_was_checked() -> None:
    """A name that leads elsewhere when it is asked for again: whoever asks twice is led inside."""
    with origin(sending(FILE)) as public, origin(sending(b"secret"), address="127.0.0.2") as inside:
        names = Names("127.0.0.1", "127.0.0.2")
        guard = Guard(resolve=names, is_public=lambda address: address == "127.0.0.1", ports={public.port})
        assert fetch(f"http://{HOST}:{public.port}/", **ASKED, guard=guard).data == FILE
        assert names.asked == [HOST]
        assert f"Host: {HOST}:{public.port}" in public.requests[0]
        assert inside.connections == 0


def test_every_redirect_is_checked_anew() -> None:
    """The same name, asked for again because a redirect names it, and now it leads inside."""
    with origin(redirecting("/again")) as public:
        names = Names("127.0.0.1", "127.0.0.2")
        guard = Guard(resolve=names, is_public=lambda address: address == "127.0.0.1", ports={public.port})
        with pytest.raises(FetchFailed, match="no public server"):
            fetch(f"http://{HOST}:{public.port}/", **ASKED, guard=guard)
        assert names.asked == [HOST, HOST]
        assert public.connections == 1


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with origin(sending(FILE)) as server:
        guard = Guard(
            resolve=lambda _host, _timeout_s: ["127.0.0.3", "127.0.0.1"],
            is_public=lambda _address: True,
            ports={server.port},
        )
        assert fetch(f"http://{HOST}:{server.port}/", **ASKED, guard=guard).data == FILE


def test_a_closed_port_looks_like_an_address_of_the_inside() -> None:
    with origin(sending(FILE)) as server:
        pass
    guard = Guard(resolve=Names("127.0.0.1"), is_public=lambda _address: True, ports={server.port})
    with pytest.raises(FetchFailed) as caught:
        fetch(f"http://{HOST}:{server.port}/", max_bytes=1_000, tenant_id=TENANT, guard=guard)
    assert caught.value.detail == addresses.UNREACHABLE


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with origin(sending(FILE)) as server, origin(sending(b"from a proxy")) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert fetch(server.url, **ASKED, guard=guard_for(server)).data == FILE
        assert proxy.connections == 0


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    answer = routed(old_jpg=redirecting("new.png?x=1", status), new_png=sending(FILE))
    assert fetched(answer, path="/old.jpg") == Fetched(FILE, "old.jpg")


def test_a_redirect_to_another_host_brings_no_cookies() -> None:
    with origin(sending(FILE)) as second:
        cookie = sending(b"", f"Location: {second.url}/b", "Set-Cookie: a=b; Domain=127.0.0.1", status="302 Found")
        with origin(cookie) as first:
            assert fetch(first.url, **ASKED, guard=guard_for(first, second)).data == FILE
    assert "cookie" not in second.requests[0].lower()
    assert f"Host: {second.authority}" in second.requests[0]


def test_redirects_come_to_an_end() -> None:
    with origin(redirecting("/")) as server, pytest.raises(FetchFailed, match="more than 3 times"):
        fetch(server.url, max_bytes=1_000, tenant_id=TENANT, guard=guard_for(server))
    assert len(server.requests) == LIMITS.fetch_redirects + 1


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "http://0x7f000001/",
    ],
)
def test_a_redirect_that_leads_inside(location: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetched(redirecting(location))
    assert caught.value.detail == addresses.UNREACHABLE


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "http://127.0.0.1:6379/",
        "http://user:password@example.com/",
        "http://[::1",
        "http://exam\tple.com/",
        "http://example.com/" + "a" * 9_000,
    ],
)
def test_a_redirect_that_is_refused_for_its_looks(location: str) -> None:
    with pytest.raises(UrlRefused):
        fetched(redirecting(location))


def test_a_redirect_without_an_address() -> None:
    with pytest.raises(FetchFailed):
        fetched(sending(b"", status="302 Found"))


# What comes back


@pytest.mark.parametrize(
    "status", ["404 Not Found", "403 Forbidden", "500 Oops", "204 No Content", "206 Partial", "304 Same"]
)
def test_their_status_is_told(status: str) -> None:
    with pytest.raises(FetchFailed, match=f"status {status[:3]}"):
        fetched(sending(b"" if status[0] in "23" else b"a page", status=status))


def test_an_empty_file() -> None:
    with pytest.raises(FetchFailed, match="empty"):
        fetched(sending(b""))


def test_a_file_as_large_as_allowed() -> None:
    assert fetched(sending(b"x" * 1_000), max_bytes=1_000).data == b"x" * 1_000


ENDLESS = repeating(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(65_536) + b"\r\n")
TOO_LARGE = {
    "announced": sending_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
    "announced beyond all measure": sending_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    "endless": repeating(b"HTTP/1.1 200 OK\r\n\r\n", bytes(65_536)),
    "endless in chunks": ENDLESS,
    "one byte": sending_raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_001),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_file_that_is_too_large(name: str) -> None:
    with pytest.raises(TooManyBytes, match=r"0\.001 MB"):
        fetched(TOO_LARGE[name], max_bytes=1_000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip"])
def test_a_bomb_is_not_unpacked(encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    with pytest.raises(FetchFailed, match="packs"):
        fetched(sending(bomb, f"Content-Encoding: {encoding}"))


OK = b"HTTP/1.1 200 OK\r\n"
IMPROPER = {
    "shorter than announced": OK + b"Content-Length: 1000\r\n\r\nshort",
    "chunks that end too early": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "no end of the chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunks of no length": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "chunks of negative length": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a negative length": OK + b"Content-Length: -5\r\n\r\nhello",
    "a length that is none": OK + b"Content-Length: five\r\n\r\nhello",
    "a length of 5,000 digits": OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\nhello",
    "a length in other digits": OK + "Content-Length: \u0665\r\n\r\nhello".encode(),
    "an unknown transfer encoding": OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "another protocol": b"-ERR unknown command 'GET'\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "no status": b"HTTP/1.1\r\n\r\n",
    "a status of text": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status of five digits": b"HTTP/1.1 20000 OK\r\n\r\n",
    "a head without end": OK + b"X: " + b"x" * 300_000,
    "ten thousand headers": OK + b"X-Header: value\r\n" * 10_000 + b"\r\n",
    "a header without a name": OK + b": value\r\n\r\nhello",
    "a NUL in a header": OK + b"X: a\0b\r\n\r\nhello",
    "another protocol from here on": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "only that it goes on": b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000,
    "that it goes on, for ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000,
    "chunks of one byte": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 100_000,
    "a redirect of bytes": b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", IMPROPER)
def test_an_answer_that_is_not_proper(name: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        fetched(sending_raw(IMPROPER[name]))
    assert "127.0.0.1" not in caught.value.detail


def test_bytes_beyond_the_announced_length_are_not_read() -> None:
    assert fetched(sending_raw(OK + b"Content-Length: 5\r\n\r\nhello and more")).data == b"hello"


# Time


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LIMITS", replace(LIMITS, fetch_s=2, fetch_silence_s=1))


SLOW = {
    "a head that drips": repeating(OK, b"X: y\r\n", pause_s=0.1),
    "a head without end of its line": repeating(OK + b"X: ", b"y", pause_s=0.1),
    "a body that drips": repeating(OK + b"Content-Length: 1000000\r\n\r\n", b"x", pause_s=0.1),
    "chunks that drip": repeating(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", pause_s=0.1),
    "news that it goes on": repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.1),
    "silence": repeating(b"", b"", pause_s=0.1),
    "silence after the head": repeating(OK + b"Content-Length: 1000000\r\n\r\n", b"", pause_s=0.1),
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.usefixtures("hurried")
def test_a_slow_server_is_given_up(name: str) -> None:
    with pytest.raises(FetchTimedOut, match="too slow"):
        fetched(SLOW[name])


@pytest.mark.usefixtures("hurried")
def test_a_server_that_never_greets_is_given_up() -> None:
    """Silence where TLS should begin."""
    with origin(repeating(b"", b"", pause_s=0.1)) as server, pytest.raises(FetchTimedOut):
        fetch(f"https://{server.authority}/", max_bytes=1_000, tenant_id=TENANT, guard=guard_for(server))


def test_a_name_that_takes_too_long() -> None:
    def resolve(_host: str, _timeout_s: float) -> list[str]:
        raise TimeoutError

    with pytest.raises(FetchTimedOut):
        fetch(f"http://{HOST}/", max_bytes=1_000, tenant_id=TENANT, guard=Guard(resolve=resolve))


def test_slow_servers_leave_threads_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_turns", Turns(3))  # two of them for one tenant
    go_on = Event()

    def answer_later(connection: socket.socket, path: str) -> None:
        go_on.wait()
        sending(FILE)(connection, path)

    with origin(answer_later) as slow, ThreadPoolExecutor(2) as others:
        try:
            fetches = [others.submit(fetch, slow.url, guard=guard_for(slow), **ASKED) for _ in range(2)]
            wait_for(lambda: len(slow.requests) == 2, seconds=10)
            with pytest.raises(TooManyFetches):
                fetch(slow.url, **ASKED, guard=guard_for(slow))
            assert fetched(sending(FILE), tenant_id=uuid4()).data == FILE
        finally:
            go_on.set()
        assert [done.result().data for done in fetches] == [FILE, FILE]
    assert fetched(sending(FILE)).data == FILE
    with pytest.raises(UrlRefused):
        fetched(redirecting("file:///"))
    assert fetched(sending(FILE)).data == FILE


# TLS


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    made = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    connections._tls.cache_clear()
    yield made
    connections._tls.cache_clear()


def secure(server: Origin) -> Guard:
    return Guard(resolve=Names("127.0.0.1"), is_public=lambda _address: True, ports={server.port})


def test_the_certificate_is_checked_against_the_name(trusted: Authority) -> None:
    with origin(sending(FILE), tls=trusted.server(HOST)) as server:
        assert fetch(f"https://{HOST}:{server.port}/", **ASKED, guard=secure(server)).data == FILE
        assert fetch(f"https://{HOST}.:{server.port}/", **ASKED, guard=secure(server)).data == FILE
    assert server.names == [HOST, HOST]
    assert f"Host: {HOST}:{server.port}" in server.requests[1]


@pytest.mark.parametrize("host", ["other.example", f"www.{HOST}", "127.0.0.1"])
def test_a_certificate_for_another_name(trusted: Authority, host: str) -> None:
    with origin(sending(FILE), tls=trusted.server(HOST)) as server, pytest.raises(FetchFailed, match="certificate"):
        fetch(f"https://{host}:{server.port}/", **ASKED, guard=secure(server))
    assert server.requests == []


def test_a_certificate_of_an_unknown_authority(trusted: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = authority(tmp_path / "other")
    with origin(sending(FILE), tls=other.server(HOST)) as server, pytest.raises(FetchFailed, match="certificate"):
        fetch(f"https://{HOST}:{server.port}/", **ASKED, guard=secure(server))
    assert server.requests == []


def test_no_redirect_leads_from_https_to_http(trusted: Authority) -> None:
    with origin(sending(b"in the clear")) as plain, origin(redirecting(plain.url), tls=trusted.server(HOST)) as server:
        guard = replace(secure(server), ports={server.port, plain.port})
        with pytest.raises(UrlRefused, match="https:// to http://"):
            fetch(f"https://{HOST}:{server.port}/", **ASKED, guard=guard)
        assert plain.connections == 0


def test_http_may_lead_to_https(trusted: Authority) -> None:
    with origin(sending(FILE), tls=trusted.server(HOST)) as server:
        onward = redirecting(f"https://{HOST}:{server.port}/")
        with origin(onward) as plain:
            guard = replace(secure(server), ports={server.port, plain.port})
            assert fetch(f"http://{HOST}:{plain.port}/", **ASKED, guard=guard).data == FILE


def test_tls_that_breaks_is_no_surprise() -> None:
    no_tls = sending_raw(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
    with origin(no_tls, listens=False) as server, pytest.raises(FetchFailed, match="broke off"):
        fetch(f"https://{server.authority}/", max_bytes=1_000, tenant_id=TENANT, guard=guard_for(server))


def test_old_tls_is_not_spoken(trusted: Authority) -> None:
    tls = trusted.server(HOST)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with origin(sending(FILE), tls=tls) as server, pytest.raises(FetchFailed):
        fetch(f"https://{HOST}:{server.port}/", **ASKED, guard=secure(server))


# Sending


def test_post_sends_once_and_keeps_the_beginning_of_the_answer() -> None:
    with origin(sending(b"y" * 5_000, status="202 Accepted")) as server:
        answer = post(f"{server.url}/hook", b'{"a": 1}', {"Content-Type": "application/json"}, guard=guard_for(server))
    assert (answer.status, answer.beginning) == (202, b"y" * fetching.ANSWER_BYTES)
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "POST /hook HTTP/1.1"
    assert {"Content-Type: application/json", "Content-Length: 8", "User-Agent: Mattery"} <= set(lines)
    assert server.connections == 1


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
def test_post_follows_no_redirect(status: str) -> None:
    with origin(sending(b"inside")) as inside:
        with origin(sending(b"", f"Location: {inside.url}", status=status)) as server:
            answer = post(server.url, b"{}", {}, guard=guard_for(server, inside))
        assert (answer.status, inside.connections) == (int(status[:3]), 0)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/", "http://localhost/"])
def test_post_is_held_to_the_same_addresses(url: str) -> None:
    with pytest.raises(FetchFailed, match="no public server"):
        post(url, b"{}", {})
    with pytest.raises(UrlRefused):
        post(f"{url[:-1]}:6379/", b"{}", {})


def test_post_takes_no_header_apart() -> None:
    with origin(sending(b"")) as server, pytest.raises(FetchFailed):
        post(server.url, b"{}", {"X-Event": "done\r\nX-Injected: 1"}, guard=guard_for(server))
    assert server.requests == []


@pytest.mark.usefixtures("hurried")
def test_post_to_a_server_that_does_not_read_is_given_up() -> None:
    with origin(repeating(b"", b"", pause_s=0.1), listens=False) as server, pytest.raises(FetchTimedOut):
        post(server.url, bytes(50_000_000), {}, guard=guard_for(server))


@pytest.mark.usefixtures("hurried")
def test_an_answer_that_drips_after_its_status_is_an_answer() -> None:
    with origin(repeating(OK + b"Content-Length: 1000000\r\n\r\n", b"x", pause_s=0.1)) as server:
        assert post(server.url, b"{}", {}, guard=guard_for(server)).status == 200


def test_an_answer_before_the_body_is_read_is_an_answer() -> None:
    with origin(sending(b"too large", "Connection: close", status="413 Too Large")) as server:
        assert post(server.url, bytes(5_000_000), {}, guard=guard_for(server)).status == 413


# The setting


def test_the_setting_lets_a_host_through(settings: Settings) -> None:
    with origin(sending(FILE)) as server:
        with pytest.raises(UrlRefused):
            fetch(server.url, **ASKED)
        settings.FETCH_ALLOWED_HOSTS = [server.authority]
        assert fetch(server.url, **ASKED).data == FILE


def test_the_setting_is_refused_in_production(settings: Settings) -> None:
    settings.FETCH_ALLOWED_HOSTS = ["127.0.0.1:8000"]
    with pytest.raises(SystemCheckError, match=r"processing\.E001"):
        call_command("check", deploy=True, tags=["security"])
