"""What else may listen on a TLS port: an sshd, OpenSSL's own server, somebody who is silent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.real import require
from tests.server.machines import machine
from tests.systems.tls_ends import free_ports, running
from tests.systems.tls_matrix import Case, Served, made
from tests.systems.tls_offers import V4, Oddity, Place

Listening = Callable[[Case, int, Path], contextlib.AbstractContextManager[object]]


def _sshd(_case: Case, port: int, folder: Path) -> contextlib.AbstractContextManager[object]:
    return machine(folder / "sshd", port=port)


def _silence(_case: Case, port: int, folder: Path) -> contextlib.AbstractContextManager[object]:
    command = [require("nc"), "-l", "-k", V4, str(port)]
    return running(command, [(V4, port)], {}, folder / "nc.log")


def _openssl(*words: str) -> Listening:
    def listening(case: Case, port: int, folder: Path) -> contextlib.AbstractContextManager[object]:
        (files,) = case.shown[V4]
        command = [
            *(require("openssl"), "s_server", "-accept", f"{V4}:{port}", "-quiet", *words),
            *("-cert", str(files.chain_path), "-key", str(files.key_path)),
            *("-cert_chain", str(files.chain_path)),
        ]
        return running(command, [(V4, port)], {}, folder / "s_server.log")

    return listening


@dataclass(frozen=True)
class Stranger:
    """`cause` is what the diagnosis must choose, alone; `finding` what must be found, in `tls`."""

    listening: Listening
    cause: str
    finding: str


_LAX: Final = ("-cipher", "DEFAULT:@SECLEVEL=0")

STRANGERS: Final[dict[str, Stranger]] = {
    "ssh": Stranger(_sshd, "tls-not-answering", "handshake.other-protocol"),
    "silence": Stranger(_silence, "tls-not-answering", "handshake.silent"),
    "openssl-1-1": Stranger(
        _openssl("-tls1_1", *_LAX), "tls-too-old", "handshake.no-common-version"
    ),
    # Which BSI recommends, and clients do not offer by themselves.
    "no-common-curve": Stranger(
        _openssl("-tls1_2", "-groups", "brainpoolP384r1"), "tls-not-answering", "handshake.failed"
    ),
}


@contextlib.contextmanager
def listening(label: str, folder: Path) -> Iterator[Served]:
    """One of them, at a port of its own."""
    case = made(label, Oddity(Place.served), folder)
    (port,) = free_ports(1)
    with STRANGERS[label].listening(case, port, folder):
        yield Served(case, port)
