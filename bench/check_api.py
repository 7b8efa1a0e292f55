"""check-api beside the same requests by curl, one process each, with 0 and 40 ms of round trip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from bench.delay import longer_way
from bench.timing import run, show, side_by_side
from eloquence_ops.lab.behaviours import API_NAME
from eloquence_ops.lab.plan import LabPlan
from eloquence_ops.lab.system import LabSystem, running

_GETS = ("/", "/openapi.json", "/api/sessions", "/api/session/start")
_BODIES = (
    '{"user_id":"bench","language":"fr","goal":"Améliorer la prononciation"}',
    '{"user_id":"bench","language":"fr"}',
    '{"user_id":"bench","scenario_id":null,"goal":null,"agent_profile_id":null}',
)


def main() -> None:
    """Goal: no slower than curl where the way is long."""
    if shutil.which("curl") is None:
        sys.exit("bench: install curl first")
    for round_trip_ms in (0, 40):
        with running(LabPlan()) as system, longer_way(_port(system), round_trip_ms / 1000) as port:
            figures = side_by_side(
                {
                    "eloquence check-api": partial(_check_api, system, port),
                    "curl, one process a request": partial(_curl, system, port),
                },
                rounds=7,
            )
        show(
            f"check-api, {round_trip_ms} ms of added round trip (whole processes)",
            figures,
            "eloquence check-api",
            "curl, one process a request",
        )


def _port(system: LabSystem) -> int:
    entries = system.target.connect_to
    return next(e.to_port for e in entries if e.port == 443 and "api" in e.host)


def _check_api(system: LabSystem, port: int) -> None:
    target = system.target
    run(
        [
            *(sys.executable, "-m", "eloquence_ops", "check-api", "--api", f"https://{API_NAME}"),
            *("--ca", target.ca or "", "--resolver", target.value("resolver") or ""),
            *("--connect-to", f"{API_NAME}:443=127.0.0.1:{port}"),
        ],
        {**os.environ, "ELOQUENCE_API_KEY": system.api_key},
    )


def _curl(system: LabSystem, port: int) -> None:
    target = system.target
    assert target.api is not None
    headers = Path(system.folder) / "headers"
    headers.write_text(f"X-API-Key: {system.api_key}\nContent-Type: application/json\n")
    base = f"https://{target.api.host}"
    curl = ["curl", "-sS", "--max-time", "10", "--cacert", target.ca or ""]
    curl += ["--connect-to", f"{target.api.host}:443:127.0.0.1:{port}"]
    keyed = [*curl, "-H", f"@{headers}"]
    for path in _GETS:
        run([*curl, base + path])
    run([*curl, "-X", "OPTIONS", "-H", "Origin: https://app.example", f"{base}/api/sessions"])
    json_type = ("-H", "Content-Type: application/json")
    for key in ("default-key", ""):
        run([*curl, *json_type, "-H", f"X-API-Key: {key}", "-d", "[]", f"{base}/api/sessions"])
    session = ""
    for body in _BODIES:
        opened = subprocess.run(
            [*keyed, "-d", body, f"{base}/api/sessions"], check=True, capture_output=True
        )
        session = json.loads(opened.stdout)["session_id"]
        run([*keyed, "-X", "DELETE", f"{base}/api/sessions/{session}"])
    run([*keyed, "-X", "DELETE", f"{base}/api/sessions/{session}"])
