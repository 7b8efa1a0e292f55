"""Frames to the server's program, events back, whatever else is said between them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.deploy import wire
from eloquence_ops.deploy.ending import read
from eloquence_ops.deploy.progress import Steps, Told
from eloquence_ops.deploy.wire import Event, Events, NotEvents
from eloquence_ops.secrets import Secret


def line(nonce: str, **event: object) -> bytes:
    return f"{nonce} {json.dumps(event)}\n".encode()


@given(st.lists(st.integers(min_value=1, max_value=7), max_size=60))
def test_events_are_found_however_their_bytes_arrive(sizes: list[int]) -> None:
    said = b"Welcome to Debian\n" + line("n0", event="a", n=0) + b"noise" + b"\n"
    said += line("other", event="b") + line("n0", event="c", text="é\udce9")
    events, found = Events("n0"), []
    for size in [*sizes, len(said)]:
        found += list(events.feed(said[:size]))
        said = said[size:]
    assert [event["event"] for event in found] == ["a", "c"]
    assert "Welcome to Debian" in events.noise


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b'{"event": 3}', b"[" * 100_000])
def test_a_line_of_ours_that_is_no_event_is_an_error(body: bytes) -> None:
    with pytest.raises(NotEvents):
        list(Events("n0").feed(b"n0 " + body + b"\n"))


def test_noise_is_kept_in_bounds() -> None:
    events = Events("n0")
    for _ in range(100):
        list(events.feed(b"x" * 10_000 + b"\n"))
    assert len(events.noise) <= 64 * 1024


def test_a_request_holds_no_secret_and_a_path_keeps_its_bytes() -> None:
    asked = wire.request("n0", {"verb": "apply", "manifest": [["caf\udce9"]]})
    head, _, payload = asked.partition(b"\n")
    assert head == b"j %d" % len(payload)
    assert json.loads(payload)["manifest"] == [["caf\udce9"]]
    held = wire.secrets({"api_key": Secret("k-123"), "env_local": None})
    assert json.loads(held.partition(b"\n")[2]) == {"api_key": "k-123"}
    assert wire.secrets({"api_key": None}) == b""


# Progress


def fed(*events: Event) -> tuple[Steps, list[Told | None]]:
    steps = Steps()
    return steps, [steps.feed(event) for event in events]


def test_steps_are_timed_by_the_servers_clock() -> None:
    steps, told = fed(
        {"event": "step", "step": "packages", "state": "begun", "at": 100.0},
        {"event": "said", "step": "packages", "line": "Collecting \x1b[31mfastapi", "at": 103.0},
        {"event": "step", "step": "packages", "state": "done", "at": 112.5},
    )
    assert steps.done == [("packages", "done", 12.5)]
    assert steps.running is None
    assert [each.state for each in told if each] == ["begun", "said", "done"]
    assert steps.said == "Collecting \\x1b[31mfastapi"


def test_what_is_no_event_of_a_step_shows_nothing() -> None:
    steps, told = fed({"event": "step", "step": "x"}, {"event": "?"}, {"event": "step", "at": "x"})
    assert told == [None, None, None]
    assert steps.done == []


# The end


@pytest.mark.parametrize(
    ("outcome", "kind", "code"),
    [
        ("deployed", None, 0),
        ("undone", "answer", 1),
        ("undone", "killed", 1),
        ("refused", "packages", 1),
        ("refused", "disk", 1),
        ("refused", "locked", 3),
        ("refused", "changed", 3),
        ("refused", "port-taken", 3),
        ("refused", None, 3),
        ("lost", "answer", 4),
        ("undone", "defect", 3),
        ("refused", "defect", 3),
    ],
)
def test_the_exit_code_tells_how_it_ended(outcome: str, kind: str | None, code: int) -> None:
    why = {"kind": kind} if kind else None
    assert read({"event": "ended", "outcome": outcome, "why": why}).exit_code == code


@pytest.mark.parametrize("event", [None, {}, {"outcome": "fine"}, {"outcome": "undone", "why": 3}])
def test_an_end_that_cannot_be_read_needs_a_person(event: object) -> None:
    assert read(event).exit_code == 4


def test_the_names_of_releases_are_shown_harmless() -> None:
    event = {"outcome": "deployed", "release": "r\x1b[2J1", "current": "r\x1b]0;x\x07" + "y" * 9000}
    found = read(event)
    assert "\x1b" not in f"{found.release}{found.current}"
    assert len(str(found.current)) < 1000


def test_what_the_server_quotes_is_bounded_harmless_and_without_secrets() -> None:
    lines = [f"line {number}" for number in range(99)] + ["X-API-Key: sk-live-1", "\x1b[2J" * 900]
    why = {"kind": "answer", "body": "a" * 9999, "lines": lines, "status": 500}
    ending = read({"outcome": "undone", "why": why})
    assert ending.why is not None
    assert len(ending.why.lines) == 12
    assert "\x1b" not in "".join(ending.why.lines)
    assert "sk-live-1" not in "".join(ending.why.lines)
    assert len(ending.why.body or "") <= 600
