"""Which addresses of a customer's choosing the platform calls: public ones, so that nobody reaches through it what
stands beside it.

A URL is judged twice: by its looks before anything happens, and by what its host's name leads to, at the moment of
connecting. Whoever connects uses the very addresses that were judged: to ask for the name again could give others.
"""

import re
import socket
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx
from django.conf import settings

from processing.errors import FetchFailed, UrlRefused

MAX_URL_LENGTH = 8_192
STANDARD_PORTS = {"http": 80, "https": 443}
HOST = re.compile(rb"[a-z0-9._:-]{1,253}")

# What a fault says of itself is the same for a name that nobody knows, an address of the inside and a closed port:
# whoever asks learns nothing about the network around the platform.
UNREACHABLE = "There is no public server at this address, or it does not answer."

# Beside what the standard library knows to be special, in its older versions too.
SPECIAL = [
    ip_network(network)
    for network in (
        "192.0.0.0/24",  # protocol assignments; a cloud keeps its metadata here
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # a cloud's own service to its machines
        "2001::/23",  # protocol assignments, among them Teredo, which carries IPv4
        "2001:db8::/32",
        "2002::/16",  # 6to4, which carries IPv4
        "3fff::/20",
    )
]
GLOBAL_UNICAST = ip_network("2000::/3")  # all that is given out of IPv6
NAT64 = ip_network("64:ff9b::/96")  # how networks without IPv4 reach the IPv4 addresses that it carries

type Resolver = Callable[[str, float], Sequence[str]]

# A look-up cannot be broken off, only abandoned; so many may be under way in a process.
_lookups = ThreadPoolExecutor(64, thread_name_prefix="lookup")


def look_up(host: str, timeout_s: float) -> list[str]:
    """The addresses of a name, as this machine resolves it. Raises TimeoutError, or OSError for an unknown name."""
    found = _lookups.submit(socket.getaddrinfo, host.encode("ascii"), None, type=socket.SOCK_STREAM)
    try:
        return list(dict.fromkeys(str(address[0]) for *_, address in found.result(timeout_s)))
    finally:
        found.cancel()


def is_public(address: str) -> bool:
    """Whether it is one machine's on the public internet. An IPv6 address that carries an IPv4 one is not, except where
    it is the only way to that one: then the inner one decides."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return _is_public_ipv4(ip)
    if ip in NAT64 and ip.scope_id is None:
        return _is_public_ipv4(IPv4Address(int(ip) & 0xFFFF_FFFF))
    return _is_public_ipv6(ip)


def _is_public_ipv4(ip: IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _is_special(ip)


def _is_public_ipv6(ip: IPv6Address) -> bool:
    return ip.is_global and ip in GLOBAL_UNICAST and ip.scope_id is None and not _is_special(ip)


def _is_special(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip in network for network in SPECIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What may be called. `let_through` names exceptions, as host or host:port, whatever they lead to."""

    let_through: Collection[str] = ()
    ports: Collection[int] = tuple(STANDARD_PORTS.values())
    resolve: Resolver = look_up
    is_public: Callable[[str], bool] = is_public

    def checked(self, url: str, *, base: httpx.URL | None = None) -> httpx.URL:
        """The URL, relative to `base`, if it may be called by its looks. Raises UrlRefused."""
        target = _parsed(url, base)
        if target.scheme not in STANDARD_PORTS:
            raise UrlRefused("Only addresses that begin with http:// or https:// are called.")
        if target.userinfo:
            raise UrlRefused("Addresses with a user name or a password are not called.")
        if not HOST.fullmatch(target.raw_host):
            raise UrlRefused("The address names no host that could be called.")
        port = STANDARD_PORTS[target.scheme] if target.port is None else target.port
        if port not in self.ports and not self._is_let_through(target.raw_host.decode("ascii"), port):
            raise UrlRefused("Only the ports 80 and 443 are called.")
        return target

    def addresses(self, host: str, port: int, *, timeout_s: float) -> Sequence[str]:
        """What the host's name leads to, if all of it may be called. Raises FetchFailed, or TimeoutError."""
        try:
            found = self.resolve(host, timeout_s)
        except TimeoutError:
            raise
        except OSError as error:
            raise FetchFailed(UNREACHABLE) from error
        if not found or not (self._is_let_through(host, port) or all(map(self.is_public, found))):
            raise FetchFailed(UNREACHABLE)
        return found

    def _is_let_through(self, host: str, port: int) -> bool:
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{port}" in self.let_through or (port in self.ports and name in self.let_through)


def _parsed(url: str, base: httpx.URL | None) -> httpx.URL:
    if len(url) > MAX_URL_LENGTH:
        raise UrlRefused(f"The address is longer than {MAX_URL_LENGTH:,} characters.")
    try:
        target = base.join(url) if base else httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlRefused("This is not an address such as https://example.com/photo.jpg.") from error
    if target.raw_host.endswith(b"."):  # as it may end, but certificates do not name it so
        return target.copy_with(host=target.raw_host[:-1].decode("ascii"))
    return target


def usual_guard() -> Guard:
    return Guard(let_through=settings.FETCH_ALLOWED_HOSTS)
