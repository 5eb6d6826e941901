"""Every special-purpose range and every cloud's metadata address is refused, in all forms of IPv6 that carry IPv4."""

import ipaddress
from collections.abc import Iterator

import pytest

from common.ports.outbound.ranges import SPECIAL_V4, is_public

# The registries of IANA, copied from https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-special-registry.
IANA_V4 = """0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
    192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4
    255.255.255.255/32 224.0.0.0/4""".split()
IANA_V6 = """::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
    2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32
    2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8 ::/96 ::ffff:0:0:0/96""".split()
METADATA = {
    "AWS, Azure, Google Cloud, DigitalOcean, Hetzner, IBM, OpenStack, Oracle": "169.254.169.254",
    "AWS over IPv6": "fd00:ec2::254",
    "AWS time": "169.254.169.123",
    "AWS names over IPv6": "fd00:ec2::253",
    "AWS containers": "169.254.170.2",
    "AWS pods": "169.254.170.23",
    "AWS pods over IPv6": "fd00:ec2::23",
    "Azure host": "168.63.129.16",
    "Azure App Service": "169.254.129.1",
    "Google Cloud over IPv6": "fd20:ce::254",
    "Alibaba": "100.100.100.200",
    "Oracle, former": "192.0.0.192",
    "Tencent": "169.254.0.23",
    "Scaleway": "169.254.42.42",
    "Scaleway over IPv6": "fd00:42::42",
}
PUBLIC_V4 = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "168.63.129.15", "168.63.129.17", "192.0.1.1", "11.0.0.1", "223.255.255.255"]
PUBLIC_V6 = ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:80b::200e", "2003::1", "2620:4f:8001::1"]


def corners(network: str) -> Iterator[str]:
    """The first address of a network, one in the middle and the last."""
    found = ipaddress.ip_network(network)
    yield from sorted({str(found[0]), str(found[found.num_addresses // 2]), str(found[-1])})


def embedded(inner: str) -> Iterator[str]:
    """The forms of IPv6 that carry an address of IPv4 (RFC 4291, 2765, 6052, 8215, 3056, 4380, 5214)."""
    number = int(ipaddress.IPv4Address(inner))
    high, low = number >> 16, number & 0xFFFF
    yield f"::{inner}"
    yield f"::ffff:{inner}"
    yield f"::ffff:0:{inner}"
    yield f"64:ff9b::{inner}"
    yield f"64:ff9b:1::{inner}"
    yield f"2002:{high:x}:{low:x}::1"
    yield f"2001:0:{high:x}:{low:x}::1"
    yield str(ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)))
    yield f"2606:4700:4700:1:0:5efe:{inner}"
    yield f"2606:4700:4700:1:200:5efe:{inner}"


REFUSED = sorted(
    {address for network in (*IANA_V4, *IANA_V6) for address in corners(network)}
    | set(METADATA.values())
    | {form for network in (*IANA_V4, *SPECIAL_V4) for form in embedded(next(corners(network)))}
    | {form for address in METADATA.values() if ":" not in address for form in embedded(address)}
    | {form for address in PUBLIC_V4 for form in embedded(address)}
)


@pytest.mark.parametrize("address", REFUSED)
def test_a_special_purpose_address_is_not_public(address: str) -> None:
    """What a registry sets aside, where a cloud keeps credentials, and what carries any address of IPv4 is not called."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [*PUBLIC_V4, *PUBLIC_V6])
def test_other_addresses_are_public(address: str) -> None:
    """The neighbours of those ranges can be called."""
    assert is_public(ipaddress.ip_address(address))
