"""What iptables' generated rules are made of: one row a feature, in iptables' own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.network.firewall.nft_features import Draw

Fragment = Callable[[Draw], str]

# Every one of them comes after `-p tcp` or `-p udp`, which is not said again.
MATCHES: Final[dict[str, Fragment]] = {
    "port": lambda d: f"-m {d.l4} --dport {d.port}",
    "port range": lambda d: f"-m {d.l4} --dport 7000:55000",
    "port up to": lambda d: f"-m {d.l4} --dport :{d.port}",
    "port negated": lambda d: f"-m {d.l4} ! --dport {d.port}",
    "multiport": lambda d: f"-m multiport --dports {d.port},{d.port},50000:60000",
    "multiport negated": lambda d: f"-m multiport ! --dports {d.port},7000:8000",
    "multiport, either": lambda d: f"-m multiport --ports {d.random.choice((80, 443))},22,67",
    "source port of a server": lambda d: f"-m {d.l4} --sport {d.random.choice((53, 67))}",
    "every source port": lambda d: f"-m {d.l4} --sport 1024:65535",
    "source": lambda d: f"-s {d.client}",
    "source prefix": lambda d: f"-s {d.network}",
    "source negated": lambda d: f"! -s {d.client}",
    "source mask with holes": lambda d: "-s 0.0.0.1/0.0.0.1" if d.l3 == "ip" else "-s ::1/::1",
    "source range": lambda d: f"-m iprange --src-range {d.range}",
    "source range negated": lambda d: f"-m iprange ! --src-range {d.range}",
    "destination": lambda d: f"-d {d.server}",
    "destination negated": lambda d: f"! -d {d.server}",
    "destination range": lambda d: f"-m iprange --dst-range {d.server}-{d.server}",
    "interface": lambda d: f"-i {d.random.choice(('eth0', 'docker0', 'wg0'))}",
    "interface wildcard": lambda d: f"-i {d.random.choice(('eth+', 'wg+'))}",
    "interface negated": lambda d: f"! -i {d.random.choice(('eth0', 'lo', 'wg+'))}",
    "state new": lambda d: "-m conntrack --ctstate NEW",
    "state of others": lambda d: (
        f"-m conntrack --ctstate {d.random.choice(('RELATED,ESTABLISHED', 'INVALID', 'UNTRACKED'))}"
    ),
    "state negated": lambda d: (
        f"-m conntrack ! --ctstate {d.random.choice(('NEW', 'ESTABLISHED', 'NEW,INVALID'))}"
    ),
    "state with nat": lambda d: f"-m conntrack --ctstate {d.random.choice(('DNAT', 'SNAT'))}",
    "state, old": lambda d: f"-m state --state {d.random.choice(('NEW', 'ESTABLISHED'))}",
    "status": lambda d: (
        f"-m conntrack --ctstatus {d.random.choice(('NONE', 'ASSURED', 'EXPECTED'))}"
    ),
    "status negated": lambda d: "-m conntrack ! --ctstatus SEEN_REPLY",
    "direction": lambda d: f"-m conntrack --ctdir {d.random.choice(('ORIGINAL', 'REPLY'))}",
    "tracked protocol": lambda d: f"-m conntrack --ctproto {d.random.choice(('tcp', 'udp'))}",
    "original destination": lambda d: f"-m conntrack --ctorigdst {d.server}",
    "original port": lambda d: f"-m conntrack --ctstate NEW --ctorigdstport {d.port}",
    "address type": lambda d: (
        f"-m addrtype --dst-type {d.random.choice(('LOCAL', 'MULTICAST', 'LOCAL,MULTICAST'))}"
    ),
    "address type negated": lambda d: "-m addrtype ! --dst-type LOCAL",
    "type of source": lambda d: f"-m addrtype --src-type {d.random.choice(('LOCAL', 'UNICAST'))}",
    "packet type": lambda d: f"-m pkttype --pkt-type {d.random.choice(('unicast', 'broadcast'))}",
    "mark": lambda d: f"-m mark --mark {d.random.choice(('0x0', '0x1', '0x2/0x2'))}",
    "mark negated": lambda d: "-m mark ! --mark 0x1",
    "connection's mark": lambda d: f"-m connmark --mark {d.random.choice(('0x0', '0x1'))}",
    "flags": lambda d: "-m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
    "flags negated": lambda d: "-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
    "all flags": lambda d: (
        f"-m tcp --tcp-flags ALL {d.random.choice(('NONE', 'SYN', 'FIN,PSH,URG'))}"
    ),
    "comment": lambda d: '-m comment --comment "-j ACCEPT, said \\"they\\""',
    "fragment": lambda d: d.random.choice(("-f", "! -f")),
    "routing header": lambda d: "-m rt --rt-type 0",
    "remembering": lambda d: "-m recent --set --name seen --rsource",
}
OPEN: Final[dict[str, Fragment]] = {
    "limit": lambda d: "-m limit --limit 1/hour --limit-burst 1",
    "hashlimit": lambda d: (
        "-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode srcip "
        "--hashlimit-name h"
    ),
    "recent": lambda d: "-m recent --update --seconds 30 --hitcount 6 --name seen --rsource",
    "connlimit": lambda d: "-m connlimit --connlimit-above 1",
    "statistic": lambda d: "-m statistic --mode random --probability 0.5",
    "source port": lambda d: f"-m {d.l4} --sport 20000:{d.random.randint(20100, 30000)}",
    "TTL": lambda d: "-m ttl --ttl-gt 60" if d.l3 == "ip" else "-m hl --hl-gt 60",
    "length": lambda d: "-m length --length 40:60",
    "MAC": lambda d: "-m mac --mac-source 02:00:00:00:00:01",
    "string": lambda d: '-m string --string "-j DROP" --algo bm',
    "time": lambda d: "-m time --timestart 00:00 --timestop 12:00",
    "TOS": lambda d: "-m tos --tos 0x00",
    "DSCP": lambda d: "-m dscp --dscp 0x00",
    "type at the interface": lambda d: "-m addrtype --dst-type LOCAL --limit-iface-in",
    "u32": lambda d: '-m u32 --u32 "0x0=0x0"',
    "MSS": lambda d: "-m tcpmss --mss 1460",
}
VERDICTS: Final[dict[str, Fragment]] = {
    "ACCEPT": lambda d: "-j ACCEPT",
    "DROP": lambda d: "-j DROP",
    "REJECT": lambda d: "-j REJECT",
    "REJECT by type": lambda d: (
        "-j REJECT --reject-with "
        + ("icmp-admin-prohibited" if d.l3 == "ip" else "icmp6-adm-prohibited")
    ),
    "RETURN": lambda d: "-j RETURN",
    "jump": lambda d: "-j one",
    "goto": lambda d: "-g two",
    "LOG": lambda d: '-j LOG --log-prefix "[fw] "',
    "counting": lambda d: "",
}
# They have their own place, or ask for TCP.
RESET: Final[Fragment] = lambda d: "-j REJECT --reject-with tcp-reset"  # noqa: E731 -- as the others
MANGLE: Final[dict[str, Fragment]] = {
    "MARK": lambda d: f"-j MARK --set-xmark {d.random.choice(('0x1', '0x2'))}/0xffffffff",
    "CONNMARK": lambda d: "-j CONNMARK --set-xmark 0x1/0xffffffff",
    "TOS target": lambda d: "-j TOS --set-tos 0x10/0x3f",
    "DROP in mangle": lambda d: "-j DROP",
    "ACCEPT in mangle": lambda d: "-j ACCEPT",
}
RAW: Final[dict[str, Fragment]] = {
    "NOTRACK": lambda d: "-j CT --notrack",
    "DROP in raw": lambda d: "-j DROP",
    "helper": lambda d: "-j CT --zone 0",
}
NAT: Final[dict[str, Fragment]] = {
    "REDIRECT": lambda d: f"-j REDIRECT --to-ports {d.port}",
    "DNAT to a port": lambda d: f"-j DNAT --to-destination :{d.port}",
    "DNAT to another own address": lambda d: f"-j DNAT --to-destination {d.server}",
    "DNAT to a container": lambda d: (
        f"-j DNAT --to-destination {d.container}:{d.port}"
        if d.l3 == "ip"
        else f"-j DNAT --to-destination [{d.container}]:{d.port}"
    ),
    "RETURN in nat": lambda d: "-j RETURN",
    "ACCEPT in nat": lambda d: "-j ACCEPT",
}
TCP_ONLY: Final = {"flags", "flags negated", "all flags", "MSS"}
UDP_ONLY: Final = {"string"}
IPV4_ONLY: Final = {"fragment"}
IPV6_ONLY: Final = {"routing header"}
