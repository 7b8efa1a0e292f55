"""Proves UDP ports one by one, with a responder on the server that ends with the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from eloquence_ops.findings import Family
from eloquence_ops.observations.ports import UdpProof, UdpSpan, UdpState
from eloquence_ops.port_spans import sample, spans
from eloquence_ops.probes.ports import packets
from eloquence_ops.probes.ports.loss import Tally
from eloquence_ops.probes.ports.packets import NotTheResponder, Ready, Report, Run, Sayings
from eloquence_ops.probes.ports.sender import Sender
from eloquence_ops.secrets import Secret
from eloquence_ops.server import sudo
from eloquence_ops.server.errors import LinkError
from eloquence_ops.server.link import Link, Running
from eloquence_ops.server.threads import in_thread
from eloquence_ops.untrusted import one_line

DEADLINE_S: Final = 30.0
"""The responder ends after it, whatever becomes of us."""

_ANSWER_S: Final = 8.0
# Bound sockets keep a call from its port while they are there: never more than half of the range,
# every other port, so that a call that begins meanwhile finds one at its next try.
_MOST_BOUND: Final = 5001
_VERSION: Final = {Family.IPV4: 4, Family.IPV6: 6}


class Responder:
    """The program on the server, while it runs."""

    def __init__(self, running: Running, run: Run) -> None:
        self._running, self._sayings = running, Sayings(run.nonce)

    async def ready(self) -> Ready:
        """Raises `NotTheResponder` and `LinkError`."""
        return packets.ready(await self._said())

    async def report(self) -> Report:
        await self._running.write(b"r\n")
        return packets.report(await self._said())

    async def _said(self) -> dict[str, object]:
        async with asyncio.timeout(_ANSWER_S):
            while data := await self._running.read():
                for said in self._sayings.feed(data):
                    return said
        raise NotTheResponder


@asynccontextmanager
async def responding(
    link: Link,
    password: Secret | None,
    run: Run,
    family: Family,
    ports: Sequence[int],
    *,
    bind: bool = False,
) -> AsyncIterator[tuple[Responder, Running]]:
    """Ended when the block ends: its standard input closes."""
    command = run.command(_VERSION[family], ports, DEADLINE_S, bind=bind)
    prepared = sudo.as_root(command, password, run.first_line)
    running = await link.start(prepared.command, stdin=prepared.stdin)
    try:
        yield Responder(running, run), running
    finally:
        await running.close()


async def prove(
    link: Link,
    family: Family,
    address: str,
    ports: Sequence[int],
    *,
    names: tuple[str, ...] = (),
    password: Secret | None = None,
    bind: bool = False,
    started: float = 0.0,
) -> UdpProof:
    """What came of each port. Never raises for what the network or the server does."""
    begun = time.monotonic()
    proof = _Proof(link, family, address, password, bind)
    outcome, detail = "made", ""
    try:
        await proof.make(ports)
    except LinkError:
        outcome = "link-lost"
    except (NotTheResponder, TimeoutError):
        outcome, detail = ("garbled", proof.complaint) if proof.begun else proof.why_not()
    except OSError as refusal:
        outcome, detail = "refused", one_line(str(refusal), limit=200)
    return UdpProof(
        names=names,
        family=family,
        address=address,
        outcome=outcome,  # type: ignore[arg-type]  # one of its words
        detail=detail,
        at_s=round(begun - started, 6),
        duration_s=round(time.monotonic() - begun, 6),
        **(proof.found() if outcome == "made" else {}),  # type: ignore[arg-type]
    )


class _Proof:
    """One address. In slices where ports have to be bound."""

    def __init__(
        self, link: Link, family: Family, address: str, password: Secret | None, bind: bool
    ) -> None:
        self._link, self._family, self._address = link, family, address
        self._password, self._bind = password, bind
        self._states: dict[int, UdpState] = {}
        self._tries, self._sent, self._answers = 0, 0, 0
        self._held_back: set[int] = set()
        self._translated = 0
        self._way, self._sees_arrivals = "", True
        self.begun, self.complaint = False, ""

    async def make(self, ports: Sequence[int]) -> None:
        run, slices = Run(), [list(ports)]
        if self._bind:
            slices = _apart(ports)
        while slices:
            wanted = slices.pop(0)
            responding_ = responding(
                self._link, self._password, run, self._family, wanted, bind=self._bind
            )
            async with responding_ as (responder, running):
                try:
                    ready = await responder.ready()
                finally:
                    self.complaint = one_line(sudo.went(running.said()).stderr, limit=200)
                self.begun = True
                self._way = ready.way
                if ready.way == "bound" and not self._bind and len(wanted) > _MOST_BOUND:
                    # Nobody may open a raw socket there: begin again with less at once.
                    self._bind, slices = True, _apart(wanted)
                    continue
                await self._ask(responder, ready, _within(wanted, ready.room), run)
            run = Run()

    def why_not(self) -> tuple[str, str]:
        missing = "python3" in self.complaint and "not found" in self.complaint
        return ("no-python", "") if missing else ("refused", self.complaint)

    async def _ask(
        self, responder: Responder, ready: Ready, wanted: Sequence[int], run: Run
    ) -> None:
        self._sees_arrivals = self._sees_arrivals and ready.sees_arrivals
        tally = Tally(frozenset(wanted) - ready.in_use - ready.left)
        begun, dropped = time.monotonic(), 0
        sender = Sender(self._family, self._address, run)
        try:
            asked_at = time.monotonic()
            await responder.report()
            sender.expect(time.monotonic() - asked_at)
            while tally.missing and not tally.is_settled(time.monotonic() - begun):
                dropped = await self._pass(tally, sender, responder, dropped)
        finally:
            sender.close()
        self._states |= dict.fromkeys(ready.in_use & set(wanted), "in-use")
        self._states |= dict.fromkeys(ready.left & set(wanted), "not-tried")
        self._states |= tally.states()
        self._tries = max(self._tries, tally.tries)
        self._sent += sum(tally.sent.get(port, 0) for port in tally.answered)
        self._answers += len(tally.answered)
        self._held_back |= tally.held_back - tally.answered

    async def _pass(self, tally: Tally, sender: Sender, responder: Responder, dropped: int) -> int:
        """Asks every port that has not answered once more. One in which a buffer of ours or of the
        responder's overflowed does not count as a try."""
        number, missing, own = tally.passes, tally.missing, sender.drops()
        answered, unsent = await in_thread(lambda: sender.ask(missing, number))
        report = await responder.report()
        overflowed = report.dropped > dropped or sender.drops() > own
        tally.passed(missing, overflowed=overflowed)
        tally.answered |= answered
        tally.heard |= report.heard
        tally.arrived |= report.arrived
        tally.held_back |= report.held_back
        tally.unsent = unsent
        self._translated = report.translated
        if answered and len(answered) < len(missing):
            sender.pace.lost(time.monotonic())
        return report.dropped

    def found(self) -> dict[str, object]:
        return {
            "way": self._way,
            "sees_arrivals": self._sees_arrivals,
            "tries": self._tries,
            "loss": round(1 - self._answers / self._sent, 4) if self._sent else 0.0,
            "held_back": len(self._held_back),
            "translated": self._translated,
            "asked": len(self._states),
            "spans": tuple(
                UdpSpan(first=one.first, last=one.last, count=one.count, state=one.state)
                for one in spans(self._states)
            ),
        }


def _apart(ports: Sequence[int]) -> list[list[int]]:
    """Slices that may be bound at once: every second port, or every third of a longer range."""
    many = max(2, -(-len(ports) // _MOST_BOUND))
    return [one for number in range(many) if (one := list(ports[number::many]))]


def _within(ports: Sequence[int], room: int | None) -> Sequence[int]:
    """Each port is a connection to the server's tracking, which others need too: a part of them
    where there is little room."""
    if room is None or len(ports) <= room // 2:
        return ports
    chosen = sample(0, len(ports) - 1, max(2, room // 2))
    return [ports[place] for place in chosen]
