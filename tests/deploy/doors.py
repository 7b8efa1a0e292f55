"""The program that deploys, run on the test host as root, and spoken to in its own frames."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eloquence_ops.deploy.program import command, source
from eloquence_ops.deploy.units import Activation, Wanted, render
from tests.host.layout import API_UNIT, LIVEKIT_UNIT, PAYLOAD, REMOTE_DIR
from tests.host.machine import Host

NONCE: Final = "0123456789abcdef"
TARGET: Final = {
    "nonce": NONCE,
    "api_unit": API_UNIT,
    "livekit_unit": LIVEKIT_UNIT,
    "remote_dir": REMOTE_DIR,
    "asgi_app": "api:app",
    "port": 8083,
}
Event = dict[str, Any]


class Door:
    """One run of the program; `said` are its events so far."""

    def __init__(self, host: Host, request: Mapping[str, Any]) -> None:
        program = source()
        self.said: list[Event] = []
        self.noise: list[bytes] = []
        self._heard = threading.Condition()
        self.process = subprocess.Popen(
            host.entering(*command(len(program))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self._write(program)
        self.tell("j", json.dumps({**TARGET, **request}).encode())

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def tell(self, kind: str, payload: bytes = b"") -> None:
        self._write(f"{kind} {len(payload)}\n".encode() + payload)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            nonce, _, body = line.partition(b" ")
            with self._heard:
                if nonce == NONCE.encode():
                    self.said.append(json.loads(body))
                else:
                    self.noise.append(line)
                self._heard.notify_all()

    def until(self, timeout_s: float = 60, **wanted: object) -> Event:
        """The first event that has all of these."""
        deadline = time.monotonic() + timeout_s
        with self._heard:
            while True:
                for event in self.said:
                    if all(event.get(name) == value for name, value in wanted.items()):
                        return event
                left = deadline - time.monotonic()
                done = self.process.poll() is not None
                if left <= 0 or (done and not self._heard.wait(0.5)):
                    stderr = self.process.stderr.read().decode() if done else ""  # type: ignore[union-attr]
                    raise AssertionError(f"never said {wanted}:\n{shown(self.said)}\n{stderr}")
                self._heard.wait(min(left, 0.5))

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def shown(events: Sequence[Event]) -> str:
    return "\n".join(json.dumps(event)[:600] for event in events)


@contextlib.contextmanager
def door(host: Host, **request: Any) -> Iterator[Door]:
    opened = Door(host, request)
    try:
        yield opened
    finally:
        opened.close()


def survey(host: Host) -> dict[str, Any]:
    with door(host, verb="survey") as opened:
        found: dict[str, Any] = opened.until(event="survey")["facts"]
        return found


@dataclass
class Source:
    """Files of a release, as a deploy sends them."""

    files: dict[str, bytes] = field(default_factory=dict)

    @staticmethod
    def of_payload(**changed: str | None) -> Source:
        found = {
            str(path.relative_to(PAYLOAD)): path.read_bytes()
            for path in sorted(PAYLOAD.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        for name, text in changed.items():
            if text is None:
                found.pop(name, None)
            else:
                found[name] = text.encode()
        return Source(found)

    def but(self, changed: Mapping[str, str]) -> Source:
        return Source({**self.files, **{name: text.encode() for name, text in changed.items()}})

    def manifest(self) -> list[list[Any]]:
        return [
            [name, hashlib.sha256(data).hexdigest(), len(data), 0o644, None]
            for name, data in sorted(self.files.items())
        ]

    def archive(self, sent: Sequence[str], wheels: Mapping[str, bytes] | None = None) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            members = [(f"files/{name}", self.files[name]) for name in sent]
            members += [(f"wheels/{name}", data) for name, data in (wheels or {}).items()]
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return gzip.compress(packed.getvalue())


def job(
    facts: Mapping[str, Any],
    release: str,
    files: Source,
    *,
    activation: Activation = "socket",
    **more: Any,
) -> dict[str, Any]:
    """As the client makes it out of what the survey says."""
    user = facts["user"]
    socket = facts["units"].get("eloquence-api.socket", {})
    wanted = Wanted(
        API_UNIT,
        REMOTE_DIR,
        release,
        user["name"],
        user["group"],
        activation=activation,
        shares_socket=bool(socket.get("active")),
    )
    rendered = render(wanted)
    there = {row[0]: row[1] for row in facts["files"]}
    manifest = files.manifest()
    requirements = next((row[1] for row in manifest if row[0] == "requirements.txt"), None)
    return {
        "verb": "apply",
        "kind": "deploy",
        "release": release,
        "base": {"layout": facts["layout"], "current": facts["current"], "units": {}},
        "who": "somebody@somewhere",
        "commit": None,
        "tool": "test",
        "source_digest": "0" * 64,
        "manifest": manifest,
        "sent": [row[0] for row in manifest if there.get(row[0]) != row[1]],
        "requirements": {"path": "requirements.txt", "sha256": requirements},
        "environment": _environment(facts, there, requirements),
        "units": dict(rendered.units),
        "candidate": dict(rendered.candidate),
        "serve": rendered.serve,
        "activation": activation,
        "user": user["name"],
        "group": user["group"],
        "shared_paths": [],
        "livekit": None,
        "hooks": {"before_switch": [], "after_switch": [], "timeout_s": 60},
        "checks": {"watch_s": 0.5, "start_s": 60},
        "confirm_within_s": None,
        "keep": 5,
        "take_over": False,
        "adopt": True,
        "open_port": False,
        "hold": None,
        **more,
    }


def _environment(
    facts: Mapping[str, Any], there: Mapping[str, str], requirements: str | None
) -> dict[str, Any]:
    known = {row["id"] for row in facts["environments"]}
    used = "flat"
    for record in facts["releases"]:
        if record["id"] == facts["current"]:
            used = record["environment"]
    if there.get("requirements.txt") == requirements and used in known:
        return {"reuse": used}
    return {"build": {"wheelhouse": False}}


def deploying(host: Host, files: Source, release: str, **more: Any) -> Door:
    """A deploy that has been sent; its events are still to be read."""
    work = job(survey(host), release, files, **more)
    opened = Door(host, work)
    opened.tell("s", json.dumps({"api_key": host.keys.api_key}).encode())
    if work["sent"]:
        archive = files.archive(work["sent"])
        for at in range(0, len(archive), 65536):
            opened.tell("d", archive[at : at + 65536])
    opened.tell("e")
    return opened


def deployed(
    host: Host, files: Source, release: str, *, timeout_s: float = 120, **more: Any
) -> tuple[Event, list[Event]]:
    """Its last event, and all of them."""
    opened = deploying(host, files, release, **more)
    try:
        return opened.until(timeout_s, event="ended"), opened.said
    finally:
        opened.close()
