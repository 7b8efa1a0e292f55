"""The kernel's numbers for what rules name.

include/uapi/linux: netfilter.h, in.h, tcp.h, netfilter/nf_conntrack_common.h,
netfilter/nf_tables.h, rtnetlink.h, if_packet.h.
"""

from __future__ import annotations

from typing import Final

NETWORK_PROTOCOLS: Final = {"ipv4": 2, "ipv6": 10}
ETHER_TYPES: Final = {"ip": 0x0800, "ip6": 0x86DD, "arp": 0x0806, "vlan": 0x8100}
PROTOCOLS: Final = {
    "ip": 0,
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ospf": 89,
    "comp": 108,
    "ipcomp": 108,
    "vrrp": 112,
    "sctp": 132,
    "udplite": 136,
}
TCP_FLAGS: Final = {
    "fin": 1,
    "syn": 2,
    "rst": 4,
    "psh": 8,
    "ack": 16,
    "urg": 32,
    "ecn": 64,
    "ece": 64,
    "cwr": 128,
}
STATES: Final = {
    "invalid": 1,
    "established": 2,
    "related": 4,
    "new": 8,
    "untracked": 64,
    # Only iptables has these, and only as names: the numbers are ours.
    "snat": 1 << 16,
    "dnat": 1 << 17,
}
STATUSES: Final = {
    "expected": 1,
    "seen-reply": 2,
    "assured": 4,
    "confirmed": 8,
    "snat": 16,
    "dnat": 32,
    "dying": 512,
}
DIRECTIONS: Final = {"original": 0, "reply": 1}
PACKET_TYPES: Final = {"host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3}
ADDRESS_TYPES: Final = {
    "unspec": 0,
    "unicast": 1,
    "local": 2,
    "broadcast": 3,
    "anycast": 4,
    "multicast": 5,
    "blackhole": 6,
    "unreachable": 7,
    "prohibit": 8,
    "throw": 9,
    "nat": 10,
    "xresolve": 11,
}
