"""The whole matrix on real servers: each case made once, each server started once with all it can
serve; then examined as `check-ssl` does it, and by OpenSSL's own client."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.cli.examination import Request, make_plan
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.lab.services.certificates import IssuedCertificate
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.settings import Value, build_target
from tests.real import require
from tests.systems.authority import filed
from tests.systems.tls_ends import SERVERS, End, Manner, free_ports
from tests.systems.tls_offers import Fault, Oddity, Offer, Place, staple

_OPENSSL_S: Final = 5.0


@dataclass(frozen=True)
class Case:
    """One offer on disk. `ca` is what its client trusts."""

    label: str
    offer: Offer
    manner: Manner
    ca: Path
    shown: Mapping[str, tuple[IssuedCertificate, ...]]

    @property
    def name(self) -> str:
        return self.offer.typed_host or Place(self.label).name


@dataclass(frozen=True)
class Served:
    """A case, and the port at which a server has it."""

    case: Case
    port: int

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self.case.shown)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.case.offer.scheme, self.case.name, self.port)

    @cached_property
    def result(self) -> Result:
        """What `eloquence check-ssl` comes to."""
        return asyncio.run(self._examined())

    async def _examined(self) -> Result:
        name, offer = Place(self.case.label).name, self.case.offer
        async with DnsServer({name: self.addresses}, zones=["test"]) as dns:
            written: dict[str, Value] = {
                "ca": str(self.case.ca),
                "resolver": f"{dns.host}:{dns.port}",
                "livekit" if offer.scheme == "wss" else "api": self.endpoint.url,
            }
            target = build_target("matrix", written, origin=str)
            request = Request("check-ssl", hosts=[self.endpoint.url], only=["tls"], timeout_s=3.0)
            recording = await Execution(make_plan(target, request, {}), "check-ssl").carry_out()
        return examine(recording, catalogue())

    def taken_by_openssl(self) -> dict[str, bool]:
        """At each address, whether `openssl s_client` takes what is shown."""
        return {address: self._takes(address) for address in self.addresses}

    def _takes(self, address: str) -> bool:
        host = f"[{address}]" if ":" in address else address
        is_name = self.endpoint.host == Place(self.case.label).name
        name = (
            ["-servername", self.endpoint.host, "-verify_hostname", self.endpoint.host]
            if is_name
            else ["-noservername", "-verify_ip", self.endpoint.host]
        )
        command = [
            *(require("openssl"), "s_client", "-brief", "-connect", f"{host}:{self.port}"),
            *(*name, "-verify_return_error", "-CAfile", str(self.case.ca)),
        ]
        # A silent server is waited for without end.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as client:
            try:
                return client.wait(_OPENSSL_S) == 0
            except subprocess.TimeoutExpired:
                client.kill()
                return False


def made(label: str, row: Fault | Oddity, folder: Path) -> Case:
    """The case's files, in a folder of its own."""
    place = Place(label)
    offer, own = row.make(place), folder / label
    own.mkdir(parents=True)
    ca = own / "ca.pem"
    ca.write_bytes(b"".join(one.pem for one in offer.trusted))
    shown: dict[str, tuple[IssuedCertificate, ...]] = {}
    for number, (address, chains) in enumerate(offer.shown.items()):
        files = []
        for kind, chain in enumerate(chains):
            file = filed(own, f"{number}-{kind}", *chain)
            if offer.stapled:
                file.chain_path.with_suffix(".ocsp").write_bytes(
                    staple(chain[0], chain[1], offer.stapled)
                )
                file.chain_path.with_suffix(".issuer").write_bytes(chain[1].pem)
            files.append(file)
        shown[address] = tuple(files)
    return Case(label, offer, row.manner, ca, shown)


@contextlib.contextmanager
def resolving(served: Served) -> Iterator[str]:
    """`host:port` of a name server that knows the case's name, in a thread of its own."""
    ready, stop, found = threading.Event(), threading.Event(), list[str]()

    async def answer() -> None:
        async with DnsServer(
            {Place(served.case.label).name: served.addresses}, zones=["test"]
        ) as dns:
            found.append(f"{dns.host}:{dns.port}")
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(answer()), daemon=True)
    thread.start()
    try:
        assert ready.wait(20), "the name server did not start"
        yield found[0]
    finally:
        stop.set()
        thread.join(20)


@contextlib.contextmanager
def serving(
    server: str, cases: list[Case], folder: Path, livekit: int
) -> Iterator[dict[str, Served]]:
    """All cases that this server can serve, by label. `livekit` is the port behind them."""
    able = [case for case in cases if server in case.manner.servers]
    ports = free_ports(len(able))
    ends = [
        end for case, port in zip(able, ports, strict=True) for end in _ends(case, port, livekit)
    ]
    folder.mkdir()
    with SERVERS[server](folder, ends):
        yield {case.label: Served(case, port) for case, port in zip(able, ports, strict=True)}


def _ends(case: Case, port: int, livekit: int) -> list[End]:
    """One for each certificate that is shown."""
    site = case.offer.site or case.name
    return [
        End(site, port, (address,), files, _filled(case, files), livekit)
        for address, files in case.shown.items()
    ]


def _filled(case: Case, files: tuple[IssuedCertificate, ...]) -> Manner:
    """With the places of the files in it."""
    values = {"ca": case.ca, "staple": files[0].chain_path.with_suffix(".ocsp")}
    manner = case.manner
    said = {
        server: words.format(**values) if words else words
        for server, words in (
            ("nginx", manner.nginx),
            ("caddy", manner.caddy),
            ("haproxy", manner.haproxy),
        )
    }
    return Manner(**said, plain=manner.plain, haproxy_mode=manner.haproxy_mode)
