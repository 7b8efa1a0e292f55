"""check-api beside exactly the same requests by curl, with 0 and 40 ms of round trip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from bench.delay import longer_way
from bench.timing import run, show, side_by_side
from eloquence_ops.checks.api_contract import APP_ORIGIN
from eloquence_ops.lab.behaviours import API_NAME
from eloquence_ops.lab.plan import LabPlan
from eloquence_ops.lab.system import LabSystem, running
from eloquence_ops.observations import HttpExchange
from eloquence_ops.probes import session as sessions
from eloquence_ops.run import recording

_SESSIONS = sessions.PATH
_GETS = ("/", "/openapi.json", _SESSIONS, sessions.OLD_START_PATH)
# As a browser asks before the app's two requests: path, method, headers.
_PREFLIGHTS = (
    (_SESSIONS, "POST", "content-type,x-api-key"),
    (f"{_SESSIONS}/eloquence-doctor", "DELETE", "x-api-key"),
)
_KEYS = (None, "default-key", "a-key-that-was-made-up-for-this-bench")


def main() -> None:
    """Goal: no slower than curl where the way is long."""
    if shutil.which("curl") is None:
        sys.exit("bench: install curl first")
    for round_trip_ms in (0, 40):
        with running(LabPlan()) as system, longer_way(_port(system), round_trip_ms / 1000) as port:
            _refuse_other_requests(system, port)
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


def _check_api(system: LabSystem, port: int, *more: str) -> None:
    target = system.target
    run(
        [
            *(sys.executable, "-m", "eloquence_ops", "check-api", "--api", f"https://{API_NAME}"),
            *("--ca", target.ca or "", "--resolver", target.value("resolver") or ""),
            *("--connect-to", f"{API_NAME}:443=127.0.0.1:{port}", *more),
        ],
        {**os.environ, "ELOQUENCE_API_KEY": system.api_key},
    )


def _refuse_other_requests(system: LabSystem, port: int) -> None:
    """Ends the bench where curl does not send what check-api does, no more and no less."""
    file = Path(system.folder) / "requests.json"
    _check_api(system, port, "--record", str(file))
    exchanges = recording.read(file).seen().every(HttpExchange)
    ours = Counter(_shape(entry.method, entry.path) for entry in exchanges)
    peers = Counter(_sent_by_curl(system, port))
    if ours != peers:
        sys.exit(f"bench: only check-api sends {ours - peers}, only curl {peers - ours}")


def _shape(method: str, path: str) -> str:
    """A request without the id of its session, which is another one each time."""
    at_one = path.startswith(f"{_SESSIONS}/")
    return f"{method} {_SESSIONS}/…" if at_one else f"{method} {path}"


def _curl(system: LabSystem, port: int) -> None:
    _sent_by_curl(system, port)


def _sent_by_curl(system: LabSystem, port: int) -> list[str]:
    """The same requests, one after the other; what was sent, in the order of sending."""
    target = system.target
    assert target.api is not None
    host, sent = target.api.host, list[str]()
    headers = Path(system.folder) / "headers"
    headers.write_text(f"X-API-Key: {system.api_key}\n")

    def send(method: str, path: str, *more: str) -> bytes:
        sent.append(_shape(method, path))
        command = ["curl", "-sS", "--max-time", "10", "--cacert", target.ca or ""]
        command += ["--connect-to", f"{host}:443:127.0.0.1:{port}", "-X", method]
        answer = subprocess.run(
            [*command, *more, f"https://{host}{path}"], check=True, capture_output=True
        )
        return answer.stdout

    json_type, keyed = ("-H", "Content-Type: application/json"), ("-H", f"@{headers}")
    for path in _GETS:
        send("GET", path)
    for path, method, names in _PREFLIGHTS:
        asked = (f"Origin: {APP_ORIGIN}", f"Access-Control-Request-Method: {method}")
        wanted = (*asked, f"Access-Control-Request-Headers: {names}")
        send("OPTIONS", path, *(word for header in wanted for word in ("-H", header)))
    for key in _KEYS:
        with_key = ("-H", f"X-API-Key: {key}") if key else ()
        send("POST", _SESSIONS, *json_type, *with_key, "-d", sessions.IMPOSSIBLE_BODY.decode())
    opened = []
    for body in (sessions.request_body(), sessions.minimal_body(), sessions.body_with_nulls()):
        answer = send("POST", _SESSIONS, *json_type, *keyed, "-d", body.decode())
        opened.append(json.loads(answer)["session_id"])
    for session_id in (*opened, opened[0]):  # the first one twice: what was ended must be gone
        send("DELETE", f"{_SESSIONS}/{session_id}", *keyed)
    return sent
