"""Whether to go on with a server, by the key it shows. What a person said can only add a key that
was not known: it never overrules one that is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from eloquence_ops.server.errors import HostKeyRefused
from eloquence_ops.server.known_hosts import Entry, HostKey, Judgement, Verdict
from eloquence_ops.server.ssh_config import Host


def verify(
    host: Host, key: HostKey, judgement: Judgement, *, accepted: Sequence[str], is_last: bool
) -> None:
    """Raises `HostKeyRefused` unless the key is known, or unknown and an accepted one.

    `accepted` are fingerprints (`SHA256:…` without padding) that no hop before has shown: a hop
    must not pass itself off as the destination. Where one is left for the destination, it must show
    that, even if another key of it is known.
    """
    shown = {"host": host, "fingerprint": key.fingerprint, "type": key.type}
    lines = ", ".join(entry.place for entry in judgement.entries)
    if judgement.verdict is Verdict.REVOKED:
        raise HostKeyRefused("hostkey.revoked", place=lines, **shown)
    if judgement.verdict is Verdict.CHANGED:
        known = ", ".join(entry.key.fingerprint for entry in judgement.entries)
        forget = "; ".join(dict.fromkeys(_forget(host, entry) for entry in judgement.entries))
        raise HostKeyRefused("hostkey.changed", place=lines, known=known, forget=forget, **shown)
    if key.fingerprint in accepted:
        return
    if is_last and accepted:
        raise HostKeyRefused("hostkey.not-the-accepted", accepted=", ".join(accepted), **shown)
    if judgement.verdict is Verdict.UNKNOWN:
        raise HostKeyRefused("hostkey.unknown" if is_last else "hostkey.unknown-hop", **shown)


def _forget(host: Host, entry: Entry) -> str:
    """The command that removes a line; it finds hashed names too."""
    name = host.known_as if host.port == 22 else f"[{host.known_as}]:{host.port}"
    return shlex.join(("ssh-keygen", "-R", name, "-f", str(entry.file)))
