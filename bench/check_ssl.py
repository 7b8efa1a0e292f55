"""check-ssl on one endpoint beside `sslyze --certinfo` and testssl.sh, and what each looks at.

The endpoint is a real nginx with a good chain, and websockets behind it. sslyze comes from PyPI,
into a virtual environment that is kept; testssl.sh has to be on PATH (Debian: testssl.sh).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.peers import from_pypi
from bench.timing import Figure, run, show, side_by_side
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from tests.cli.labs import served as served_here
from tests.systems.tls_matrix import Served, made, resolving, serving
from tests.systems.tls_offers import ODDITIES

_LABEL: Final = "websockets"
_ROUNDS: Final = 7
_OURS, _SSLYZE, _TESTSSL = "eloquence check-ssl", "sslyze --certinfo", "testssl.sh"
_TESTSSL_S: Final = 600.0

# How each names it in its own JSON: our check, a key of sslyze's, an id of testssl.sh's.
POINTS: Final = (
    ("the name's addresses, each connected to", "tls.reachable|dns.resolves", "", ""),
    ("handshake, name and dates as clients verify them", "tls.handshake", "", "cert_trust"),
    ("the chain as sent", "tls.chain", "verified_certificate_chain", "cert_chain_of_trust"),
    ("its order", "tls.chain", "received_chain_has_valid_order", "certs_list_ordering_problem"),
    ("the roots of Android", "tls.android", "Android", ""),
    ("the roots of other systems", "", "Mozilla", "cert_chain_of_trust"),
    ("a verifier by the letter of the rules", "tls.strictly", "path_validation_results", ""),
    ("how the name was missed: look-alike, U-label", "tls.names", "", ""),
    ("what is left, as a share of the lifetime", "tls.expiry", "", ""),
    ("what is left, in days", "tls.handshake", "", "cert_expirationStatus"),
    ("size of the key", "tls.key", "", "cert_keySize"),
    ("digest of the signatures", "tls.key", "verified_chain_has_sha1", "cert_signatureAlgorithm"),
    ("Must-Staple and the staple", "tls.staple", "has_must_staple", "cert_mustStaple"),
    ("timestamps of transparency logs", "tls.timestamps", "timestamps_count", "transparency"),
    ("the answer without a name", "tls.nameless", "sni_disabled", "commonName_wo_SNI"),
    ("IPv4 and IPv6 alike", "tls.families", "", ""),
    ("every address alike", "tls.addresses", "", ""),
    ("a websocket, whatever ALPN offers", "tls.websocket", "", ""),
    ("the way of the renewal, port 80", "tls.renewal", "", ""),
    ("CAA", "", "", "DNS_CAArecord"),
    ("versions of TLS", "tls.versions", "", "TLS1_1"),
    ("cipher suites", "", "", "cipherlist_NULL"),
    ("known holes of implementations", "", "", "heartbleed"),
    ("HTTP's own headers", "", "", "HSTS"),
)


@dataclass(frozen=True)
class Tools:
    """The three on one endpoint; each leaves its JSON in the folder."""

    served: Served
    resolver: str
    folder: Path

    def ours(self) -> None:
        run(
            [
                *(sys.executable, "-m", "eloquence_ops", "check-ssl", self.served.endpoint.url),
                *("--ca", str(self.served.case.ca), "--resolver", self.resolver),
                *("--output", f"json={self.folder / 'ours'}", "--output", "console"),
            ]
        )

    def sslyze(self) -> None:
        run(
            [
                *(from_pypi("sslyze"), "--certinfo"),
                *("--certinfo_ca_file", str(self.served.case.ca)),
                *("--json_out", str(self.folder / "sslyze")),
                f"{self._place}{{{self.served.addresses[0]}}}",
            ]
        )

    def testssl(self) -> None:
        """Its exit code counts what it found."""
        written = self.folder / "testssl"
        written.unlink(missing_ok=True)
        subprocess.run(
            [
                *(_testssl(), "--quiet", "--color", "0", "--warnings", "off"),
                *("--ip", self.served.addresses[0], "--add-ca", str(self.served.case.ca)),
                *("--jsonfile", str(written), self._place),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TESTSSL_S,
        )
        if not written.exists():
            sys.exit("bench: testssl.sh wrote nothing")

    @property
    def _place(self) -> str:
        return f"{self.served.endpoint.host}:{self.served.port}"

    def looked_at(self, name: str) -> frozenset[str]:
        """What is named in its JSON: of ours, the checks that came to a judgement."""
        found = json.loads((self.folder / name).read_text(encoding="utf-8"))
        if name == "ours":
            judged = ("pass", "warn", "fail")
            return frozenset(one["check"] for one in found["findings"] if one["status"] in judged)
        return frozenset(_words(found))


def main() -> None:
    """Goals: no longer than sslyze --certinfo, and at most a tenth of testssl.sh."""
    from_pypi("sslyze")
    _testssl()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        case = made(_LABEL, ODDITIES[_LABEL], folder)
        with (
            served_here(build_livekit(LivekitBehaviour())) as (livekit,),
            serving("nginx", [case], folder / "nginx", livekit) as cases,
            resolving(cases[_LABEL]) as resolver,
        ):
            _compare(Tools(cases[_LABEL], resolver, folder))


def _compare(tools: Tools) -> None:
    figures = side_by_side({_OURS: tools.ours, _SSLYZE: tools.sslyze}, rounds=_ROUNDS)
    figures[_TESTSSL] = _once(tools.testssl)
    title = "one TLS endpoint (whole processes; testssl.sh once)"
    against_sslyze = show(title, figures, _OURS, _SSLYZE)
    against_testssl = figures[_OURS].median / figures[_TESTSSL].median
    print(f"  ratio to testssl.sh {against_testssl:.3f}")
    _list(tools)
    if against_sslyze > 1:
        print(f"  goal missed: {against_sslyze:.2f} times sslyze --certinfo")
    if against_testssl > 0.1:
        sys.exit("bench: check-ssl took more than a tenth of testssl.sh")


def _once(measure: Callable[[], None]) -> Figure:
    begin = time.perf_counter()
    measure()
    return Figure((time.perf_counter() - begin,))


def _list(tools: Tools) -> None:
    """What each said something of in this very run."""
    columns = ("ours", "sslyze", "testssl")
    seen = [tools.looked_at(name) for name in columns]
    print(f"\n  {'looked at in this run':<50} {'ours':<7} {'sslyze':<7} testssl.sh")
    totals = [0, 0, 0]
    for point, *names in POINTS:
        marks = []
        for column, (name, words) in enumerate(zip(names, seen, strict=True)):
            there = bool(name) and any(re.search(name, word) for word in words)
            totals[column] += there
            marks.append("yes" if there else "-")
        print(f"  {point:<50} {marks[0]:<7} {marks[1]:<7} {marks[2]}")
    print(f"  {'of these':<50} {totals[0]:<7} {totals[1]:<7} {totals[2]}")


def _words(found: Any) -> Iterator[str]:
    """Every key, and what stands under `id` or `name`."""
    match found:
        case dict():
            for key, value in found.items():
                yield str(key)
                if key in ("id", "name"):
                    yield str(value)
                yield from _words(value)
        case list():
            for value in found:
                yield from _words(value)


def _testssl() -> str:
    found = shutil.which("testssl") or shutil.which("testssl.sh")
    return found or sys.exit("bench: install testssl.sh first (apt-get install testssl.sh)")
