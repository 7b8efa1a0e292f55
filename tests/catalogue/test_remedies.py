"""What is to be done about a certificate is told for each of the three proxies."""

from __future__ import annotations

import pytest

from eloquence_ops import datafiles
from eloquence_ops.catalogue.reader import read

RUNBOOK = read(datafiles.folder("checks"))
OF_CERTIFICATES = sorted(
    cause.id
    for cause in RUNBOOK.causes.values()
    if cause.owner == "server" and cause.id.startswith(("cert-", "tls-", "http2-"))
)


@pytest.mark.parametrize("cause_id", OF_CERTIFICATES)
def test_whoever_reloads_one_proxy_is_told_how_to_reload_the_others(cause_id: str) -> None:
    commands = "\n".join(remedy.run or "" for remedy in RUNBOOK.causes[cause_id].remedies)
    reloaded = {name for name in ("nginx", "caddy", "haproxy") if f"reload {name}" in commands}
    assert reloaded in (set(), {"nginx", "caddy", "haproxy"})


def test_the_causes_of_certificates_are_known() -> None:
    assert len(OF_CERTIFICATES) > 10
