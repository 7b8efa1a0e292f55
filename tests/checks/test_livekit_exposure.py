"""What counts as open to everybody, and where nobody asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eloquence_ops.checks.livekit_exposure import debug, own_port, port
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import Scope, parse
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup, AnyObservation, HttpExchange, TcpConnect
from eloquence_ops.observations.names import Address
from eloquence_ops.observations.transport import TcpOutcome
from eloquence_ops.settings import Redirection, Target

LIVEKIT = parse("wss://livekit.éloquence.test", "livekit")
PUBLIC, PRIVATE, OWN = "203.0.113.10", "10.0.0.5", "127.0.0.1"
PROFILER = "<title>/debug/pprof/</title> Types of profiles available:"
FIGURES = "# HELP go_gc_duration_seconds A summary\n# TYPE go_gc_duration_seconds summary\n"


def seen(address: str, *observations: AnyObservation, read_only: bool = False) -> Seen:
    lookup = AddressLookup(
        at_s=0.0,
        host=LIVEKIT.host,
        resolver="system",
        outcome="found",
        addresses=(Address(family=Family.IPV4, address=address),),
    )
    asked = Asked(frozenset(), read_only=read_only)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Seen(Target("t", livekit=LIVEKIT), asked, now, (lookup, *observations))


def attempt(outcome: TcpOutcome) -> TcpConnect:
    return TcpConnect(
        at_s=0.0,
        endpoint=f"ws://{LIVEKIT.display_host}:7880",
        family=Family.IPV4,
        address=PUBLIC,
        port=7880,
        outcome=outcome,
    )


def answered(purpose: str, path: str, status: int, body: str, endpoint: str) -> HttpExchange:
    return HttpExchange(
        at_s=0.0,
        purpose=purpose,
        endpoint=endpoint,
        family=Family.IPV4,
        address=PUBLIC,
        method="GET",
        path=path,
        outcome="answered",
        status=status,
        body=body,
    )


def at_port(status: int, body: str) -> HttpExchange:
    return answered("livekit-port", "/", status, body, f"ws://{LIVEKIT.display_host}:7880")


@pytest.mark.parametrize(
    ("observations", "outcomes"),
    [
        pytest.param((attempt("refused"),), ["ok"], id="closed"),
        pytest.param((attempt("silent"),), ["ok"], id="filtered"),
        pytest.param((attempt("connected"), at_port(200, "OK")), ["public"], id="open"),
        pytest.param((attempt("connected"), at_port(406, "Not Ready")), ["public"], id="not ready"),
        pytest.param((attempt("connected"), at_port(200, "hello")), ["ok"], id="somebody else"),
        pytest.param((attempt("connected"), at_port(404, "OK")), ["ok"], id="no health page"),
        pytest.param((attempt("connected"),), [], id="open, and not asked to the end"),
        pytest.param((), [], id="not tried"),
    ],
)
def test_only_livekits_own_words_make_an_open_port(
    observations: tuple[AnyObservation, ...], outcomes: list[str]
) -> None:
    assert [found.outcome for found in port(LIVEKIT, seen(PUBLIC, *observations))] == outcomes


def test_an_open_port_is_told_with_its_address() -> None:
    (verdict,) = port(LIVEKIT, seen(PUBLIC, attempt("connected"), at_port(200, "OK")))
    assert verdict.evidence == {"addresses": (PUBLIC,)}


@pytest.mark.parametrize("address", [PRIVATE, OWN])
def test_nothing_is_asked_of_an_address_that_is_not_public(address: str) -> None:
    assert [found.outcome for found in port(LIVEKIT, seen(address))] == ["not-asked"]
    assert [found.outcome for found in debug(LIVEKIT, seen(address))] == ["not-asked"]


@pytest.mark.parametrize(
    ("url", "scope", "redirected", "asked"),
    [
        pytest.param("wss://l.test", "public", (), "ws://l.test:7880", id="behind a proxy"),
        pytest.param("wss://l.test:8443", "public", (), "ws://l.test:7880", id="on another port"),
        pytest.param("wss://l.test", "private", (), None, id="a private address"),
        pytest.param("wss://l.test", None, (), None, id="no address"),
        pytest.param("ws://l.test:7880", "public", (), None, id="the port itself"),
        pytest.param("ws://l.test", "public", (), None, id="no TLS"),
        pytest.param("wss://l.test:7880", "public", (), None, id="TLS on that port"),
        pytest.param("wss://l.test", "public", (443,), None, id="another machine instead"),
        pytest.param("wss://l.test", "public", (443, 7880), "ws://l.test:7880", id="both there"),
    ],
)
def test_the_own_port_is_asked_beside_a_public_proxy_only(
    url: str, scope: Scope | None, redirected: tuple[int, ...], asked: str | None
) -> None:
    livekit = parse(url, "livekit")
    away = tuple(Redirection("l.test", where, "127.0.0.1", 9) for where in redirected)
    plain = own_port(livekit, scope, Target("t", livekit=livekit, connect_to=away))
    assert (str(plain) if plain else None) == asked


@pytest.mark.parametrize(
    ("profiler", "figures", "outcomes"),
    [
        pytest.param((404, "404 page not found"), (404, ""), [("ok", None)], id="neither"),
        pytest.param((200, PROFILER), (404, ""), [("public", ("/debug/pprof/",))], id="profiler"),
        pytest.param((404, ""), (200, FIGURES), [("public", ("/metrics",))], id="figures"),
        pytest.param(
            (200, PROFILER),
            (200, FIGURES),
            [("public", ("/debug/pprof/", "/metrics"))],
            id="both",
        ),
        pytest.param((200, "<html>an app</html>"), (200, "OK"), [("ok", None)], id="other pages"),
        pytest.param((401, PROFILER), (403, FIGURES), [("ok", None)], id="refused"),
    ],
)
def test_only_the_pages_themselves_count(
    profiler: tuple[int, str],
    figures: tuple[int, str],
    outcomes: list[tuple[str, tuple[str, ...] | None]],
) -> None:
    judged = debug(
        LIVEKIT,
        seen(
            PUBLIC,
            answered("livekit-debug", "/debug/pprof/", *profiler, str(LIVEKIT)),
            answered("livekit-metrics", "/metrics", *figures, str(LIVEKIT)),
        ),
    )
    assert [(found.outcome, found.evidence.get("paths")) for found in judged] == outcomes


def test_half_an_examination_is_no_pass() -> None:
    only = answered("livekit-debug", "/debug/pprof/", 404, "", str(LIVEKIT))
    assert list(debug(LIVEKIT, seen(PUBLIC, only))) == []


def test_a_read_only_run_does_not_look_for_debug_pages() -> None:
    (verdict,) = debug(LIVEKIT, seen(PUBLIC, read_only=True))
    assert verdict.outcome == "not-asked"
