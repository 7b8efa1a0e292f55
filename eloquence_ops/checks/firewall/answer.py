"""What is answered, and why an answer may be unknown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Verdict = Literal["accepted", "dropped", "rejected", "unknown"]


class Feature(StrEnum):
    """What can leave an answer open."""

    NOT_READ = "not-read"  # a text is missing
    UNREADABLE = "unreadable"  # a text is there, but cut short or in a form of its own
    CONTRADICTION = "contradiction"  # two texts cannot both be true
    RATE = "rate"  # limits, quotas, counts: it depends on what came before
    CHANGING_SET = "changing-set"  # a set whose elements come and go
    FOREIGN_SET = "foreign-set"  # an ipset, whose elements are kept elsewhere
    SOURCE_PORT = "source-port"  # a client takes any
    INTERFACE = "interface"  # it was not said where the packet comes in
    PACKET_FIELD = "packet-field"  # a length, a TTL, …: two packets for one port may differ in it
    TCP_FLAGS = "tcp-flags"  # a SYN may ask for ECN
    TIME = "time"
    TRANSLATION = "translation"  # where a translated destination leads
    FORWARDING = "forwarding"  # whether, and over which interface, this host forwards
    ROUTING = "routing"  # a question to the routing table
    MARK = "mark"  # a mark that was computed
    HANDED_OVER = "handed-over"  # queue, synproxy, tproxy: something else decides
    BRIDGE = "bridge"  # rules that hold if the interface is a bridge's port
    INGRESS = "ingress"  # rules of another interface, which may lie under this one
    ORDER = "order"  # two chains of the same priority disagree
    EXTENSION = "extension"  # an iptables extension that has no meaning here
    EXPRESSION = "expression"  # an nftables expression that has no meaning here
    COMPLEXITY = "complexity"  # more paths than are followed


@dataclass(frozen=True)
class Place:
    """Where a rule stands; `position` counts from 1, and is None for the chain's policy."""

    source: Literal["nftables", "iptables", "iptables-legacy"]
    family: str
    table: str
    chain: str
    position: int | None


@dataclass(frozen=True)
class Doubt:
    """Why an answer is open; `detail` is the rule's own word for it."""

    feature: Feature
    detail: str
    rule: str = ""
    place: Place | None = None


@dataclass(frozen=True)
class Answer:
    """What happens to the packet, and what decided it.

    `rule` is the rule in its own words, empty where none decided; `place` says where it stands.
    An unknown answer has its `doubt`, and in `possible` what it may come to.
    """

    verdict: Verdict
    rule: str = ""
    place: Place | None = None
    doubt: Doubt | None = None
    possible: frozenset[Verdict] = frozenset()
