"""What nftables' generated rules are made of: one row a feature, in nft's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.network.firewall.arena import CLIENT, CONTAINER, PORTS, SERVER


@dataclass
class Draw:
    """One rule's choices: nft refuses a rule that asks for TCP and UDP, or for both families."""

    random: Random
    l4: str = field(init=False)
    l3: str = field(init=False)

    def __post_init__(self) -> None:
        self.l4 = self.random.choice(("tcp", "udp"))
        self.l3 = self.random.choice(("ip", "ip6"))

    @property
    def port(self) -> int:
        return self.random.choice(PORTS)

    @property
    def ports(self) -> str:
        return ", ".join(map(str, self.random.sample(PORTS, 3)))

    def _own(self, addresses: tuple[str, ...]) -> str:
        return self.random.choice([a for a in addresses if (":" in a) == (self.l3 == "ip6")])

    @property
    def client(self) -> str:
        return self._own(CLIENT)

    @property
    def server(self) -> str:
        return self._own(SERVER)

    @property
    def container(self) -> str:
        return self._own(CONTAINER)

    @property
    def network(self) -> str:
        if self.l3 == "ip":
            return self.random.choice(("203.0.113.0/26", "203.0.113.64/26", "10.0.0.0/8"))
        return self.random.choice(("2001:db8::/123", "2001:db8::60/123", "fc00::/7"))

    @property
    def range(self) -> str:
        low, high = (
            ("203.0.113.60", "203.0.113.90")
            if self.l3 == "ip"
            else (
                "2001:db8::60",
                "2001:db8::90",
            )
        )
        return f"{low}-{high}"


Fragment = Callable[[Draw], str]

