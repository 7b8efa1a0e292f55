"""In which form the certificate that is shown for a name holds that name."""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import covers
from eloquence_ops.idn.forms import forms_of_name
from eloquence_ops.observations import NameShown, TlsHandshake

_BYTES: Final = re.compile(r"(?:\\x[0-9a-f]{2})+")


@check(
    "dns.certificate",
    feeds=("forms",),
    outcomes={
        "none": "",
        "a-label": "covered",
        "wildcard": "covered",
        "u-label": "server_name names",
        "others": "names",
    },
)
def certificate(name: NameShown, seen: Seen) -> Judgement:
    """The name of the certificate that stands for this one, letter by letter as it is there."""
    leaf = next(
        (
            entry.certificate
            for entry in seen.every(TlsHandshake)
            if entry.server_name == name.host and entry.certificate is not None
        ),
        None,
    )
    if leaf is None or not name.host:
        yield Verdict("none")
        return
    covering = [held for held in leaf.names if covers(held, name.host)]
    readable = tuple(held for held in leaf.names if _means(_readable(held), name.host))
    if exact := next((held for held in covering if "*" not in held), None):
        yield Verdict("a-label", {"covered": exact})
    elif covering:
        yield Verdict("wildcard", {"covered": covering[0]})
    elif readable:
        yield Verdict("u-label", {"server_name": name.host, "names": readable})
    else:
        yield Verdict("others", {"names": leaf.names})


def _readable(held: str) -> str:
    """Bytes beyond ASCII, which have no place in a certificate's names, come as `\\xNN`."""
    return _BYTES.sub(lambda found: _decoded(found[0]), held)


def _decoded(escapes: str) -> str:
    return bytes.fromhex(escapes.replace("\\x", "")).decode("utf-8", "replace")


def _means(held: str, host: str) -> bool:
    """Whether a name that no client takes for the host was meant to be it."""
    star, dot, rest = held.partition(".")
    if star == "*":
        return covers(f"*{dot}{forms_of_name(rest).a_label}", host)
    return forms_of_name(held).a_label == host
