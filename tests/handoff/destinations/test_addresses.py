import socket

import pytest

from handoff.destinations import addresses
from handoff.destinations.addresses import NotAllowed

PUBLIC = "93.184.216.34"


@pytest.fixture
def names(monkeypatch):
    """What the resolver answers; everything else is looked up as usual."""
    known = {"hooks.example": [PUBLIC]}
    real = socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in known[host]]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "https://user:pw@hooks.example/",
        "https://hooks.example:22/", "https://localhost/", "https://127.1/", "https://0x7f000001/", "https://[::1]/",
        "https://2130706433/", "https://017700000001/",
        "https://[::ffff:169.254.169.254]/", "https://100.64.0.1/", "https://0.0.0.0/", "https://10.0.0.8/",
        "https://169.254.169.254/latest/meta-data", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/",
        "https://224.0.0.1/", "https://[ff02::1]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[::]/",
        "https://[2001:0:7f00:1:0:ffff:f5ff:fffe]/", "https://255.255.255.255/", "https://240.0.0.1/",
        "https:///nowhere", "https://", "", "not an address", "https://hooks.example:99999/", "https://[::1/",
        "https://hooks.example/\r\nX: y", "https://hooks.example/" + "x" * 2000, "https://h\u00f6oks.example/",
        "https://192.168.1.1.nip.invalid/",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_or_nowhere_are_refused(names, url):
    with pytest.raises(NotAllowed):
        addresses.check(url)


@pytest.mark.parametrize(
    "url", ["https://hooks.example/a?b=c", "https://hooks.example:8443/", f"https://{PUBLIC}/"]
)
def test_public_addresses_are_taken(names, url):
    assert addresses.check(url).host in ("hooks.example", PUBLIC)


def test_one_private_address_among_public_ones_is_refused(names):
    names["hooks.example"] = [PUBLIC, "10.1.2.3"]

    with pytest.raises(NotAllowed, match="private"):
        addresses.check("https://hooks.example/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700:4700::1111", True), ("64:ff9b::808:808", True), ("::ffff:8.8.8.8", True),
        ("64:ff9b::a9fe:a9fe", False), ("2002:7f00:1::", False), ("2002:808:808::", True), ("224.0.0.1", False),
        ("64:ff9b:1::808:808", False), ("::127.0.0.1", False), ("fe80::1%eth0", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_an_address_is_judged_by_the_one_within(address, public):
    assert addresses.is_public(address) is public


def test_a_try_out_may_call_this_machine(settings):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = True

    assert addresses.check("http://127.0.0.1:8000/hook").port == 8000
