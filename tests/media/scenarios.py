"""What sound can meet, each made for real and examined by the real command.

`python -m tests.media.scenarios` (as root) renews the recordings that prove the causes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import read
from tests.media.coaches import Manner
from tests.media.stage import API, KEY, LINK, LIVEKIT, PAIR, TCP, UDP, Stage, stage

RECORDINGS: Final = Path(__file__).resolve().parents[1] / "recordings"
_TRANSPORT: Final = ("--livekit", LIVEKIT, "--timeout", "3")
_CALL: Final = ("--api", API, "--livekit", LIVEKIT, "--timeout", "3")
# The first byte of RTP and RTCP (RFC 7983): STUN and DTLS pass.
_SRTP: Final = "oifname != lo udp length > 8 @th,64,8 >= 128 @th,64,8 < 192"


@dataclass(frozen=True)
class Scenario:
    """`turn`: whether LiveKit hands coturn out, and with which password; `dropped`: by the server's
    firewall; with a `coach` the call is made, otherwise the transport is tried."""

    cause: str
    turn: str = ""
    dropped: tuple[str, ...] = ()
    hook: str = "input"
    coach: Manner | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: PAIR)

    def check(self, on: Stage, record: Path) -> int:
        with ExitStack() as stack:
            if self.dropped:
                stack.enter_context(on.dropping(*self.dropped, hook=self.hook))
            if self.coach is None:
                return on.check(record, *_TRANSPORT, **self.environ)
            stack.enter_context(on.backend(self.coach))
            return on.check(record, *_CALL, **KEY)


UDP_DROPPED: Final = f"{LINK} udp dport {UDP}"
SCENARIOS: Final[Mapping[str, Scenario]] = {
    "media-healthy": Scenario("", turn="right"),
    "media-udp-blocked": Scenario("media-udp-blocked", dropped=(f"{LINK} meta l4proto udp",)),
    "media-tcp-blocked": Scenario("media-tcp-blocked", dropped=(f"{LINK} tcp dport {TCP}",)),
    "media-blocked": Scenario("media-blocked", dropped=(UDP_DROPPED, f"{LINK} tcp dport {TCP}")),
    "media-filtered": Scenario("media-filtered", dropped=(_SRTP,), hook="output"),
    "media-relay-broken": Scenario("media-relay-broken", turn="another password"),
    "media-call": Scenario("", coach="speaks"),
    "agent-silent": Scenario("agent-silent", coach="silent"),
    "media-agent-mute": Scenario("agent-silent", coach="mute"),
    "media-agent-absent": Scenario("agent-absent", coach="absent"),
}


def judged(record: Path) -> Result:
    return examine(read(record), catalogue())


def causes(result: Result) -> list[str]:
    return [cause.cause.id for cause in result.diagnosis.causes]


def main() -> None:
    """Those without a TURN server share a LiveKit."""
    wanted = sys.argv[1:] or list(SCENARIOS)
    for turn in ("", "right", "another password"):
        with stage(turn=turn) as on:
            for name in wanted:
                if SCENARIOS[name].turn == turn:
                    record = RECORDINGS / f"{name}.json"
                    code = SCENARIOS[name].check(on, record)
                    print(name, code, causes(judged(record)), flush=True)


if __name__ == "__main__":
    main()
