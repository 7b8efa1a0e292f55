"""What an iptables rule asks of a packet, as iptables-save(8) writes it (iptables-extensions(8)).

An extension without a meaning here leaves the rule open; it does not stop the rule from being read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import EVERYTHING, Atom, Bits, SomeBit, Span, Unread
from eloquence_ops.checks.firewall.iptables_words import (
    NotModelled,
    Words,
    address_range,
    interface,
    marked,
    names,
    network,
    port_list,
    ports,
)
from eloquence_ops.checks.firewall.model import NEVER, Element, Field, Test, perhaps
from eloquence_ops.checks.firewall.numbers import (
    ADDRESS_TYPES,
    DIRECTIONS,
    PACKET_TYPES,
    PROTOCOLS,
    STATES,
    STATUSES,
    TCP_FLAGS,
)

_ENDS: Final = ("-m", "-j", "-g")
_FLAGS: Final = TCP_FLAGS | {"all": 63, "none": 0}
_STATUSES: Final = {name.replace("-", "_"): bit for name, bit in STATUSES.items()} | {"none": 0}

# What an extension without a meaning here depends on; any other is just an extension.
_OPEN: Final = {
    "limit": Feature.RATE,
    "hashlimit": Feature.RATE,
    "connlimit": Feature.RATE,
    "connbytes": Feature.RATE,
    "quota": Feature.RATE,
    "statistic": Feature.RATE,
    "rateest": Feature.RATE,
    "recent": Feature.RATE,
    "set": Feature.FOREIGN_SET,
    "time": Feature.TIME,
    "mac": Feature.PACKET_FIELD,
    "ttl": Feature.PACKET_FIELD,
    "hl": Feature.PACKET_FIELD,
    "length": Feature.PACKET_FIELD,
    "tos": Feature.PACKET_FIELD,
    "dscp": Feature.PACKET_FIELD,
    "ecn": Feature.PACKET_FIELD,
    "string": Feature.PACKET_FIELD,
    "u32": Feature.PACKET_FIELD,
    "bpf": Feature.PACKET_FIELD,
    "tcpmss": Feature.PACKET_FIELD,
    "osf": Feature.PACKET_FIELD,
    "addrtype": Feature.ROUTING,
    "rpfilter": Feature.ROUTING,
    "physdev": Feature.BRIDGE,
}
# They look for an IPv6 extension header, and hold for no packet without one, negated or not.
_HEADERS: Final = {"rt", "frag", "hbh", "dst"}


def matches(words: Words, family: str) -> Iterator[Test]:
    """Everything before `-j` or `-g`. Raises `NotModelled` or `ValueError`."""
    while (word := words.peek()) is not None and word not in ("-j", "-g"):
        negated, option = words.option()
        if option == "-m":
            yield from _extension(words.take(), words.until(*_ENDS), family)
        elif option == "-f":
            # The first packet of a connection is no later fragment.
            if not negated:
                yield NEVER
        elif option in _BASIC:
            field, value = _BASIC[option]
            yield Test((field,), ((value(words.take()),),), negated)
        else:
            raise NotModelled(Feature.EXTENSION, option)


def _protocol(text: str) -> Atom:
    if text in ("all", "0"):
        return EVERYTHING
    value = PROTOCOLS[text] if text in PROTOCOLS else int(text)
    return Span(value, value)


_BASIC: Final[dict[str, tuple[Field, Callable[[str], Atom]]]] = {
    "-p": (Field.PROTOCOL, _protocol),
    "-s": (Field.SOURCE, network),
    "-d": (Field.DESTINATION, network),
    "-i": (Field.IN_INTERFACE, interface),
    "-o": (Field.OUT_INTERFACE, interface),
}


def _extension(name: str, said: list[str], family: str) -> list[Test]:
    """The tests of one `-m`; a single open one where a word of it is not modelled."""
    if name in _HEADERS:
        return [NEVER]
    if name == "comment" or (name == "recent" and said[:1] == ["--set"]):
        # `--set` remembers the sender, and always holds.
        return []
    tests = []
    words = Words(said)
    while words.peek() is not None:
        negated, option = words.option()
        read = _OPTIONS_OF_IPV6.get((name, option)) if family == "ip6" else None
        read = read or _OPTIONS.get((name, option))
        if read is None:
            return [perhaps(_OPEN.get(name, Feature.EXTENSION), name)]
        fields, elements = read(words)
        tests.append(Test(fields, elements, negated))
    if name == "conntrack" and len(tests) > 1 and not _is_of_the_tracked(tests):
        return [perhaps(Feature.EXTENSION, name)]
    return tests


def _is_of_the_tracked(tests: list[Test]) -> bool:
    """Whether only tracked packets can fit.

    For the others conntrack compares the state, and nothing else that it is asked (xt_conntrack.c).
    """
    untracked = STATES["invalid"] | STATES["untracked"]
    for test in tests:
        if test.fields == (Field.STATE_AND_NAT,):
            (atom,) = test.elements[0]
            return not test.negated and isinstance(atom, SomeBit) and not atom.mask & untracked
    return True


_Read = tuple[tuple[Field, ...], tuple[Element, ...]]


def _one(field: Field, read: Callable[[str], Atom]) -> Callable[[Words], _Read]:
    return lambda words: ((field,), ((read(words.take()),),))


def _several(field: Field, read: Callable[[str], tuple[Element, ...]]) -> Callable[[Words], _Read]:
    return lambda words: ((field,), read(words.take()))


def _any_bit(known: dict[str, int]) -> Callable[[str], Atom]:
    return lambda text: SomeBit(sum(set(names(text, known))))


def _types(text: str) -> tuple[Element, ...]:
    return tuple((Span(kind, kind),) for kind in names(text, ADDRESS_TYPES))


def _types_of_ipv6(text: str) -> tuple[Element, ...]:
    """In IPv6 a list asks for all of its types, and a local address is unicast too.

    xt_addrtype.c, match_type6; what it does for anycast and unreachable takes a route.
    """
    asked = set(names(text, ADDRESS_TYPES))
    local, unicast = ADDRESS_TYPES["local"], ADDRESS_TYPES["unicast"]
    if asked & {ADDRESS_TYPES["anycast"], ADDRESS_TYPES["unreachable"]}:
        return ((Unread(Feature.ROUTING, text),),)
    if not asked <= {local, unicast}:
        return ()
    fitting = {local} if local in asked else {local, unicast}
    return tuple((Span(kind, kind),) for kind in fitting)


def _tracked_protocol(words: Words) -> _Read:
    """Like every field of a connection, it is not there for a packet that is not tracked."""
    return (Field.DIRECTION, Field.PROTOCOL), ((EVERYTHING, _protocol(words.take())),)


def _tcp_flags(words: Words) -> _Read:
    mask = sum(set(names(words.take(), _FLAGS)))
    return (Field.TCP_FLAGS,), ((Bits(mask, sum(set(names(words.take(), _FLAGS)))),),)


def _either_port(words: Words) -> _Read:
    elements: list[Element] = []
    for (span,) in port_list(words.take()):
        elements += [(span, EVERYTHING), (EVERYTHING, span)]
    return (Field.SOURCE_PORT, Field.PORT), tuple(elements)


def _named(known: dict[str, int]) -> Callable[[str], Atom]:
    return lambda text: Span(*(names(text, known) * 2))


_OPTIONS: Final[dict[tuple[str, str], Callable[[Words], _Read]]] = {
    **{(name, "--dport"): _one(Field.PORT, ports) for name in ("tcp", "udp")},
    **{(name, "--sport"): _one(Field.SOURCE_PORT, ports) for name in ("tcp", "udp")},
    ("tcp", "--tcp-flags"): _tcp_flags,
    ("multiport", "--dports"): _several(Field.PORT, port_list),
    ("multiport", "--sports"): _several(Field.SOURCE_PORT, port_list),
    ("multiport", "--ports"): _either_port,
    ("state", "--state"): _one(Field.STATE_AND_NAT, _any_bit(STATES)),
    ("conntrack", "--ctstate"): _one(Field.STATE_AND_NAT, _any_bit(STATES)),
    ("conntrack", "--ctstatus"): _one(Field.STATUS, _any_bit(_STATUSES)),
    ("conntrack", "--ctdir"): _one(Field.DIRECTION, _named(DIRECTIONS)),
    ("conntrack", "--ctproto"): _tracked_protocol,
    ("conntrack", "--ctorigdst"): _one(Field.ORIGINAL_DESTINATION, network),
    ("conntrack", "--ctorigdstport"): _one(Field.ORIGINAL_PORT, ports),
    ("addrtype", "--src-type"): _several(Field.SOURCE_TYPE, _types),
    ("addrtype", "--dst-type"): _several(Field.DESTINATION_TYPE, _types),
    ("mark", "--mark"): _one(Field.MARK, marked),
    ("connmark", "--mark"): _one(Field.CONNECTION_MARK, marked),
    ("pkttype", "--pkt-type"): _one(Field.PACKET_TYPE, _named(PACKET_TYPES)),
    ("iprange", "--src-range"): _one(Field.SOURCE, address_range),
    ("iprange", "--dst-range"): _one(Field.DESTINATION, address_range),
}
_OPTIONS_OF_IPV6: Final[dict[tuple[str, str], Callable[[Words], _Read]]] = {
    ("addrtype", "--src-type"): _several(Field.SOURCE_TYPE, _types_of_ipv6),
    ("addrtype", "--dst-type"): _several(Field.DESTINATION_TYPE, _types_of_ipv6),
}
