"""doctor on a healthy system beside the guides' own commands, one after the other.

The guides' way: curl for the API and for a session, nc for the port, openssl for the
certificate, curl again to end the session. They look at less: no verdict on the chain, the
routes, the fields, the address handed out, the token, or LiveKit's health.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.timing import run, show, side_by_side
from eloquence_ops.lab.plan import LabPlan
from eloquence_ops.lab.system import LabSystem, running


def main() -> None:
    """Goal: none; the ratio says what the additional checks cost."""
    missing = [name for name in ("curl", "nc", "openssl") if shutil.which(name) is None]
    if missing:
        sys.exit(f"bench: install {', '.join(missing)} first")
    with running(LabPlan()) as system:
        figures = side_by_side(
            {
                "eloquence doctor": lambda: _doctor(system),
                "the guides' commands in turn": lambda: _by_hand(system),
            },
            rounds=9,
        )
    show(
        "a healthy system (whole processes)",
        figures,
        "eloquence doctor",
        "the guides' commands in turn",
    )


def arguments(system: LabSystem) -> list[str]:
    """The flags that lead doctor to a lab."""
    words = []
    for name, value in system.target.written:
        for item in (value,) if isinstance(value, str) else value:
            words += [f"--{name.replace('_', '-')}", item]
    return words


def _doctor(system: LabSystem) -> None:
    environ = {**os.environ, "ELOQUENCE_API_KEY": system.api_key}
    run([sys.executable, "-m", "eloquence_ops", "doctor", *arguments(system)], environ)


def _by_hand(system: LabSystem) -> None:
    target = system.target
    assert target.api is not None
    assert target.livekit is not None
    assert target.ca is not None
    port = str(target.connect_to[0].to_port)
    to = [
        word
        for entry in target.connect_to
        for word in ("--connect-to", f"{entry.host}:443:127.0.0.1:{entry.to_port}")
    ]
    curl = ["curl", "-sS", "--max-time", "5", "--cacert", target.ca, *to]
    # The key in a file of headers, as it ought to be; the guide has it in argv.
    headers = Path(system.folder) / "headers"
    headers.write_text(f"X-API-Key: {system.api_key}\nContent-Type: application/json\n")
    with_key = [*curl, "-H", f"@{headers}"]
    run([*curl, target.api.url + "/"])
    body = '{"user_id": "test-user", "language": "fr"}'
    opened = subprocess.run(
        [*with_key, "-X", "POST", "-d", body, target.api.url + "/api/sessions"],
        check=True,
        capture_output=True,
    )
    run(["nc", "-z", "-w", "5", "127.0.0.1", port])
    subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-servername",
            target.livekit.host,
        ],
        input=b"",
        check=False,
        capture_output=True,
    )
    session = json.loads(opened.stdout)["session_id"]
    run([*with_key, "-X", "DELETE", f"{target.api.url}/api/sessions/{session}"])
