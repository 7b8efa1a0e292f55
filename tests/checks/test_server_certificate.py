"""The certificate in the proxy's file beside the one that it serves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.checks.engine import judge_all
from eloquence_ops.checks.registry import Verdict
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.checks.server_certificate import certificate
from eloquence_ops.endpoints import parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import (
    AnyObservation,
    ServerCertificates,
    ServerProxies,
    ServerReach,
)
from eloquence_ops.observations.server_proxy import (
    CertificateFile,
    CertificateKey,
    Proxy,
    ProxySite,
)
from eloquence_ops.settings import Target
from tests.checks.sent_chains import (
    ADDRESS,
    DAY,
    MIDDLE,
    NAME,
    NOW,
    connected,
    leaf,
    resolved,
    sent,
)

SITE = "/etc/ssl/site.pem"
SERVED = leaf()


def file(path: str = SITE, **different: Any) -> CertificateFile:
    fields: dict[str, Any] = {
        "path": path,
        "subject": "leaf",
        "issuer": "R11",
        "names": (NAME,),
        "not_before": SERVED.not_before,
        "not_after": SERVED.not_after,
        "sha256": SERVED.sha256,
        "chain_length": 2,
        "modified_at": NOW,
    }
    return CertificateFile(**(fields | different))


RENEWED: dict[str, Any] = {"sha256": "ff", "not_before": NOW - DAY, "not_after": NOW + 89 * DAY}
OLDER: dict[str, Any] = {"sha256": "ee", "not_before": NOW - 70 * DAY}


def site(*certificates: str, name: str = NAME) -> ServerProxies:
    found = ProxySite(
        file="/etc/nginx/sites-enabled/a",
        line=1,
        names=(name,),
        listens=("443 ssl",),
        tls=True,
        certificates=certificates,
        redirects=(),
        locations=(),
    )
    proxy = Proxy(
        name="nginx",
        path="/etc/nginx/nginx.conf",
        files=(),
        loaded_at=None,
        disk_changed_at=None,
        sites=(found,),
    )
    return ServerProxies(at_s=0.0, proxies=(proxy,))


def judged(
    *observations: AnyObservation, files: tuple[CertificateFile, ...] | None, api: str = ADDRESS.url
) -> list[Verdict]:
    facts = () if files is None else (ServerCertificates(at_s=0.0, certificates=files),)
    target = Target("t", api=parse(api, "api"), server="ubuntu@203.0.113.10")
    asked = Asked(frozenset({"tls", "server"}))
    return list(certificate("api", Seen(target, asked, NOW, (*observations, *facts))))


@pytest.mark.parametrize(
    ("files", "configured", "outcome"),
    [
        ((file(),), (SITE,), "ok"),
        ((file(**RENEWED),), (SITE,), "not-reloaded"),
        ((file(**OLDER),), (SITE,), "elsewhere"),
        ((), (SITE,), "elsewhere"),
        # RSA and ECDSA side by side: one of them is served to this client.
        ((file(**RENEWED), file("/etc/ssl/rsa.pem")), (SITE, "/etc/ssl/rsa.pem"), "ok"),
        # What no site of this name is configured with does not count.
        ((file(**OLDER), file("/old/site.pem", **RENEWED)), (SITE,), "elsewhere"),
        # Caddy keeps its own, and says of none where it is.
        ((file("/var/lib/caddy/a.crt", **RENEWED),), (), "not-reloaded"),
        ((file("/var/lib/caddy/a.crt", **RENEWED, names=("other.test",)),), (), "elsewhere"),
    ],
)
def test_what_is_served_is_looked_for_in_the_files_of_the_site(
    files: tuple[CertificateFile, ...], configured: tuple[str, ...], outcome: str
) -> None:
    (verdict,) = judged(sent(SERVED, MIDDLE), site(*configured), files=files)
    assert verdict.outcome == outcome


def test_both_ends_are_told() -> None:
    newest = file("/b.pem", **(RENEWED | {"not_before": NOW - timedelta(hours=1)}))
    files = (file(**RENEWED), newest)
    (verdict,) = judged(sent(SERVED, MIDDLE), site(SITE, "/b.pem"), files=files)
    assert verdict.evidence == {
        "path": "/b.pem",
        "on_disk": "2026-05-29 12:00 UTC",
        "served": "2026-05-20 12:00 UTC",
    }


def test_without_either_side_nothing_is_compared() -> None:
    assert [v.outcome for v in judged(files=(file(),))] == ["not-shown"]
    assert judged(sent(SERVED, MIDDLE), files=None) == []
    plain = judged(sent(SERVED, MIDDLE), files=(file(),), api="http://api.éloquence.com")
    assert [v.outcome for v in plain] == ["none"]


def test_what_each_address_family_shows_is_looked_for_on_disk() -> None:
    newer = leaf(**RENEWED)
    over_ipv6 = sent(newer).model_copy(update={"family": Family.IPV6, "address": "2001:db8::10"})
    both = judged(sent(), over_ipv6, site(SITE), files=(file(**RENEWED),))
    assert [(verdict.outcome, verdict.family) for verdict in both] == [
        ("not-reloaded", Family.IPV4),
        ("ok", Family.IPV6),
    ]
    same = sent().model_copy(update={"family": Family.IPV6})
    (verdict,) = judged(sent(), same, site(SITE), files=(file(),))
    assert (verdict.outcome, verdict.family) == ("ok", None)


def keyed(matches: bool | None, why: Any = "") -> dict[str, Any]:
    return {"keys": (CertificateKey(path="/etc/ssl/site.key", matches=matches, why=why),)}


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        (keyed(True), "ok"),
        (keyed(False), "key-mismatch"),
        (keyed(None, "not-found"), "key-missing"),
        # What cannot be told is no fault.
        (keyed(None, "permission-denied"), "ok"),
        (keyed(None, "encrypted"), "ok"),
        (keyed(None, "no-openssl"), "ok"),
        (keyed(None, "unreadable"), "ok"),
    ],
)
def test_the_key_that_is_configured(key: dict[str, Any], outcome: str) -> None:
    (verdict,) = judged(sent(SERVED, MIDDLE), site(SITE), files=(file(**key),))
    assert verdict.outcome == outcome
    if outcome != "ok":
        assert verdict.evidence == {"path": SITE, "key": "/etc/ssl/site.key"}


def test_a_key_that_does_not_fit_comes_before_what_is_served() -> None:
    renewed = (file(**RENEWED, **keyed(False)),)
    for shown in ((sent(SERVED, MIDDLE),), ()):  # a proxy that was restarted shows nothing
        (verdict,) = judged(*shown, site(SITE), files=renewed)
        assert verdict.outcome == "key-mismatch"


def test_of_another_site_it_counts_where_the_same_proxy_reads_both() -> None:
    for used_by, outcome in (("nginx", "key-mismatch"), ("haproxy", "ok"), ("", "ok")):
        other = file("/other.pem", names=("other.test",), used_by=used_by, **keyed(False))
        (verdict,) = judged(sent(SERVED, MIDDLE), site(SITE), files=(file(), other))
        assert verdict.outcome == outcome


REACHED = ServerReach(
    at_s=0.0, outcome="reached", way="ssh", host="ubuntu@203.0.113.10", said=None, privilege="root"
)


def inside(*observations: AnyObservation, **asked: Any) -> set[str]:
    """The findings about the server, where only certificates were asked for."""
    target = Target("t", api=ADDRESS, server="ubuntu@203.0.113.10")
    everything = (resolved(), connected(), sent(), *observations)
    seen = Seen(target, Asked(frozenset({"tls"}), **asked), NOW, everything)
    found = judge_all(seen, catalogue())
    return {finding.id for finding in found if finding.area == "server"}


ON_DISK = ServerCertificates(at_s=0.0, certificates=(file(**RENEWED),))


def test_check_ssl_compares_the_disk_of_a_server_that_can_be_reached() -> None:
    assert inside(REACHED, ON_DISK, site(SITE)) == {
        "server.reached.ok",
        "server.certificate.not-reloaded",
        "server.certificate.none",  # LiveKit, which has no address here
    }


def test_a_server_that_cannot_be_reached_does_not_spoil_check_ssl() -> None:
    gone = REACHED.model_copy(update={"outcome": "failed", "said": ("gone", "absent")})
    assert inside(gone) == set()


def test_where_the_server_was_left_out_or_an_address_typed_no_disk_is_read() -> None:
    assert inside(REACHED, ON_DISK, addresses=(ADDRESS,)) == set()
    assert inside(REACHED, ON_DISK, left_out=frozenset({"server"})) == set()
