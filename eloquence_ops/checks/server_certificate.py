"""The certificate in the proxy's file beside the one that it serves, and beside its key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eloquence_ops.checks import server_sites
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.tls_chain import chains
from eloquence_ops.endpoints import Endpoint, Role, covers
from eloquence_ops.observations import ServerCertificates
from eloquence_ops.observations.certificates import SentCertificate
from eloquence_ops.observations.server_proxy import CertificateFile


@check(
    "server.certificate",
    feeds=("facts",),
    outcomes={
        "ok": "path not_after",
        "not-reloaded": "path on_disk served",
        "key-mismatch": "path key",
        "key-missing": "path key",
        "elsewhere": "served",
        "none": "",
        "not-shown": "",
    },
)
def certificate(role: Role, seen: Seen) -> Judgement:
    """A proxy reads its certificate when it starts and when it is told to, and at no other time.

    Two address families may end at two proxies; each that shows another one is judged for itself.
    A key that does not fit comes before all that: with it nothing here can be reloaded.
    """
    endpoint, facts = seen.target.endpoint(role), seen.one(ServerCertificates)
    if endpoint is None or not endpoint.secure:
        yield Verdict("none")
        return
    if (misfit := misfit_of(endpoint, seen)) is not None:
        yield misfit
        return
    shown = {chain.family: chain.certificates[0] for chain in chains(endpoint, seen)}
    if not shown:
        yield Verdict("not-shown")
        return
    if facts is None:
        return
    files = list(_files(endpoint, facts, seen))
    if len({leaf.sha256 for leaf in shown.values()}) == 1:
        yield _compared(next(iter(shown.values())), files)
        return
    for family, leaf in shown.items():
        yield replace(_compared(leaf, files), family=family)


def _compared(served: SentCertificate, files: list[CertificateFile]) -> Verdict:
    for file in files:
        if file.sha256 == served.sha256:
            return Verdict("ok", {"path": file.path, "not_after": f"{file.not_after:%Y-%m-%d}"})
    until = f"{served.not_after:%Y-%m-%d %H:%M} UTC"
    newer = [file for file in files if file.not_before > served.not_before]
    if not newer:
        # A balancer or a network in front of the server has a certificate of its own.
        return Verdict("elsewhere", {"served": until})
    file = max(newer, key=lambda one: one.not_before)
    on_disk = f"{file.not_after:%Y-%m-%d %H:%M} UTC"
    return Verdict("not-reloaded", {"path": file.path, "on_disk": on_disk, "served": until})


def misfit_of(endpoint: Endpoint, seen: Seen) -> Verdict | None:
    """A file of this site without a key that fits, or else of another site of the same proxy: it
    reads all of them or none."""
    facts = seen.one(ServerCertificates)
    if facts is None:
        return None
    proxy = server_sites.configured_for(endpoint, seen)
    of_proxy = [file for file in facts.certificates if proxy and file.used_by == proxy]
    for file in (*_files(endpoint, facts, seen), *of_proxy):
        for key in file.keys:
            if key.matches is False:
                return Verdict("key-mismatch", {"path": file.path, "key": key.path})
            if key.why == "not-found":
                return Verdict("key-missing", {"path": file.path, "key": key.path})
    return None


def _files(endpoint: Endpoint, facts: ServerCertificates, seen: Seen) -> Iterator[CertificateFile]:
    """Those that the site of this name is configured with, or, where none says so (Caddy sees to
    its own), those that are for this name."""
    configured = server_sites.certificates_for(endpoint, seen)
    for file in facts.certificates:
        if file.path in configured if configured else _is_for(file, endpoint):
            yield file


def _is_for(file: CertificateFile, endpoint: Endpoint) -> bool:
    return any(covers(name, endpoint.host) for name in file.names)
