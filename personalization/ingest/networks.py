"""Cut an address to its network before anything keeps it."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_IPV4_BITS, _IPV6_BITS = 24, 48
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# Most addresses look like this, and ipaddress takes fifteen times as long for them.
_USUAL = re.compile(rf"({_BYTE}\.{_BYTE}\.{_BYTE})\.{_BYTE}", re.ASCII)


def cut(address: object) -> str:
    """Return the /24 or /48 an address lies in, or nothing where it is no address."""
    if not isinstance(address, str) or len(address) > 64:
        return ""
    if usual := _USUAL.fullmatch(address):
        return f"{usual[1]}.0/24"
    try:
        found = ip_address(address.strip().strip("[]").partition("%")[0])
    except ValueError:
        return ""
    return _network(found)


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = _IPV4_BITS if address.version == 4 else _IPV6_BITS
    return str(ip_network((address, bits), strict=False))


def client(remote: str, *, forwarded: str, proxies: int) -> str:
    """Return who asked: the proxies in front of us append the address they saw to `forwarded`."""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    if proxies and len(hops) >= proxies:
        return hops[-proxies]
    return remote
