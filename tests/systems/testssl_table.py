"""docs/tls.md, “Beside testssl.sh”: the matrix as both see it, and why where they differ.

Renewed by `python -m tests.systems.testssl_table [FOLDER]`, as root, in about a quarter of an hour;
what testssl.sh said of a case is kept in FOLDER, and not asked again.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from tests.cli.labs import served as served_here
from tests.systems.testssl import Said, asked
from tests.systems.tls_matrix import Served, made, serving
from tests.systems.tls_offers import FAULTS, ODDITIES, Fault, Oddity

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "tls.md"
_HEADING: Final = "## Beside testssl.sh"

CASES: Final = (
    # The chain
    *("leaf-alone", "leaf-and-root", "lower-intermediate-missing", "upper-intermediate-missing"),
    *("intermediate-of-another", "namesake-of-the-intermediate"),
    *("self-signed", "unknown-authority", "unknown-authority-with-its-root"),
    *("not-for-servers", "issued-by-a-leaf", "outside-of-its-issuer-s-domain"),
    "signature-spoiled",
    # Keys, dates, names, staples
    *("rsa-1024", "sha1"),
    *("expired", "to-come", "intermediate-expired", "ecdsa-expired-beside-rsa"),
    *("renewal-overdue", "six-days-nearly-over"),
    *("look-alike", "u-label", "common-name-only", "address-not-in-it", "wildcard-one-level-up"),
    "must-staple-without",
    # What is spoken there
    *("tls-1-1-only", "plain-http", "name-refused"),
    "no-common-cipher",
    # In order, though seldom
    *("plain", "six-days-on-its-second", "wildcard", "asked-by-its-address", "out-of-order"),
    *("with-its-root", "with-a-stranger", "ecdsa-and-rsa", "tls-1-3-only"),
    *("authority-without-key-usage", "cross-signed-old-root-known"),
)
"""At least one of each kind that testssl.sh looks at: it takes up to minutes for each."""

NO_FAULT: Final[Mapping[str, str]] = {
    "cert_revocation": "it wants the address of a revocation list or of an OCSP responder. Let's "
    "Encrypt has given OCSP up, and neither Dart nor Android asks for either",
}
"""What testssl.sh counts, of any case, and check-ssl holds to be in order."""

WHY: Final[Mapping[str, tuple[str, ...]]] = {
    "testssl.sh counts days, and warns below thirty; check-ssl goes by the share of the lifetime, "
    "and of six days four are left": ("six-days-on-its-second",),
    "the server offers only suites that encrypt nothing, and no client connects. testssl.sh looks "
    "at suites in another section; in these two it notes only that its own OpenSSL cannot connect, "
    "and judges the certificate": ("no-common-cipher",),
}
"""Where one of them finds a fault and the other does not: the reason, and the cases."""


@dataclass(frozen=True)
class Compared:
    """One case: the causes that check-ssl names, and what testssl.sh counts."""

    label: str
    causes: tuple[str, ...]
    said: tuple[Said, ...]

    @property
    def counted(self) -> tuple[str, ...]:
        """Without what is no fault of any case."""
        ids = (one.id for one in self.said if one.counts and one.id not in NO_FAULT)
        return tuple(dict.fromkeys(ids))

    @property
    def differs(self) -> bool:
        return bool(self.causes) != bool(self.counted)


def compared(folder: Path, kept: Path) -> list[Compared]:
    """Each case, on the first server that can serve it."""
    every: dict[str, Fault | Oddity] = {**FAULTS, **ODDITIES}
    rows = {label: every[label] for label in CASES}
    with _served(rows, folder) as cases:
        said = asked(cases, kept)
        return [
            Compared(
                label,
                tuple(chosen.cause.id for chosen in cases[label].result.diagnosis.causes),
                said[label],
            )
            for label in rows
        ]


@contextlib.contextmanager
def _served(rows: Mapping[str, Fault | Oddity], folder: Path) -> Iterator[dict[str, Served]]:
    folder.chmod(0o755)
    by_server: dict[str, list[str]] = defaultdict(list)
    for label, row in rows.items():
        by_server[row.manner.servers[0]].append(label)
    found: dict[str, Served] = {}
    with contextlib.ExitStack() as stack:
        (livekit,) = stack.enter_context(served_here(build_livekit(LivekitBehaviour())))
        for server, labels in by_server.items():
            cases = [made(label, rows[label], folder / "cases") for label in labels]
            found |= stack.enter_context(serving(server, cases, folder / server, livekit))
        yield found


def unexplained(found: list[Compared]) -> set[str]:
    """Cases that differ and of which no reason is given, and those given that do not differ."""
    differing = {one.label for one in found if one.differs}
    return differing ^ {label for labels in WHY.values() for label in labels}


def unused(found: list[Compared]) -> set[str]:
    """What is held to be no fault, and testssl.sh does not count."""
    counted = {one.id for case in found for one in case.said if one.counts}
    return set(NO_FAULT) - counted


def section(found: list[Compared]) -> str:
    """The section of the page."""
    differing = [one for one in found if one.differs]
    faulty = [one for one in found if one.causes]
    total = len(FAULTS) + len(ODDITIES)
    return "\n".join(
        [
            _HEADING,
            "",
            "The matrix of `tests/systems/tls_offers.py` on real servers, as `eloquence check-ssl`",
            "and `testssl.sh --protocols --server-defaults` see it, with the case's root given to",
            "both. `make soak` compares them again; this section is renewed by",
            "`python -m tests.systems.testssl_table` (root).",
            "",
            f"{len(found)} of the {total} cases, at least one of each kind that testssl.sh looks",
            f"at: it takes up to minutes for each. {len(faulty)} have a fault. They agree on",
            f"{len(found) - len(differing)} whether there is one, and differ on {len(differing)}.",
            "",
            "| they differ on | why |",
            "|---|---|",
            *(f"| {_listed(labels)} | {why} |" for why, labels in WHY.items()),
            "",
            "testssl.sh counts these of cases that are in order too; they are left out below:",
            "",
            "| testssl.sh | why it is no fault |",
            "|---|---|",
            *(f"| `{name}` | {why} |" for name, why in NO_FAULT.items()),
            "",
            "| case | check-ssl | testssl.sh |",
            "|---|---|---|",
            *(
                f"| {one.label} | {_listed(one.causes) or '–'} | {_listed(one.counted) or '–'} |"
                for one in found
            ),
            "",
        ]
    )


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def renewed(page: str, section_text: str) -> str:
    """The page with this section in the place of the one that was there, or at its end."""
    found = re.search(rf"(?ms)^{re.escape(_HEADING)}$.*?(?=^## |\Z)", page)
    if found is None:
        return f"{page.rstrip()}\n\n{section_text}"
    rest = page[found.end() :]
    return page[: found.start()] + section_text + (f"\n{rest}" if rest else "")


def main(*arguments: str) -> int:
    """Writes the section; 1 where a difference has no reason, or a reason no difference."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = compared(folder, Path(arguments[0]) if arguments else folder / "said")
    page = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "# TLS\n"
    DOCUMENT.write_text(renewed(page, section(found)), encoding="utf-8")
    for one in found:
        if one.label in unexplained(found):
            print(one.label, one.causes, [said for said in one.said if said.counts])
    for name in unused(found):
        print(f"{name} is not counted by testssl.sh")
    return int(bool(unexplained(found) or unused(found)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
