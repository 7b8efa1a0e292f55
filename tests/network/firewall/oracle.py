"""The evaluator's answers beside what real packets met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from eloquence_ops.checks.firewall.answer import Answer
from eloquence_ops.checks.firewall.evaluate import answer
from eloquence_ops.checks.firewall.packet import Packet
from eloquence_ops.checks.firewall.sources import Said, read
from tests.network.firewall.arena import (
    CLIENT,
    HOST,
    PORTS,
    SERVER,
    arena,
    same_family,
)
from tests.network.firewall.probing import Met, Prober
from tests.network.firewall.ruleset import Ruleset, said_of

# Waiting for silence takes no processor, so more arenas than processors.
LANES: Final = 6
_PORTS_EACH: Final = 10
# A second look when the two disagree: on a busy machine an answer may have been late.
_PATIENTLY: Final = 1.0


@dataclass(frozen=True)
class Compared:
    """One packet: what was answered, and what it met.

    `blind`: the answer where neither the interface nor anything of the host is known.
    """

    ruleset: Ruleset
    packet: Packet
    answer: Answer
    blind: Answer
    met: Met
    said: Said

    @property
    def is_wrong(self) -> bool:
        return not {self.answer.verdict, self.blind.verdict} <= {"unknown", self.met}

    def __str__(self) -> str:
        packet, told = self.packet, self.answer
        return (
            f"{self.ruleset.name}: {packet.source} → {packet.destination} "
            f"{packet.protocol} {packet.port}: answered {told.verdict} by “{told.rule}” "
            f"({told.place}), blindly {self.blind.verdict}, met {self.met}"
        )


def packets(ruleset: Ruleset) -> list[Packet]:
    """For each of several ports a SYN and a datagram; the same ones each time."""
    random = Random(ruleset.name)
    return [
        Packet(
            random.choice(same_family(CLIENT, version)),
            random.choice(same_family(SERVER, version)),
            port,
            protocol,
            "eth0",
        )
        for port in sorted(random.sample(PORTS, _PORTS_EACH))
        for protocol in ("tcp", "udp")
        for version in (random.choice((4, 6)),)
    ]


def compared(rulesets: Sequence[Ruleset], lanes: int = LANES) -> list[Compared]:
    """Every ruleset loaded and asked, several arenas at a time."""
    shares = [rulesets[lane::lanes] for lane in range(min(lanes, len(rulesets)))]
    with ThreadPoolExecutor(len(shares)) as pool:
        return [found for share in pool.map(_in_one_arena, shares) for found in share]


def _in_one_arena(rulesets: Iterable[Ruleset]) -> list[Compared]:
    with arena() as hosts:
        prober = Prober(hosts)
        found: list[Compared] = []
        for ruleset in rulesets:
            ruleset.load(hosts.server)
            said = said_of(hosts.server)
            firewall = read(said)
            asked = packets(ruleset)
            answers = [answer(firewall, packet, HOST) for packet in asked]
            blind = [answer(firewall, replace(packet, interface=None)) for packet in asked]
            met = dict(zip(asked, prober.meet(asked), strict=True))
            disputed = [
                packet
                for packet, told, untold in zip(asked, answers, blind, strict=True)
                if not {told.verdict, untold.verdict} <= {"unknown", met[packet]}
            ]
            if disputed:
                met |= zip(disputed, prober.meet(disputed, _PATIENTLY), strict=True)
            found += [
                Compared(ruleset, packet, told, untold, met[packet], said)
                for packet, told, untold in zip(asked, answers, blind, strict=True)
            ]
        return found
