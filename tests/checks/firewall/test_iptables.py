"""What iptables-save says."""

from __future__ import annotations

import pytest

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.packet import Packet
from eloquence_ops.checks.firewall.sources import Said
from tests.checks.firewall.asking import asked, packet, saved

NOTHING = '{"nftables": []}'
UDP_53 = packet(53, "udp")


def said(*lines: str, table: str = "filter") -> Said:
    return Said(NOTHING, saved(*lines, table=table, kind=""), "")


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("-p tcp -m tcp --dport 22", "accepted"),
        ("-p tcp -m tcp ! --dport 22", "dropped"),
        ("-p udp", "dropped"),
        ("-p all -m comment --comment \"a -j DROP 'b'\"", "accepted"),
        ('-m comment --comment "unsaid \\" quote"', "accepted"),
        ("-s 198.51.100.0/24 -i eth+", "accepted"),
        ("! -s 198.51.100.0/24", "dropped"),
        ("-s 0.0.0.7/0.0.0.7", "accepted"),
        ("-m recent --set --name x --mask 255.255.255.255 --rsource", "accepted"),
        ("-p icmp -m icmp --icmp-type 8", "dropped"),
        ("-m rt --rt-type 0", "dropped"),
        ("-f", "dropped"),
        ("! -f", "accepted"),
        ("-p tcp -m tcp --sport 53", "dropped"),
        ("-p 6", "accepted"),
    ],
)
def test_a_rule_with_accept_before_a_drop(rule: str, verdict: str) -> None:
    assert asked(said(":INPUT DROP [0:0]", f"-A INPUT {rule} -j ACCEPT")).verdict == verdict


@pytest.mark.parametrize(
    ("rule", "feature"),
    [
        ("-m limit --limit 3/min", Feature.RATE),
        ("-m recent --update --seconds 30 --hitcount 6 --name D --rsource", Feature.RATE),
        ("-m hashlimit --hashlimit-upto 1/min --hashlimit-name x", Feature.RATE),
        ("-m set ! --match-set blocked src", Feature.FOREIGN_SET),
        ("-m time --timestart 01:00:00", Feature.TIME),
        ("-m mac --mac-source 02:00:00:00:00:01", Feature.PACKET_FIELD),
        ("-m rpfilter --invert", Feature.ROUTING),
        ("-m addrtype --dst-type LOCAL --limit-iface-in", Feature.ROUTING),
        ("-m physdev --physdev-in eth1", Feature.BRIDGE),
        ("-m geoip --source-country FR", Feature.EXTENSION),
        ("-p tcp -m tcp --tcp-option 4", Feature.EXTENSION),
        ("-m conntrack --ctstate NEW --ctexpire 5", Feature.EXTENSION),
        ("-p tcp -m tcp --sport 40000:50000", Feature.SOURCE_PORT),
        ("--brand-new yes", Feature.EXTENSION),
        ("-p tcp -m tcp --dport ssh", Feature.UNREADABLE),
        ('-m comment --comment "never closed', Feature.UNREADABLE),
    ],
)
def test_an_extension_without_a_meaning_here_leaves_the_answer_open(
    rule: str, feature: Feature
) -> None:
    told = asked(said(":INPUT DROP [0:0]", f"-A INPUT {rule} -j ACCEPT"))
    assert told.verdict == "unknown"
    assert told.doubt is not None
    assert told.doubt.feature is feature


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        ("-j ACCEPT", "accepted"),
        ("-j DROP", "dropped"),
        ("-j REJECT --reject-with tcp-reset", "rejected"),
        ('-j LOG --log-prefix "-j ACCEPT "', "dropped"),
        ("-j RETURN", "dropped"),
        ("-j web", "accepted"),
        ("-g web", "accepted"),
        ("-g empty", "dropped"),
        ("-j NFQUEUE --queue-num 0", "unknown"),
        ("-j SYNPROXY --mss 1460", "unknown"),
        ("-j SOMETHING", "unknown"),
        ("", "dropped"),
    ],
)
def test_a_target(target: str, verdict: str) -> None:
    lines = (":INPUT DROP [0:0]", ":web - [0:0]", ":empty - [0:0]", "-A web -j ACCEPT")
    assert asked(said(*lines, f"-A INPUT -p tcp {target}".rstrip())).verdict == verdict


@pytest.mark.parametrize(
    ("to", "port", "verdict"),
    [
        ("203.0.113.10:443", 22, "accepted"),
        (":443", 22, "accepted"),
        (":80", 22, "dropped"),
        ("203.0.113.10:400-500", 22, "unknown"),
        ("203.0.113.10-203.0.113.20", 22, "unknown"),
        ("127.0.0.1:443", 22, "unknown"),
    ],
)
def test_a_translated_port_is_the_one_that_counts(to: str, port: int, verdict: str) -> None:
    text = saved(
        ":PREROUTING ACCEPT [0:0]",
        f"-A PREROUTING -p tcp -m tcp --dport {port} -j DNAT --to-destination {to}",
        table="nat",
        kind="",
    ) + saved(":INPUT DROP [0:0]", "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT", kind="")
    assert asked(Said(NOTHING, text, "")).verdict == verdict


@pytest.mark.parametrize(
    "text",
    [
        "*filter\n:INPUT ACCEPT [0:0]\n",
        "*filter\n:INPUT ACCEPT [0:0]\n-A MISSING -j DROP\nCOMMIT\n",
        "*filter\nnonsense\nCOMMIT\n",
        "iptables-save v1.8.7 (nf_tables): Could not fetch rule set generation id: "
        "Permission denied (you must be root)\n",
        "\x00\xff",
    ],
)
def test_a_text_that_is_no_whole_save_is_unreadable(text: str) -> None:
    told = asked(Said(NOTHING, text, ""))
    assert told.doubt is not None
    assert told.doubt.feature is Feature.UNREADABLE
    # The other family's text is another one.
    assert asked(Said(NOTHING, text, ""), packet(source="2001:db8::1")).verdict == "accepted"


@pytest.mark.parametrize("line", ["[12:3456] -A INPUT -j ACCEPT", "-A INPUT -j ACCEPT"])
def test_counters_before_a_rule_are_no_part_of_it(line: str) -> None:
    told = asked(said(":INPUT DROP [12:3456]", line))
    assert (told.verdict, told.rule) == ("accepted", "-A INPUT -j ACCEPT")


@pytest.mark.parametrize("about", [packet(), UDP_53], ids=["tcp", "udp"])
def test_the_deciding_rule_is_named_with_its_place(about: Packet) -> None:
    told = asked(
        said(
            ":INPUT DROP [0:0]",
            ":ufw-user-input - [0:0]",
            "-A INPUT -j ufw-user-input",
            "-A ufw-user-input -p udp -m udp --dport 53 -j ACCEPT",
        ),
        about,
    )
    assert told.place is not None
    if about is UDP_53:
        assert told.rule == "-A ufw-user-input -p udp -m udp --dport 53 -j ACCEPT"
        assert (told.place.chain, told.place.position) == ("ufw-user-input", 1)
    else:
        assert (told.rule, told.place.chain, told.place.position) == ("policy drop", "INPUT", None)
    assert told.place.source == "iptables-legacy"
