"""Which ports let anything through, over TCP and over UDP."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation, Record

TcpState = Literal["open", "closed", "filtered", "silent", "rejected", "unreachable", "local"]
UdpState = Literal["answered", "heard", "stopped", "lost-before", "in-use", "not-tried", "local"]


class TcpSpan(Record):
    """Ports that came out alike; of `first` to `last`, `count` were asked about.

    `open`: somebody accepted. `closed`: a RST came back, so that the way is open and nobody
    listens. `filtered`: nothing came back, of two probes or more over three seconds or more.
    `silent`: nothing came back, and nobody waited that long. `rejected`: an ICMP error that a
    firewall writes. `unreachable`: one that a router writes. `local`: this machine could not even
    ask. `detail` says which error.
    """

    first: int
    last: int
    count: int
    state: TcpState
    detail: str = ""


class PortScan(Observation):
    """TCP connects to ports of one address. `names` are the endpoints that are reached there.

    `about` is what the ports are: `known` ones, each by itself, or `range`, LiveKit's media range,
    of which `asked` were asked about. `patience_s` is how long a silent port was waited for.
    `route` is false where this machine knows no way there: nothing was sent.
    """

    kind: Literal["ports.tcp"] = "ports.tcp"
    about: Literal["known", "range"]
    names: tuple[str, ...]
    family: Family
    address: str
    asked: int
    patience_s: float
    route: bool = True
    spans: tuple[TcpSpan, ...] = ()

    def state(self, port: int) -> TcpSpan | None:
        """What came of one port, where it was asked about by itself."""
        return next((span for span in self.spans if span.first == span.last == port), None)


class UdpSpan(Record):
    """`answered`: there and back. `heard`: the responder heard it, and its answers were lost, of
    several. `stopped`: it arrived at the server, and did not get past the server's own rules.
    `lost-before`: it did not arrive, where arriving would have been seen; or nobody can tell where
    it was lost (`UdpProof.sees_arrivals`). `in-use`: a program holds the port and the responder
    needed it. `local`: this machine did not let it out.
    """

    first: int
    last: int
    count: int
    state: UdpState


class UdpProof(Observation):
    """UDP from here to a responder on the server, each port by itself.

    `outcome`: `made`, or why it could not be: `no-python`, `link-lost`, `garbled`, `refused`
    (the responder could not work there; `detail` says why). `way`: `raw`, a socket that sees what
    the server's rules let in and binds nothing; `bound`, one socket a port. `sees_arrivals`: what
    arrived at the network interface was seen too, before any rule. `tries`: how often a silent
    port was asked. `loss`: the part of packets to working ports that got no answer.
    `held_back`: answers that the server's own rules did not let out.
    """

    kind: Literal["ports.udp"] = "ports.udp"
    names: tuple[str, ...]
    family: Family
    address: str
    outcome: Literal["made", "no-python", "link-lost", "garbled", "refused"]
    detail: str = ""
    way: Literal["raw", "bound", ""] = ""
    sees_arrivals: bool = False
    tries: int = 0
    loss: float = 0.0
    held_back: int = 0
    translated: int = 0
    asked: int = 0
    spans: tuple[UdpSpan, ...] = ()
