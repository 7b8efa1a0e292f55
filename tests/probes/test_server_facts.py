"""A server's answer as observations; whatever it is, something can be said of it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from eloquence_ops.findings import Vantage
from eloquence_ops.observations import (
    AnyObservation,
    LiveKitConfig,
    ServerClock,
    ServerFact,
    ServerFacts,
    ServerFirewall,
    ServerInstallation,
    ServerListeners,
    UnitJournal,
    UnitState,
)
from eloquence_ops.observations.server import UnknownReason
from eloquence_ops.probes.server_document import Asking
from eloquence_ops.probes.server_facts import RemoteEnd, gather, read
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.server.program import COMMAND
from eloquence_ops.server.remote.reading import REASONS
from eloquence_ops.settings import Target

CAPTURED = Path(__file__).parent.parent / "server" / "remote" / "captured"
TARGET = Target(name="x")
ASKING = Asking(TARGET, at_s=1.0, duration_s=0.5)
NONCE = "0123456789abcdef"
ALL: TypeAdapter[tuple[AnyObservation, ...]] = TypeAdapter(tuple[AnyObservation, ...])


def captured(name: str) -> bytes:
    raw = (CAPTURED / f"answer-{name}.txt").read_bytes()
    return re.sub(rb"(eloquence-facts-(?:begin|end)) \w+", rb"\1 " + NONCE.encode(), raw)


def facts(raw: bytes, redactor: Redactor | None = None) -> tuple[ServerFact, ...]:
    return read(RemoteEnd(raw), NONCE, ASKING, redactor or Redactor())


Kind = TypeVar("Kind", bound=ServerFact)


def one(found: Sequence[ServerFact], kind: type[Kind], **fields: object) -> Kind:
    (entry,) = [
        entry
        for entry in found
        if isinstance(entry, kind)
        and all(getattr(entry, name) == value for name, value in fields.items())
    ]
    return entry


def marked(document: object) -> bytes:
    body = json.dumps(document).encode()
    mark = NONCE.encode()
    return b"\neloquence-facts-begin %b\n%b\neloquence-facts-end %b\n" % (mark, body, mark)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(captured("root").strip().splitlines()[1])
    change(document["subjects"])
    return marked(document)


def test_a_whole_answer() -> None:
    found = facts(captured("root"))
    summary = found[0]
    assert isinstance(summary, ServerFacts)
    assert (summary.outcome, summary.user, summary.is_root) == ("read", "root", True)
    assert summary.unknown == ()
    assert all(entry.vantage is Vantage.SERVER for entry in found)
    api = one(found, UnitState, name="eloquence-api.service")
    assert (api.active_state, api.needs_daemon_reload) == ("active", True)
    livekit = one(found, UnitJournal, unit="livekit.service")
    assert livekit.decisive is not None
    assert livekit.decisive.text == "line 1: field prot not found in type config.Config"
    assert one(found, LiveKitConfig).unknown_keys is not None
    listeners = one(found, ServerListeners)
    (socket,) = listeners.on(8083)
    process = listeners.process(socket.holders[0])
    assert process is not None
    assert process.unit == "eloquence-api.service"
    environment = one(found, ServerInstallation).file(".env.local")
    assert environment is not None
    assert environment.mode == "0600"
    assert one(found, ServerClock).duration_s == ASKING.duration_s


def test_what_nobody_may_read_is_unknown_with_its_reason() -> None:
    found = facts(captured("nobody"))
    summary = found[0]
    missing = summary.why_unknown("server.journal eloquence-api.service")
    assert missing is not None
    assert missing.reason == "permission-denied"
    firewall = one(found, ServerFirewall)
    assert firewall.iptables is None
    why = firewall.why_unknown("iptables")
    assert why is not None
    assert why.reason == "permission-denied"
    assert one(found, UnitState, name="livekit.service").active_state == "inactive"


@pytest.mark.parametrize("name", ["root", "nobody"])
def test_it_comes_back_from_a_recording_unchanged(name: str) -> None:
    found = facts(captured(name))
    assert ALL.validate_json(ALL.dump_json(found)) == found


def test_every_reason_that_is_given_there_is_known_here() -> None:
    assert set(REASONS) | {"garbage"} == set(get_args(UnknownReason))


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (RemoteEnd(b"", b"bash: line 1: python3: command not found", 127), "no-python"),
        (RemoteEnd(b"", b"sudo: python3: command not found", 1), "no-python"),
        (RemoteEnd(b"", b"Traceback\nMemoryError", 1), "failed"),
        (RemoteEnd(b"", b"", None, late=True), "silent"),
        (RemoteEnd(b"Welcome to Ubuntu\n", b"", 0), "garbage"),
        (RemoteEnd(b"", b"", 0), "garbage"),
        (RemoteEnd(captured("root")[:5000], b"", 0), "cut"),
        (RemoteEnd(captured("root")[:5000], b"", None, late=True), "silent"),
        (RemoteEnd(captured("root").replace(b"0123", b"9999"), b"", 0), "garbage"),
        (RemoteEnd(marked([]), b"", 0), "garbage"),
        (RemoteEnd(marked({"version": 2}), b"", 0), "garbage"),
        (RemoteEnd(marked({}).replace(b"{}", b"[" * 200000), b"", 0), "garbage"),
        (RemoteEnd(marked({"version": 1, "python": "3.6.9", "python_too_old": True})),
         "python-too-old"),
        (RemoteEnd(marked({"version": 1, "finished": False, "subjects": {}})), "not-finished"),
    ],
)  # fmt: skip
def test_what_is_no_whole_answer(ended: RemoteEnd, outcome: str) -> None:
    found = read(ended, NONCE, ASKING, Redactor())
    assert isinstance(found[0], ServerFacts)
    assert found[0].outcome == outcome
    assert len(found) == 1


def test_what_a_login_shell_prints_around_it_does_not_disturb() -> None:
    assert facts(b"Welcome\r\n" + captured("root") + b"Bye\n") == facts(captured("root"))


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "text",
        [],
        [[]],
        {"listeners": 1},
        {"listeners": [{"protocol": "tcp"}]},
        {"kind": "server.facts"},
        {"unknown": []},
        {"vantage": "here"},
        {"listeners": [], "left_out": float("inf"), "processes": []},
        {"listeners": [], "left_out": 10**4000, "processes": []},
        {"listeners": [], "left_out": 10**30, "processes": []},
        {"listeners": [], "left_out": 0, "processes": [], "more": 1},
    ],
)
def test_a_subject_out_of_shape_takes_only_itself_away(value: object) -> None:
    def change(subjects: dict[str, Any]) -> None:
        subjects["listeners"]["value"] = value

    found = facts(changed(change))
    missing = found[0].why_unknown("server.listeners")
    assert missing is not None
    assert missing.reason == "garbage"
    assert len(found) == len(facts(captured("root"))) - 1


@pytest.mark.parametrize("subject", [None, 1, [], {}, {"value": {}}, {"unknown": 5, "value": {}}])
def test_an_envelope_out_of_shape_takes_only_itself_away(subject: object) -> None:
    found = facts(changed(lambda subjects: subjects.update(clock=subject)))
    assert found[0].why_unknown("server.clock") is not None
    assert len(found) == len(facts(captured("root"))) - 1


def test_what_a_server_sends_cannot_reach_a_terminal_or_leak_a_secret() -> None:
    def change(subjects: dict[str, Any]) -> None:
        unit = subjects["units"]["value"][0]
        unit["command"] = "\x1b]0;title\x07 --x my-own-secret \u202e"
        subjects["livekit_config"]["value"]["path"] = "x" * 100000
        subjects["firewall"]["value"]["iptables"] = "\x1b[2J-A INPUT\n-A my-own-secret\n"

    found = facts(changed(change), Redactor(Secret("my-own-secret")))
    command = one(found, UnitState, name="eloquence-api.service").command
    assert command == "\\x1b]0;title\\x07 --x *** \\u202e"
    assert len(one(found, LiveKitConfig).path) <= 600
    assert one(found, ServerFirewall).iptables == "\\x1b[2J-A INPUT\n-A ***\n"


def test_a_rule_set_that_is_too_long_is_not_cut() -> None:
    def change(subjects: dict[str, Any]) -> None:
        subjects["firewall"]["value"]["nft"] = "x" * 400000

    missing = facts(changed(change))[0].why_unknown("server.firewall")
    assert missing is not None
    assert (missing.reason, missing.detail) == ("garbage", "too long")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=20,
    )
)
def test_nothing_that_is_json_makes_it_raise(value: object) -> None:
    for document in (value, {"version": 1, "subjects": value}):
        found = facts(marked(document))
        ALL.validate_json(ALL.dump_json(found))


@given(st.binary(max_size=300))
def test_nothing_at_all_makes_it_raise(raw: bytes) -> None:
    facts(raw)
    facts(captured("root")[:400] + raw + captured("root")[400:])


class ThisMachine:
    """A link without SSH in between."""

    async def run(
        self, command: Sequence[str], *, stdin: bytes, timeout_s: float, limit_bytes: int
    ) -> RemoteEnd:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command[1:],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        stdout, stderr = await asyncio.wait_for(process.communicate(stdin), timeout_s)
        assert len(stdout) <= limit_bytes
        return RemoteEnd(stdout, stderr, process.returncode)


class Silent:
    async def run(self, command: Sequence[str], **_: object) -> RemoteEnd:
        raise TimeoutError


def test_a_server_that_never_answers_is_silent() -> None:
    found = asyncio.run(gather(Silent(), TARGET, Redactor(), started=0.0, timeout_s=6.0))
    assert isinstance(found[0], ServerFacts)
    assert found[0].outcome == "silent"


def test_one_round_trip_brings_every_kind_that_this_machine_has() -> None:
    started = time.monotonic()
    found = asyncio.run(gather(ThisMachine(), TARGET, Redactor(), started=started, timeout_s=30.0))
    assert isinstance(found[0], ServerFacts)
    assert found[0].outcome == "read"
    assert not [entry for entry in found[0].unknown if entry.reason in ("garbage", "defect")]
    kinds = {entry.kind for entry in found}
    assert {"server.machine", "server.clock", "server.listeners", "server.changes"} <= kinds
    assert COMMAND[0] == "python3"
