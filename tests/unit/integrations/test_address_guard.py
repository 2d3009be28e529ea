"""Which addresses may be called, and how the operator's exceptions are read."""

from ipaddress import ip_address

import pytest

from runtime.errors import InvalidConfiguration
from runtime.integrations.guard import AllowedHosts, is_literal, is_public

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "192.0.2.1",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:c0a8:101::1",
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_the_house_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not AllowedHosts().admits("example.com", 443, address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))
    assert AllowedHosts().admits("example.com", 443, address)


@pytest.mark.parametrize(
    "entry",
    [
        "flags.internal",
        "FLAGS.internal",
        "flags.internal:8702",
        "*.internal",
        "10.0.0.7",
        "10.0.0.0/8",
        "10.0.0.7:8702",
    ],
)
def test_the_operator_may_allow_a_private_host_in_several_spellings(entry: str) -> None:
    assert AllowedHosts([entry]).admits("flags.internal", 8702, "10.0.0.7")


@pytest.mark.parametrize(
    "entry",
    [
        "flags.internal:80",
        "other.internal",
        "internal",
        "*.flags.internal",
        "10.0.0.8",
        "192.168.0.0/16",
        "10.0.0.7:80",
    ],
)
def test_an_exception_holds_for_nothing_else(entry: str) -> None:
    assert not AllowedHosts([entry]).admits("flags.internal", 8702, "10.0.0.7")


def test_a_name_that_merely_ends_alike_is_not_the_allowed_domain() -> None:
    assert not AllowedHosts(["*.shop.internal"]).admits("evilshop.internal", 80, "10.0.0.7")


def test_an_address_with_a_zone_is_judged_by_the_address() -> None:
    assert not AllowedHosts().admits("host", 80, "fe80::1%eth0")
    assert AllowedHosts(["[::1]:80", "fe80::/10"]).admits("host", 80, "fe80::1%eth0")
    assert AllowedHosts(["[::1]:80"]).admits("localhost", 80, "::1")


@pytest.mark.parametrize("entry", ["", "http://flags.internal", "flags.internal:port", "a b", "host/path"])
def test_an_exception_that_cannot_be_read_is_named(entry: str) -> None:
    with pytest.raises(InvalidConfiguration, match="cannot be allowed"):
        AllowedHosts([entry])


def test_addresses_are_told_from_names() -> None:
    assert is_literal("127.0.0.1")
    assert is_literal("::1")
    assert is_literal("fe80::1%eth0")
    assert not is_literal("localhost")
    assert not is_literal("127.1.example")
