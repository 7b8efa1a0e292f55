"""Reads every subject at once, and answers what there is when the deadline comes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

from eloquence_ops.server.remote import commands
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.host import Host, Parameters
from eloquence_ops.server.remote.masking import Masker
from eloquence_ops.server.remote.processes import user_name
from eloquence_ops.server.remote.subjects import SUBJECTS, Subject

VERSION = 1
BEGIN, END = "eloquence-facts-begin ", "eloquence-facts-end "
_LONGEST_TEXT = 600
# What somebody wrote, the paths of requests too; all else are names, states, addresses, rules.
_FREE = frozenset({"text", "command", "detail", "requests", "agents"})
# These are whole or unknown; their readers keep them within bounds.
_RAW = frozenset({"nft", "iptables", "ip6tables", "iptables_legacy", "ip6tables_legacy"})
_LATEST_END_S = 5


def main(parameters: Parameters) -> None:
    """Writes one document between two lines that carry the asker's nonce; ends the process."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, _ended)
    signal.alarm(int(parameters.deadline_s) + _LATEST_END_S)  # whatever goes wrong
    try:
        write(parameters.nonce, answer(parameters))
    except Exception as error:  # nothing is told rather than something that is not masked
        write(parameters.nonce, {"version": VERSION, "defect": type(error).__name__})
    finally:
        commands.end_all()
        os._exit(0)  # without waiting for what is still being read


def _ended(number: int, _frame: object) -> None:
    commands.end_all()
    os._exit(128 + number)


class _Reading:
    """One subject, being read in a thread of its own."""

    def __init__(self, name: str, subject: Subject, host: Host) -> None:
        self.name = name
        self.gaps = Gaps()
        self.value: object = None
        self.seconds = 0.0
        self.done = threading.Event()
        self._subject = subject
        self._host = host
        threading.Thread(target=self._read, name=name, daemon=True).start()

    def _read(self) -> None:
        begun = time.monotonic()
        with self.gaps.around(""):
            self.value = self._subject(self._host, self.gaps)
        self.seconds = time.monotonic() - begun
        self.done.set()

    def described(self) -> dict[str, object]:
        if not self.done.is_set():
            gap = {"fact": "", "reason": "not-finished", "detail": ""}
            return {"value": None, "unknown": [gap]}
        return {
            "value": self.value,
            "unknown": list(self.gaps.entries),
            "seconds": round(self.seconds, 4),
        }


def answer(parameters: Parameters, subjects: dict[str, Subject] = SUBJECTS) -> dict[str, object]:
    """The whole document, secrets masked."""
    begun = time.monotonic()
    host = Host(parameters)
    readings = [_Reading(name, subject, host) for name, subject in subjects.items()]
    for reading in readings:
        reading.done.wait(max(0.0, begun + parameters.deadline_s - time.monotonic()))
    described = {reading.name: reading.described() for reading in readings}
    document: dict[str, object] = {
        "version": VERSION,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "user": user_name(os.geteuid()),
        "is_root": os.geteuid() == 0,
        "finished": all(reading.done.is_set() for reading in readings),
        "subjects": described,
        "seconds": round(time.monotonic() - begun, 4),
    }
    masked = safe(document, host.masker())
    assert isinstance(masked, dict)  # noqa: S101
    return masked


def safe(
    value: object, masker: Masker, longest: int = _LONGEST_TEXT, *, free: bool = False
) -> object:
    """`value` with every text in it masked first and cut afterwards: half a secret is no longer
    recognised as one. `free`: it is what somebody wrote, not a fact's name or state."""
    if isinstance(value, str):
        text = masker.text(value) if free else masker.fact(value)
        return text if len(text) <= longest else text[: longest - 1] + "…"
    if isinstance(value, dict):
        return {
            str(name): safe(
                inner, masker, 10**9 if name in _RAW else longest, free=free or name in _FREE
            )
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [safe(inner, masker, longest, free=free) for inner in value]
    return value


def write(nonce: str, document: dict[str, object]) -> None:
    """ASCII only, whatever the locale; NaN is no JSON."""
    body = json.dumps(document, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    text = "\n{}{}\n{}\n{}{}\n".format(BEGIN, nonce, body, END, nonce)
    left = text.encode("ascii")
    while left:
        left = left[os.write(1, left) :]
