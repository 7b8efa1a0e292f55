"""testssl.sh on cases of the matrix: protocols and certificates only, which bounds its time."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.real import give_up
from tests.systems.tls_matrix import Served

_LONGEST_S: Final = 900.0
_AT_ONCE: Final = 4
# Its words for what is not in order; what is milder (LOW, INFO, OK) are notes.
_COUNTED: Final = frozenset({"MEDIUM", "HIGH", "CRITICAL", "FATAL"})


@dataclass(frozen=True)
class Said:
    """One line of its: `id` as it names it, without the number of a certificate."""

    id: str
    severity: str
    finding: str

    @property
    def counts(self) -> bool:
        return self.severity in _COUNTED


def testssl() -> str:
    """Its path; without it the test is skipped, or fails, as with every real part."""
    found = shutil.which("testssl") or shutil.which("testssl.sh")
    if found is None:
        how = "apt-get install testssl.sh"
        give_up(f"This test needs the real testssl.sh, which is not on PATH: {how}.")
    return found


def asked(cases: Mapping[str, Served], folder: Path) -> dict[str, tuple[Said, ...]]:
    """What it says of each case, several at a time. What is in the folder is not asked again."""
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        said = pool.map(lambda served: _of(served, folder), cases.values())
        return dict(zip(cases, said, strict=True))


def _of(served: Served, folder: Path) -> tuple[Said, ...]:
    """At each of its addresses, each thing once."""
    found: dict[Said, None] = {}
    for number, address in enumerate(served.addresses):
        written = folder / f"{served.case.label}-{number}.json"
        if not written.exists():
            _run(served, address, written)
        entries = json.loads(written.read_text(encoding="utf-8"))
        found |= dict.fromkeys(map(_said, entries))
    return tuple(found)


def _run(served: Served, address: str, written: Path) -> None:
    """Its exit code counts what it found; a file is there only when it is whole."""
    partial = written.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    is_v6 = ":" in address
    command = [
        *(testssl(), "--protocols", "--server-defaults"),
        *("--quiet", "--color", "0", "--warnings", "off", "--nodns", "none"),
        *(("-6",) if is_v6 else ()),
        *("--ip", f"[{address}]" if is_v6 else address),
        *("--add-ca", str(served.case.ca), "--jsonfile", str(partial)),
        f"{served.endpoint.host}:{served.port}",
    ]
    subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_LONGEST_S
    )
    assert partial.exists(), f"testssl.sh wrote nothing of {served.case.label}"
    partial.rename(written)


def _said(entry: dict[str, str]) -> Said:
    return Said(entry["id"].partition(" ")[0], entry["severity"], entry["finding"])
