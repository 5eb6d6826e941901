"""Which addresses are public. What is not is never called, unless the operator lists it.

The tables follow the special-purpose registries of IANA (iana-ipv4-special-registry, iana-ipv6-special-registry; RFC 6890)
and the metadata addresses of the clouds. Ranges that a registry calls globally reachable are refused too: no user who signs
people in or publishes keys lives there. The addresses of IPv6 that carry one of IPv4 are refused as a whole, since a router
on the way may take the inner one.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

SPECIAL_V4: dict[str, str] = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private (RFC 1918)",
    "100.64.0.0/10": "shared address space (RFC 6598); metadata of Alibaba Cloud, 100.100.100.200",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "168.63.129.16/32": "the host of a virtual machine of Azure, with its metadata",
    "169.254.0.0/16": "link-local (RFC 3927); metadata of AWS, Azure, Google Cloud and others",
    "172.16.0.0/12": "private (RFC 1918)",
    "192.0.0.0/24": "protocol assignments (RFC 6890); metadata of Oracle Cloud, 192.0.0.192",
    "192.0.2.0/24": "documentation (RFC 5737)",
    "192.31.196.0/24": "AS112 (RFC 7535)",
    "192.52.193.0/24": "AMT (RFC 7450)",
    "192.88.99.0/24": "relays of 6to4 (RFC 7526)",
    "192.168.0.0/16": "private (RFC 1918)",
    "192.175.48.0/24": "AS112 (RFC 7534)",
    "198.18.0.0/15": "benchmarks (RFC 2544)",
    "198.51.100.0/24": "documentation (RFC 5737)",
    "203.0.113.0/24": "documentation (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved, and the limited broadcast (RFC 1112, RFC 8190)",
}
# The only part of IPv6 that is given out for the Internet; the other ranges of the registry lie outside of it.
GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
SPECIAL_V6: dict[str, str] = {
    "2001::/23": "protocol assignments (RFC 2928), among them Teredo (RFC 4380) and ORCHID (RFC 7343)",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4, with an address of IPv4 inside (RFC 3056)",
    "2620:4f:8000::/48": "AS112 (RFC 7534)",
    "3fff::/20": "documentation (RFC 9637)",
}
# Where clouds tell a machine who it is, and hand out its credentials: no entry of the operator's list allows these.
_METADATA = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::254/128"),
)
# Prefixes after which an address of IPv6 has one of IPv4 in its last four bytes: mapped, compatible, NAT64.
_CARRIERS = (IPv6Network("::ffff:0:0/96"), IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))
_V4 = tuple(map(IPv4Network, SPECIAL_V4))
_V6 = tuple(map(IPv6Network, SPECIAL_V6))
# ISATAP (RFC 5214): any network, then one of these, then an address of IPv4.
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}


def is_metadata(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of a cloud's metadata service."""
    if isinstance(address, IPv6Address) and any(address in network for network in _CARRIERS):
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    return any(address in network for network in _METADATA)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of the public Internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _V4)
    if address not in GLOBAL_UNICAST_V6 or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return False
    return not any(address in network for network in _V6)
