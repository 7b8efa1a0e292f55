"""check-ssl, the real command: what it looks at, what it says, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.lab.system import LabSystem
from tests.cli.command import run, way_to
from tests.cli.labs import broken

API, LIVEKIT = "api.éloquence.test", "livekit.éloquence.test"


@pytest.fixture(scope="module")
def healthy() -> Iterator[LabSystem]:
    with broken() as system:
        yield system


def way_there(system: LabSystem) -> list[str]:
    """The flags of `way_to` without the addresses themselves."""
    words = way_to(system)
    pairs = zip(words[::2], words[1::2], strict=True)
    return [word for pair in pairs if pair[0] not in ("--api", "--livekit") for word in pair]


def test_a_healthy_target_is_drawn_and_nothing_else_is_examined(
    healthy: LabSystem, tmp_path: Path
) -> None:
    done = run("check-ssl", *way_to(healthy), "--lang", "en", cwd=tmp_path)
    assert done.code == 0, done.complaint
    assert "HEALTHY" in done.text
    assert "Eloquence lab root · known to this machine" in done.text
    told = json.loads(run("check-ssl", *way_to(healthy), "--output", "json", cwd=tmp_path).text)
    assert told["command"] == "check-ssl"
    assert {entry["check"].partition(".")[0] for entry in told["findings"]} <= {
        *("dns", "tls", "api", "machine")
    }
    assert {entry["subject"].partition(" ")[0] for entry in told["findings"]} >= {
        f"https://{API}",
        f"wss://{LIVEKIT}",
    }


def test_what_is_typed_is_examined_in_the_place_of_the_target(
    healthy: LabSystem, tmp_path: Path
) -> None:
    done = run(
        *("check-ssl", LIVEKIT, f"{API}:443", f"https://{API}/docs"),
        *way_there(healthy),
        *("--output", "json"),
        cwd=tmp_path,
    )
    assert done.code == 0, done.complaint
    told = json.loads(done.text)
    shown = [entry["subject"] for entry in told["findings"] if entry["check"] == "tls.handshake"]
    assert shown == [f"https://{LIVEKIT} ipv4", f"https://{API} ipv4"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("http://api.test",), "asks for no TLS"),
        (("ws://api.test:7880",), "asks for no TLS"),
        (("api.test:0",), "port"),
        (("a b",), "white space"),
        (("user:hunter2@api.test",), "password"),
        (("x" * 3000,), "characters"),
        (("api.test", "--ca", "/nowhere.pem"), "/nowhere.pem"),
    ],
)
def test_what_cannot_be_examined_is_said_before_anything_is_sent(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = run("check-ssl", *words, "--lang", "en", cwd=tmp_path)
    assert (done.code, done.text) == (2, "")
    assert said in done.complaint
    assert "hunter2" not in done.complaint


def test_a_fault_is_drawn_on_its_certificate_and_the_way_to_verify_works(tmp_path: Path) -> None:
    with broken("cert-chain-incomplete") as system:
        flags = way_there(system)
        done = run("check-ssl", API, LIVEKIT, *flags, "--lang", "en", cwd=tmp_path)
        assert done.code == 1
        assert "✗ Eloquence lab CA · not sent" in done.text
        verify = next(line for line in done.text.splitlines() if line.startswith("VERIFY"))
        assert f"https://{API}" not in verify  # what can be pasted anywhere: the A-label
        assert "eloquence check-ssl" in verify
        assert "xn--loquence-90a" in verify


def causes(*words: str, cwd: Path) -> tuple[str, list[str]]:
    told = json.loads(run("check-ssl", *words, "--output", "json", cwd=cwd).text)
    return told["verdict"], [cause["id"] for cause in told["causes"]]


def test_an_address_where_nobody_listens_is_told_as_that(tmp_path: Path) -> None:
    done = run("check-ssl", "127.0.0.1:1", "--lang", "en", cwd=tmp_path)
    assert done.code == 1
    assert "127.0.0.1 port 1: connection refused" in " ".join(done.text.split())
    assert causes("127.0.0.1:1", cwd=tmp_path) == ("broken", ["proxy-not-running"])


def test_one_address_in_order_does_not_hide_that_nobody_is_at_the_other(
    healthy: LabSystem, tmp_path: Path
) -> None:
    closed = f"{LIVEKIT}:443=127.0.0.1:1"
    kept = list(way_to(healthy))
    kept[next(at for at, word in enumerate(kept) if word.startswith(f"{LIVEKIT}:443="))] = closed
    done = run("check-ssl", *kept, "--lang", "en", cwd=tmp_path)
    assert done.code == 1, done.text
    assert causes(*kept, cwd=tmp_path) == ("broken", ["proxy-not-running"])


@pytest.mark.parametrize("fault", ["livekit-not-running", "proxy-drops-upgrade"])
def test_a_websocket_that_never_opens_is_told_where_only_certificates_are_looked_at(
    fault: str, tmp_path: Path
) -> None:
    with broken(fault) as system:
        assert causes(*way_to(system), cwd=tmp_path) == ("broken", [fault])
        # Typed without its scheme, it is LiveKit's by the settings.
        assert causes(LIVEKIT, *way_to(system), cwd=tmp_path) == ("broken", [fault])


def test_an_address_where_livekit_answers_is_asked_for_a_websocket(
    healthy: LabSystem, tmp_path: Path
) -> None:
    words = ("check-ssl", LIVEKIT, API, *way_there(healthy), "--output", "json")
    told = json.loads(run(*words, cwd=tmp_path).text)
    found = {
        (entry["id"], entry["subject"].partition(" ")[0])
        for entry in told["findings"]
        if entry["check"] in ("tls.http", "tls.websocket")
    }
    assert found == {
        ("tls.http.ok", f"https://{LIVEKIT}"),
        ("tls.websocket.ok", f"https://{LIVEKIT}"),
        ("tls.http.ok", f"https://{API}"),
        ("tls.websocket.none", f"https://{API}"),
    }


def test_the_disk_is_read_where_this_machine_is_the_server(
    healthy: LabSystem, tmp_path: Path
) -> None:
    words = ("check-ssl", *way_to(healthy), "--on-server", "--output", "json")
    done = run(*words, cwd=tmp_path)
    assert done.code == 0, done.text
    inside = {
        entry["check"] for entry in json.loads(done.text)["findings"] if "server" in entry["id"]
    }
    assert inside == {"server.reached", "server.certificate"}
