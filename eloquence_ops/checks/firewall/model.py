"""A ruleset, whichever tool wrote it: tables of chains of rules of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

from eloquence_ops.checks.firewall.answer import Feature, Place
from eloquence_ops.checks.firewall.atoms import Atom, Hidden, Span
from eloquence_ops.checks.firewall.packet import Hook, IpAddress


class Field(Enum):
    """What can be read from every packet that is asked about."""

    IN_INTERFACE = auto()
    OUT_INTERFACE = auto()
    NETWORK_PROTOCOL = auto()  # NFPROTO_IPV4, NFPROTO_IPV6
    ETHER_TYPE = auto()
    PROTOCOL = auto()
    SOURCE = auto()
    DESTINATION = auto()
    SOURCE_PORT = auto()
    PORT = auto()
    TCP_FLAGS = auto()
    STATE = auto()  # conntrack's, as nftables numbers it
    STATE_AND_NAT = auto()  # the same with iptables' two virtual states
    STATUS = auto()
    DIRECTION = auto()
    CONNECTION_MARK = auto()
    ORIGINAL_DESTINATION = auto()
    ORIGINAL_PORT = auto()
    MARK = auto()
    PACKET_TYPE = auto()
    SOURCE_TYPE = auto()
    DESTINATION_TYPE = auto()


# --- Steps: what a rule does, one after the other -----------------------------------------------

Element = tuple[Atom, ...]


@dataclass(frozen=True)
class Test:
    """Goes on if the fields, together, are one of the elements (or, negated, none of them)."""

    fields: tuple[Field | Hidden, ...]
    elements: tuple[Element, ...]
    negated: bool = False


def perhaps(feature: Feature, detail: str) -> Test:
    """A test that nobody can tell."""
    return Test((Hidden(feature, detail),), ((Span(0, 0),),))


NEVER: Final = Test((Field.PROTOCOL,), ())


@dataclass(frozen=True)
class Change:
    """Sets a field; None: to a value that is not known."""

    field: Literal[Field.MARK, Field.CONNECTION_MARK, Field.PORT, Field.PACKET_TYPE, Field.SOURCE]
    value: int | None


@dataclass(frozen=True)
class Untrack:
    """No connection tracking for this packet, if it is early enough."""


@dataclass(frozen=True)
class Translate:
    """A new destination; it ends the chain.

    `own`: an address of the interface; `any`: one of several.
    """

    address: IpAddress | Literal["kept", "own", "any"] = "kept"
    port: int | Literal["kept", "any"] = "kept"


@dataclass(frozen=True)
class Accept:
    """Ends the base chain, not the packet's way."""


@dataclass(frozen=True)
class Drop:
    """Final, without a word."""


@dataclass(frozen=True)
class Reject:
    """Final, and the sender is told."""


@dataclass(frozen=True)
class Return:
    """Back to where the chain was jumped to from; in a base chain, to its policy."""


@dataclass(frozen=True)
class Jump:
    """To another chain of the same table; `back` is false for goto."""

    chain: str
    back: bool = True


@dataclass(frozen=True)
class Continue:
    """On with the next rule."""


@dataclass(frozen=True)
class Unclear:
    """From here on nothing is known."""

    feature: Feature
    detail: str


Ending = Translate | Accept | Drop | Reject | Return | Jump | Continue | Unclear


@dataclass(frozen=True)
class Lookup:
    """A map: the element that fits says how the rule ends; none fits, and it does not hold."""

    fields: tuple[Field | Hidden, ...]
    entries: tuple[tuple[Element, Ending], ...]


Step = Test | Change | Untrack | Lookup | Ending


# --- What holds them ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """`text`: in its own words, bounded and safe to show."""

    place: Place
    text: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Chain:
    """`place` is that of the chain's end; `siblings` are where its jumps lead."""

    place: Place
    rules: tuple[Rule, ...]
    siblings: Mapping[str, Chain]


@dataclass(frozen=True, eq=False)
class BaseChain:
    """A chain that is hooked in.

    `family` as nftables names it. `devices`: for the ingress hook; none, where they are not shown.
    `may_sleep`: its table has flags, and it is not known which.
    """

    chain: Chain
    family: str
    hook: Hook
    kind: Literal["filter", "nat"]
    priority: int
    policy: Literal["accept", "drop"]
    devices: frozenset[str] = frozenset()
    may_sleep: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """`family` as nftables names it: ip, ip6, inet, netdev, bridge.

    `sleeps`: it is dormant, and none of its chains is hooked in; None where that is not known.
    """

    family: str
    name: str
    chains: Mapping[str, Chain]
    base_chains: tuple[BaseChain, ...]
    sleeps: bool | None = False
