"""The addresses of networks that stand in front of other people's servers.

Cloudflare's, as published at https://www.cloudflare.com/ips/ and as it stood on 2026-09-29; it
hardly ever changes. An address outside it may still be some other network's.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from eloquence_ops.endpoints import ip_address

_CLOUDFLARE: Final = tuple(
    ip_network(text)
    for text in (
        *("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22"),
        *("141.101.64.0/18", "108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20"),
        *("197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13"),
        *("104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22"),
        *("2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32"),
        *("2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32"),
    )
)
# Where an alias to one of these ends, the network of that name answers.
_BY_ALIAS: Final = {
    ".cdn.cloudflare.net": "Cloudflare",
    ".cloudfront.net": "Amazon CloudFront",
    ".fastly.net": "Fastly",
    ".akamaiedge.net": "Akamai",
    ".edgekey.net": "Akamai",
    ".azurefd.net": "Azure Front Door",
    ".b-cdn.net": "Bunny",
}


def cdn_of(addresses: tuple[str, ...], aliases: tuple[str, ...]) -> str | None:
    """The network that a host's addresses or aliases belong to, where it is a known one."""
    for text in addresses:
        found = ip_address(text)
        if found is not None and any(found in network for network in _CLOUDFLARE):
            return "Cloudflare"
    for alias in aliases:
        for ending, name in _BY_ALIAS.items():
            if alias.lower().endswith(ending):
                return name
    return None
