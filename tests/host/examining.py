"""The real command run on the test host, and what it came to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from tests.host.layout import API_NAME, LIVEKIT_NAME
from tests.host.machine import Host

Report = dict[str, Any]
"""The document of `--output json`."""

PUBLIC: Final = ("--api", f"https://{API_NAME}", "--livekit", f"wss://{LIVEKIT_NAME}")
"""The target as the app has it: through nginx."""


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
    report: Report = json.loads(done.stdout)
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
