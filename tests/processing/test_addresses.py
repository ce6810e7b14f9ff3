"""Which addresses are called: a table of those that are not, by their looks and by what they lead to."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from processing import addresses, fetching
from processing.addresses import Guard, is_public, look_up
from processing.errors import FetchError, FetchFailed, UrlRefused
from tests.origins import Origin, origin, sending

TENANT = uuid4()

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "64:ff9b::8.8.8.8",
]
NOT_PUBLIC = {
    "this machine": ["127.0.0.1", "127.255.255.254", "::1"],
    "this network": ["0.0.0.0", "0.1.2.3", "::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd00:ec2::254"],
    "link-local": ["169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "febf::1"],
    "site-local": ["fec0::1"],
    "carrier-grade NAT": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "clouds' own": ["168.63.129.16", "192.0.0.192"],
    "protocols' own": ["192.0.0.1", "192.88.99.1", "2001::1", "2001:20::1", "2001:2::1", "100::1", "5f00::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "4000::1", "e000::1", "200::1"],
    "IPv4 mapped": ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::ffff:8.8.8.8"],
    "IPv4 compatible": ["::127.0.0.1", "::10.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::168.63.129.16"],
    "a network's own NAT64": ["64:ff9b:1::1", "64:ff9b:1::808:808"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:7f00:1::"],
    "scoped": ["2606:4700:4700::1111%eth0", "64:ff9b::8.8.8.8%1"],
    "no addresses": ["", "localhost", "127.1", "0x7f.0.0.1", "1.1.1.1 ", "\uff11.1.1.1"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [address for kind in NOT_PUBLIC.values() for address in kind])
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


def unasked(_host: str, _timeout_s: float) -> list[str]:
    raise AssertionError("The name is asked for although the URL's looks are enough to refuse it.")


REFUSED_BY_LOOKS = [
    "",
    " ",
    "/",
    "photo.jpg",
    "//example.com/photo.jpg",
    "example.com/photo.jpg",
    "ftp://example.com/photo.jpg",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:6379/info",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "jar:http://example.com!/a",
    "unix:/run/docker.sock",
    "http+unix://%2Frun%2Fdocker.sock/info",
    "ws://example.com/",
    "http:",
    "http:/",
    "http://",
    "http:///photo.jpg",
    "http:photo.jpg",
    "http://.",
    "http://:80/",
    "http://?a=b",
    "http://#a",
    # Ports.
    "http://example.com:0/",
    "http://example.com:22/",
    "http://example.com:6379/",
    "http://example.com:8080/",
    "https://example.com:8443/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:80a/",
    "http://example.com:80:80/",
    # Who is the host, and who only looks like it?
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com:80@127.0.0.1:6379/",
    "http://example.com%00@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com\\.127.0.0.1/",
    "http://127.0.0.1%2f@example.com/",
    "http://127.0.0.1%00.example.com/",
    "http://example.com%2e/",
    "http://%31%32%37.0.0.1/",
    "http://exam ple.com/",
    "http://exa\tmple.com/",
    "http://example.com\r\nHost: 127.0.0.1/",
    "http://example.com/\r\nX-Injected: 1",
    "http://example.com/\nX-Injected: 1",
    "http://example.com/\0",
    "http://exam\u200bple.com/",
    "http://exam\u202eple.com/",
    "http://\ud800.com/",
    "http://①②⑦.⓪.⓪.①/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "http://xn--\u00fc.com/",
    "http://$(id).example.com/",
    "http://`id`.example.com/",
    "http://*/",
    "http://a,b/",
    "http://example.com;127.0.0.1/",
    # IPv6 and what is not.
    "http://[::1/",
    "http://::1]/",
    "http://[]/",
    "http://[::1]x/",
    "http://[::1%25lo]/",
    "http://[fe80::1%eth0]/",
    "http://[127.0.0.1]/",
    "http://[v1.x]/",
    "http://" + "a" * 254 + "/",
    "http://example.com/" + "a" * 8_192,
    # Spellings of IPv4 that are no names either.
    "http://127.0.0.01/",
    "http://0177.0.0.1/",
    "http://256.256.256.256/",
]


@pytest.mark.parametrize("url", REFUSED_BY_LOOKS)
def test_a_url_that_is_refused_for_its_looks(url: str) -> None:
    with pytest.raises(UrlRefused):
        fetching.fetch(url, max_bytes=1_000, tenant_id=TENANT, guard=Guard(resolve=unasked))


# With the port of a server on this machine, so that whatever got through would be seen there.
LEADS_INSIDE = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.000.000.001:{port}/",
    "http://0127.0.0.1:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F000001:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://127.0.0.2:{port}/",
    "http://127。0。0。1:{port}/",
    "http://127\uff0e0\uff0e0\uff0e1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "https://127.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254.:80/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/",
    "http://10.0.0.1/",
    "http://192.168.1.1:80/",
    "http://172.16.0.1/",
    "http://255.255.255.255/",
    "http://nobody.invalid/",
    "http://xn--nobdy-jua.invalid/",
    "http://a..invalid/",
    "http://" + "a" * 64 + ".invalid/",
    "http://-.invalid/",
]


@pytest.fixture(scope="module")
def inside() -> Iterator[Origin]:
    with origin(sending(b"what nobody outside may see")) as server:
        yield server


@pytest.mark.parametrize("url", LEADS_INSIDE)
def test_a_url_that_leads_inside(url: str, inside: Origin) -> None:
    """The answer is the same for all, whether something is there or not, and no connection is made."""
    with pytest.raises(FetchError) as caught:
        fetching.fetch(
            url.format(port=inside.port), max_bytes=1_000, tenant_id=TENANT, guard=Guard(ports={80, 443, inside.port})
        )
    assert caught.value.code == "url_refused" or caught.value.detail == addresses.UNREACHABLE
    assert inside.connections == 0


@pytest.mark.parametrize(
    "leads_to",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["2606:4700:4700::1111", "::ffff:127.0.0.1"],
        ["169.254.169.254"],
        [],
    ],
)
def test_a_name_with_one_address_that_is_not_public(leads_to: list[str], inside: Origin) -> None:
    guard = Guard(resolve=lambda _host, _timeout_s: leads_to, ports={inside.port})
    with pytest.raises(FetchFailed, match="no public server"):
        fetching.fetch(f"http://images.example:{inside.port}/", max_bytes=1_000, tenant_id=TENANT, guard=guard)
    assert inside.connections == 0


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.COM/", "example.com"),
        ("http://example.com./", "example.com"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("http://BÜCHER.example/", "xn--bcher-kva.example"),
        ("http://例え.テスト/", "xn--r8jz45g.xn--zckzah"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://my_bucket.s3.example/", "my_bucket.s3.example"),
        ("http://example.com:80/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:+80/", "example.com"),
        ("http://example.com:٨٠/", "example.com"),
        ("HTTP://example.com/", "example.com"),
        ("http://example.com#@127.0.0.1/", "example.com"),
        ("http://example.com?@127.0.0.1/", "example.com"),
        ("http://example.com/@127.0.0.1", "example.com"),
    ],
)
def test_the_name_that_is_asked_for(url: str, host: str) -> None:
    asked = []

    def resolve(name: str, _timeout_s: float) -> list[str]:
        asked.append(name)
        return []

    with pytest.raises(FetchFailed):
        fetching.fetch(url, max_bytes=1_000, tenant_id=TENANT, guard=Guard(resolve=resolve))
    assert asked == [host]


def test_exceptions_are_for_their_port_alone() -> None:
    guard = Guard(let_through=["127.0.0.1:8000", "images.internal", "[::1]:8000"], resolve=lambda host, _: [host])
    assert guard.addresses("127.0.0.1", 8000, timeout_s=1)
    assert guard.addresses("::1", 8000, timeout_s=1)
    assert guard.addresses("images.internal", 443, timeout_s=1)
    for host, port in [("127.0.0.1", 80), ("127.0.0.2", 8000), ("::1", 80), ("images.internal", 8000)]:
        with pytest.raises(FetchFailed):
            guard.addresses(host, port, timeout_s=1)
    assert guard.checked("http://127.0.0.1:8000/")
    for url in ["http://127.0.0.1:8001/", "http://images.internal:8000/"]:
        with pytest.raises(UrlRefused):
            guard.checked(url)


def test_a_look_up_that_hangs_is_given_up() -> None:
    go_on = threading.Event()
    hanging = [addresses._lookups.submit(go_on.wait) for _ in range(64)]
    try:
        with pytest.raises(TimeoutError):
            look_up("localhost", 0.1)
    finally:
        go_on.set()
    assert all(lookup.result() for lookup in hanging)
    assert set(look_up("localhost", 10)) <= {"127.0.0.1", "::1"}