MATCHES: Final[dict[str, Fragment]] = {
    "port": lambda d: f"{d.l4} dport {d.port}",
    "port range": lambda d: f"{d.l4} dport 7000-55000",
    "port set": lambda d: f"{d.l4} dport {{ {d.ports}, 50000-60000 }}",
    "port negated": lambda d: f"{d.l4} dport != {{ {d.ports} }}",
    "port range negated": lambda d: f"{d.l4} dport != 100-9000",
    "port compared": lambda d: f"{d.l4} dport {d.random.choice(('<', '>', '<=', '>='))} {d.port}",
    "th port": lambda d: f"meta l4proto {d.l4} th dport {d.port}",
    "th port of both": lambda d: f"meta l4proto {{ tcp, udp }} th dport {{ {d.ports} }}",
    "raw port": lambda d: f"@th,16,16 {d.port}",
    "source port of a server": lambda d: f"{d.l4} sport {d.random.choice((53, 67, 123))}",
    "every source port": lambda d: f"{d.l4} sport >= 1024",
    "source port negated": lambda d: f"{d.l4} sport != 1-1023",
    "source": lambda d: f"{d.l3} saddr {d.client}",
    "source prefix": lambda d: f"{d.l3} saddr {d.network}",
    "source range": lambda d: f"{d.l3} saddr {d.range}",
    "source set": lambda d: f"{d.l3} saddr {{ {d.network}, {d.range} }}",
    "source negated": lambda d: f"{d.l3} saddr != {d.client}",
    "source set negated": lambda d: f"{d.l3} saddr != {{ {d.client}, {d.network} }}",
    "source mask": lambda d: (
        "ip saddr & 0.0.0.1 == 0.0.0.1" if d.l3 == "ip" else "ip6 saddr & ::1 == ::1"
    ),
    "destination": lambda d: f"{d.l3} daddr {d.server}",
    "destination negated": lambda d: f"{d.l3} daddr != {d.server}",
    "named set": lambda d: f"{d.l4} dport @open",
    "named set negated": lambda d: f"{d.l4} dport != @open",
    "named interval set": lambda d: f"{d.l3} saddr @trusted{'6' * (d.l3 == 'ip6')}",
    "concatenation": lambda d: (
        f"{d.l3} daddr . {d.l4} dport {{ {d.server} . {d.port}, {d.server} . {d.port} }}"
    ),
    "concatenated ranges": lambda d: (
        f"{d.l3} saddr . {d.l4} dport {{ {d.network} . 1-5000, {d.range} . 7000-60000 }}"
    ),
    "named concatenation": lambda d: f"ip saddr . {d.l4} dport @pairs",
    "interface": lambda d: f"iifname {d.random.choice(('eth0', 'docker0', 'wg0'))}",
    "interface wildcard": lambda d: f'iifname "{d.random.choice(("eth*", "e*", "wg*"))}"',
    "interface set": lambda d: 'iifname { "lo", "wg*", "eth0" }',
    "interface negated": lambda d: f"iifname != {d.random.choice(('eth0', 'lo'))}",
    "interface index": lambda d: f"iif {d.random.choice(('lo', 'eth0'))}",
    "interface and port": lambda d: f"iifname . {d.l4} dport {{ eth0 . {d.port}, lo . {d.port} }}",
    "state new": lambda d: "ct state new",
    "state of others": lambda d: d.random.choice(
        ("ct state established,related", "ct state invalid")
    ),
    "state negated": lambda d: d.random.choice(("ct state != new", "ct state != established")),
    "state set": lambda d: "ct state { new, untracked }",
    "state exact": lambda d: "ct state == new",
    "state masked": lambda d: "ct state new / new,invalid",
    "status": lambda d: d.random.choice(("ct status dnat", "ct status ! dnat", "ct status snat")),
    "direction": lambda d: f"ct direction {d.random.choice(('original', 'reply'))}",
    "original destination": lambda d: f"ct original {d.l3} daddr {d.server}",
    "original port": lambda d: f"meta l4proto {d.l4} ct original proto-dst {d.port}",
    "flags": lambda d: d.random.choice(("tcp flags syn", "tcp flags ack", "tcp flags ! ack")),
    "flags masked": lambda d: f"tcp flags & (fin|syn|rst|ack) {d.random.choice(('==', '!='))} syn",
    "protocol": lambda d: f"meta l4proto {d.l4}",
    "protocol set": lambda d: "meta l4proto { tcp, udp }",
    "protocol negated": lambda d: f"meta l4proto != {d.random.choice(('tcp', 'udp', 'icmp'))}",
    "network protocol": lambda d: f"meta nfproto ipv{4 if d.l3 == 'ip' else 6}",
    "IP header's protocol": lambda d: (
        f"ip protocol {d.l4}" if d.l3 == "ip" else f"ip6 nexthdr {d.l4}"
    ),
    "ether type": lambda d: f"meta protocol {d.l3}",
    "ICMP": lambda d: d.random.choice(
        ("icmp type echo-request", "icmpv6 type { nd-neighbor-solicit, echo-request }")
    ),
    "packet type": lambda d: f"meta pkttype {d.random.choice(('host', 'broadcast', 'multicast'))}",
    "type of destination": lambda d: (
        f"fib daddr type {d.random.choice(('local', '{ local, broadcast }', 'multicast'))}"
    ),
    "type of source": lambda d: f"fib saddr type {d.random.choice(('local', 'unicast'))}",
    "mark": lambda d: f"meta mark {d.random.choice((0, 1, 2))}",
    "mark masked": lambda d: f"meta mark & 0xf == {d.random.choice((0, 1, 2))}",
    "connection's mark": lambda d: f"ct mark {d.random.choice((0, 1, 2))}",
}
OPEN: Final[dict[str, Fragment]] = {
    "limit": lambda d: "limit rate 1/hour burst 1 packets",
    "limit over": lambda d: "limit rate over 1/hour burst 2 packets",
    "quota": lambda d: "quota over 200 bytes",
    "count": lambda d: "ct count over 1",
    "dynamic set": lambda d: "ip saddr @seen",
    "set written to": lambda d: "add @seen { ip saddr }",
    "set with timeouts": lambda d: "ip saddr @guests",
    "meter": lambda d: "update @rates { ip saddr limit rate over 1/hour burst 1 packets }",
    "source port": lambda d: f"{d.l4} sport 20000-{d.random.randint(20100, 30000)}",
    "TTL": lambda d: "ip ttl > 60",
    "length": lambda d: "meta length > 50",
    "hour": lambda d: 'meta hour "00:00"-"12:00"',
    "route back": lambda d: "fib saddr . iif oif exists",
    "type at the interface": lambda d: "fib daddr . iif type local",
    "TCP option": lambda d: "tcp option sack-perm exists",
    "exact flags": lambda d: "tcp flags == syn",
    "MAC": lambda d: "ether saddr 02:00:00:00:00:01",
    "DSCP": lambda d: "ip dscp cs0",
    "group of interfaces": lambda d: "meta iifgroup 0",
    "random": lambda d: "numgen random mod 2 0",
}
VERDICTS: Final[dict[str, Fragment]] = {
    "accept": lambda d: "accept",
    "drop": lambda d: "drop",
    "reject": lambda d: "reject",
    "reject by type": lambda d: (
        f"reject with icmpx {d.random.choice(('admin-prohibited', 'no-route'))}"
    ),
    "jump": lambda d: "jump one",
    "goto": lambda d: "goto two",
    "return": lambda d: "return",
    "continue": lambda d: "continue",
    "counter": lambda d: "counter",
    "log": lambda d: 'log prefix "fw: "',
    "setting a mark": lambda d: f"meta mark set {d.random.choice((1, 2))}",
    "setting the connection's mark": lambda d: f"ct mark set {d.random.choice((1, 2))}",
}
WHOLE_RULES: Final[dict[str, Fragment]] = {
    "reset": lambda d: f"tcp dport {{ {d.ports} }} reject with tcp reset",
    "reset implied": lambda d: "reject with tcp reset",
    "reject of a family": lambda d: (
        "reject with icmp type host-prohibited"
        if d.l3 == "ip"
        else "reject with icmpv6 type admin-prohibited"
    ),
    "verdict map": lambda d: (
        f"{d.l4} dport vmap "
        f"{{ {d.random.choice((22, 443))} : accept, 1000-7500 : drop, 50000-60000 : jump one }}"
    ),
    "verdict map for all others": lambda d: f"{d.l4} dport vmap {{ {d.port} : accept, * : drop }}",
    "named verdict map": lambda d: f"{d.l4} dport vmap @services",
    "verdict map by state": lambda d: (
        "ct state vmap { established : accept, related : accept, invalid : drop, new : jump one }"
    ),
    "verdict map by address": lambda d: (
        f"{d.l3} saddr . {d.l4} dport vmap "
        f"{{ {d.client} . 1-6000 : accept, {d.range} . 7000-60000 : goto two }}"
    ),
    "verdict map by interface": lambda d: 'iifname vmap { "lo" : accept, "eth0" : jump one }',
}
NAT: Final[dict[str, Fragment]] = {
    "redirect": lambda d: f"{d.l4} dport {d.port} redirect to :{d.port}",
    "redirect to the same port": lambda d: f"{d.l4} dport {{ {d.ports} }} redirect",
    "redirect by map": lambda d: (
        "meta l4proto tcp redirect to :tcp dport map { 80 : 8083, 443 : 22 }"
    ),
    "dnat to a port": lambda d: (
        f"meta nfproto ipv{4 if d.l3 == 'ip' else 6} {d.l4} dport {d.port} dnat to :{d.port}"
    ),
    "dnat to another own address": lambda d: (
        f"meta nfproto ipv{4 if d.l3 == 'ip' else 6} {d.l4} dport {{ {d.ports} }} "
        f"dnat {d.l3} to {d.server}"
    ),
    "dnat to a container": lambda d: (
        f"{d.l4} dport {{ {d.ports} }} dnat {d.l3} to "
        f"{d.container if d.l3 == 'ip' else '[' + d.container + ']'}:{d.port}"
    ),
    "dnat by map": lambda d: (
        f"dnat ip to {d.l4} dport map {{ 80 : 172.17.0.2, 443 : 203.0.113.20 }}"
    ),
    "dnat by concatenated map": lambda d: (
        f"dnat ip to ip daddr . {d.l4} dport map {{ 203.0.113.10 . 80 : 172.17.0.2 . 8083 }}"
    ),
}
# nft refuses these together with a match of another protocol or family.
TCP_ONLY: Final = {"flags", "flags masked", "exact flags", "TCP option"}
IPV4_ONLY: Final = {
    *("named concatenation", "dynamic set", "set written to", "set with timeouts", "meter"),
    *("TTL", "DSCP", "dnat by map", "dnat by concatenated map"),
}
ALONE: Final = {
    *("ICMP", "protocol negated", "IP header's protocol", "protocol set", "th port of both"),
}
SETS: Final = """
  set open { type inet_service; flags interval; elements = { 22, 443, 7000-7999, 50000-60000 }; }
  set trusted { type ipv4_addr; flags interval; elements = { 203.0.113.64/26, 10.0.0.0/8 }; }
  set trusted6 { type ipv6_addr; flags interval; elements = { 2001:db8::70/124 }; }
  set pairs {
    type ipv4_addr . inet_service; flags interval
    elements = { 203.0.113.0/26 . 1-1000, 203.0.113.77 . 7000-8000 }
  }
  set seen { type ipv4_addr; size 128; flags dynamic; }
  set rates { type ipv4_addr; size 128; flags dynamic; }
  set guests { type ipv4_addr; flags timeout; elements = { 203.0.113.77 timeout 1h }; }
  map services {
    type inet_service : verdict; flags interval
    elements = { 22 : accept, 53 : drop, 7000-7999 : jump one, 50000-60000 : goto two }
  }
"""
