"""The real command run on the test host, and what it came to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import Vantage
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import Recording
from tests.host.layout import API_NAME, LIVEKIT_NAME
from tests.host.machine import Host

Report = dict[str, Any]
"""The document of `--output json`."""

PUBLIC: Final = ("--api", f"https://{API_NAME}", "--livekit", f"wss://{LIVEKIT_NAME}")
"""The target as the app has it: through nginx."""
NO_RELAY: Final = "turn-missing"


def doctor(
    host: Host,
    *more: str,
    target: tuple[str, ...] = PUBLIC,
    inside: bool = True,
    user: str = "ubuntu",
    sudo_password: str = "",
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """`eloquence doctor` by the client, which knows the names, the CA and the API key.

    `inside`: over SSH too, as `user`. `environ` is added to what the client has. Raises
    `AssertionError` with what it said where there is no report.
    """
    secrets = {"ELOQUENCE_API_KEY": host.keys.api_key, "ELOQUENCE_SSH_KEY": str(host.key_path)}
    if sudo_password:
        secrets["ELOQUENCE_SUDO_PASSWORD"] = sudo_password
    server = _server(host, user) if inside else ()
    with host.resolver() as resolver:
        done = host.eloquence(
            *("doctor", *target, "--ca", str(host.ca_path), "--resolver", resolver),
            *(*server, "--output", "json", *more),
            timeout_s=120,
            **secrets,
            **environ,
        )
    assert done.stdout.startswith("{"), f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return _but_for_the_relay(json.loads(done.stdout))


def _but_for_the_relay(report: Report) -> Report:
    """The host's LiveKit hands out no TURN server. Doctor says so in every run, and none of these
    tests is about it: `tests/network/test_livekit_stories.py` is."""
    report["causes"] = [entry for entry in report["causes"] if entry["id"] != NO_RELAY]
    report["findings"] = [
        entry for entry in report["findings"] if entry["id"] != "livekit.turn.missing"
    ]
    if report["verdict"] == "degraded" and not problems(report):
        report["verdict"] = "healthy"
    return report


def directly(host: Host) -> tuple[str, ...]:
    """The API without nginx in front; a `target`."""
    return ("--api", f"http://{host.address}:8083")


def causes(report: Report) -> dict[str, str]:
    """The chosen causes, each with its confidence."""
    return {entry["id"]: entry["confidence"] for entry in report["causes"]}


def held_possible(report: Report) -> set[str]:
    """The chosen causes and all that are stated as their alternatives."""
    stated = (other["id"] for entry in report["causes"] for other in entry["alternatives"])
    return {*causes(report), *stated}


def problems(report: Report) -> dict[str, str]:
    """Every finding that failed or warns, and its summary."""
    return {
        entry["id"]: entry["summary"]
        for entry in report["findings"]
        if entry["status"] in ("fail", "warn")
    }


def from_outside(recording: Recording) -> Result:
    """The same run as it would have been without a way to the server."""
    here = tuple(seen for seen in recording.observations if seen.vantage is Vantage.HERE)
    areas = tuple(area for area in recording.options.areas if area != "server")
    options = recording.options.model_copy(update={"areas": areas})
    alone = recording.model_copy(update={"observations": here, "options": options})
    return examine(alone, catalogue())


def without_a_way(host: Host, cause: str, folder: Path) -> Report:
    """Really without: nothing of SSH is configured, and nobody logs in.

    The cause is stated, not told apart from the others, with the look from inside that decides.
    """
    screen = folder / "screen"
    report = doctor(host, "--output", f"console={screen}", inside=False)
    assert not report["vantages"]["server"]
    (entry,) = report["causes"]
    assert entry["confidence"] == "possible"
    stated = {other["id"]: other["next_probe"] for other in entry["alternatives"]}
    assert "eloquence doctor --server USER@SERVER" in stated[cause]
    shown = " ".join(screen.read_text().split())
    alike = shown.partition("not told apart from here: ")[2].partition("eloquence doctor")[0]
    assert catalogue().causes[cause].title.en in alike
    return report


def finding(report: Report, check: str) -> dict[str, Any]:
    """The only finding of a check."""
    (found,) = (entry for entry in report["findings"] if entry["check"] == check)
    return dict(found)


def fingerprint(host: Host) -> str:
    """Of the host's own key, as `--server-key` takes it."""
    words = ["ssh-keygen", "-l", "-f", str(host.known_hosts)]
    shown = subprocess.run(words, check=True, capture_output=True, text=True, timeout=10)
    return shown.stdout.split()[1]


def _server(host: Host, user: str) -> tuple[str, ...]:
    return ("--server", f"{user}@{host.address}", "--server-key", fingerprint(host))
