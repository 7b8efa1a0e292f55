"""The proxy on the server: whether it runs, and what its files say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eloquence_ops.checks.server_proxy import proxy_unit, proxy_upgrade, proxy_upstream
from eloquence_ops.observations import (
    AnyObservation,
    ServerCertificates,
    ServerTraffic,
    UnitJournal,
)
from eloquence_ops.observations.server_proxy import (
    CertificateFile,
    CertificateKey,
    ErrorLog,
    ProxyError,
)
from eloquence_ops.observations.server_units import RecognisedLine
from tests.checks.server_facts import (
    API,
    LIVEKIT,
    NOW,
    PAST_PROXY,
    connecting,
    exchange,
    listening,
    location,
    nginx,
    seen,
    site,
    unit,
)

LISTENS = listening(("0.0.0.0", 443, "nginx.service"))
NOBODY = listening(("0.0.0.0", 22, "ssh.service"))
STOPPED = unit("nginx.service", active_state="inactive")
REFUSED, CONNECTED = connecting("refused", str(API)), connecting("connected", str(API))


def journal(text: str) -> UnitJournal:
    line = RecognisedLine(at=NOW, found="nginx-config-invalid", text=text)
    return UnitJournal(
        at_s=0.0,
        unit="nginx.service",
        lines_read=1,
        first_at=NOW,
        runs=1,
        decisive=line,
        recognised=(line,),
        last=(),
    )


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [
        pytest.param([LISTENS], "ok", id="somebody listens"),
        pytest.param([listening(("127.0.0.1", 443, ""))], "not-here", id="on loopback alone"),
        pytest.param([NOBODY, STOPPED], "stopped", id="stopped"),
        pytest.param([NOBODY, STOPPED, journal("[emerg] x")], "failed", id="with a reason"),
        pytest.param([NOBODY, unit("nginx.service")], "not-listening", id="another port"),
        pytest.param([NOBODY, STOPPED, CONNECTED], "not-here", id="another machine ends TLS"),
        pytest.param([NOBODY, REFUSED], "nobody", id="no proxy at all"),
        pytest.param([NOBODY], "not-here", id="no proxy, and nobody asked from outside"),
        pytest.param(
            [NOBODY, unit("nginx.service", load_state="not-found"), REFUSED],
            "nobody",
            id="nginx is not installed",
        ),
    ],
)
def test_who_listens_at_the_public_port(observations: list[AnyObservation], outcome: str) -> None:
    (verdict,) = proxy_unit("api", seen(*observations))
    assert verdict.outcome == outcome


def files(*, key_fits: bool | None = False, why: Any = "") -> ServerCertificates:
    """That of the site, beside a key."""
    key = CertificateKey(path="/etc/ssl/key.pem", matches=key_fits, why=why)
    return ServerCertificates(
        at_s=0.0,
        certificates=(
            CertificateFile(
                path="/etc/ssl/chain.pem",
                subject="leaf",
                issuer="R11",
                names=(API.host,),
                not_before=NOW,
                not_after=NOW + timedelta(days=90),
                sha256="",
                chain_length=2,
                modified_at=NOW,
                keys=(key,),
            ),
        ),
    )


REFUSES_KEY = (
    'cannot load certificate key "/etc/ssl/key.pem": BIO_new_file() failed',
    'SSL_CTX_use_PrivateKey("/etc/ssl/key.pem") failed (SSL: key values mismatch)',
    "inconsistencies between private key and certificate loaded '/etc/ssl/key.pem'",
    "loading tls: private key does not match public key",
)


@pytest.mark.parametrize("said", REFUSES_KEY)
def test_a_proxy_that_refuses_a_key_that_does_not_fit(said: str) -> None:
    for misfit in (files(), files(key_fits=None, why="not-found")):
        (verdict,) = proxy_unit("api", seen(NOBODY, STOPPED, journal(said), misfit))
        assert verdict.outcome == "key-refused"
        assert (verdict.evidence["key"], verdict.evidence["said"]) == ("/etc/ssl/key.pem", said)


@pytest.mark.parametrize(
    ("said", "on_disk"),
    [
        pytest.param("[emerg] unknown directive", files(), id="another mistake"),
        pytest.param(REFUSES_KEY[1], files(key_fits=True), id="mended since"),
    ],
)
def test_with_less_evidence_it_is_one_that_failed(said: str, on_disk: ServerCertificates) -> None:
    (verdict,) = proxy_unit("api", seen(NOBODY, STOPPED, journal(said), on_disk))
    assert verdict.outcome == "failed"


def test_what_listens_is_unknown_where_it_could_not_be_read() -> None:
    assert list(proxy_unit("api", seen(STOPPED))) == []


def test_of_several_proxies_the_one_that_is_configured_for_the_name_is_spoken_of() -> None:
    other = unit("haproxy.service", active_state="failed")
    unloaded = unit("nginx.service", active_state="inactive", unit_file_state="disabled")
    (verdict,) = proxy_unit("api", seen(NOBODY, other, unloaded, nginx(site(location()))))
    assert verdict.evidence["unit"] == "nginx.service"
    (without,) = proxy_unit("api", seen(NOBODY, other, unloaded))
    assert without.evidence["unit"] == "haproxy.service"


ANSWERS, WORKS = exchange("server-api"), exchange("server-proxied-api")
BROKEN = exchange("server-proxied-api", status=502)
WRONG = site(location(passes="http://127.0.0.1:8084"))


def logged(minutes_ago: float = 0, upstream: str = "127.0.0.1:8084", **more: Any) -> ServerTraffic:
    at = NOW - timedelta(minutes=minutes_ago)
    text = (
        "connect() failed (111: Connection refused) while connecting to upstream, request: "
        f'"GET /api/sessions HTTP/1.1", upstream: "http://{upstream}/api/sessions", '
        f'host: "{API.host}"'
    )
    line = {"found": "upstream-refused", "upstream": upstream, "text": text} | more
    error = ProxyError.model_validate({"times": 1, "first_at": at, "last_at": at} | line)
    log = ErrorLog(path="/var/log/nginx/error.log", lines=(error,))
    return ServerTraffic(at_s=0.0, access=(), errors=(log,))


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [
        pytest.param([nginx(site(location()))], "ok", id="it leads to the service"),
        pytest.param([nginx(WRONG), BROKEN, ANSWERS], "wrong", id="it leads elsewhere"),
        pytest.param([nginx(WRONG), WORKS, ANSWERS], "ok", id="elsewhere, and it works"),
        pytest.param([nginx(WRONG), BROKEN], "not-loaded", id="the service does not answer"),
        pytest.param(
            [nginx(WRONG, changed_after_s=30), BROKEN, ANSWERS], "not-loaded", id="not loaded"
        ),
        pytest.param(
            [nginx(site(location(), name="other.test")), BROKEN, ANSWERS],
            "not-found",
            id="no such name",
        ),
        pytest.param([nginx(), BROKEN, ANSWERS, logged()], "logged", id="nginx's own word"),
        pytest.param([nginx(), BROKEN, ANSWERS, logged(60)], "not-found", id="of an hour ago"),
        pytest.param(
            [nginx(), BROKEN, ANSWERS, logged(upstream="127.0.0.1:8083")],
            "not-found",
            id="of the service itself, when it was stopped",
        ),
        pytest.param(
            [nginx(), BROKEN, ANSWERS, logged(found="upstream-timed-out")],
            "not-found",
            id="of something else",
        ),
        pytest.param([nginx(), WORKS, ANSWERS, logged()], "not-found", id="it works again"),
    ],
)
def test_where_the_configuration_leads(observations: list[AnyObservation], outcome: str) -> None:
    (verdict,) = proxy_upstream("api", seen(*observations))
    assert verdict.outcome == outcome


def test_a_wrong_upstream_is_named_with_its_file_and_line() -> None:
    (verdict,) = proxy_upstream("api", seen(nginx(WRONG), BROKEN, ANSWERS))
    assert verdict.evidence == {
        "proxy": "nginx",
        "upstream": "http://127.0.0.1:8084",
        "service": "127.0.0.1:8083",
        "line": "/etc/nginx/sites-enabled/eloquence:12",
    }


def livekit_site(upgrade: bool) -> dict[str, Any]:
    return site(location(passes="http://127.0.0.1:7880", upgrade=upgrade), name=LIVEKIT.host)


UPGRADED = exchange(
    "livekit-upgrade",
    vantage="here",  # type: ignore[arg-type]
    endpoint=str(LIVEKIT),
    status=401,
    body="no permissions to access the room",
)


@pytest.mark.parametrize(
    ("observations", "outcome"),
    [
        pytest.param([nginx(livekit_site(True))], "ok", id="the lines are there"),
        pytest.param([nginx(livekit_site(False))], "missing", id="they are not"),
        pytest.param([nginx(livekit_site(False)), UPGRADED], "ok", id="a websocket came through"),
        pytest.param(
            [nginx(livekit_site(False), changed_after_s=30)], "not-loaded", id="not loaded"
        ),
        pytest.param([nginx()], "not-found", id="no such name"),
    ],
)
def test_whether_the_configuration_passes_websockets_on(
    observations: list[AnyObservation], outcome: str
) -> None:
    (verdict,) = proxy_upgrade("t", seen(*observations))
    assert verdict.outcome == outcome


@pytest.mark.parametrize("judge", [proxy_unit, proxy_upstream])
def test_an_address_past_every_proxy_asks_nothing_of_one(judge: Any) -> None:
    (verdict,) = judge("api", seen(NOBODY, nginx(), target=PAST_PROXY))
    assert verdict.outcome == "not-proxied"
