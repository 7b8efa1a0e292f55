"""The way to a service as it is drawn, from outside alone and with the server's vantage."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.diagnosis import Diagnosis
from eloquence_ops.findings import Evidence, Finding, Status, Subject, Vantage
from eloquence_ops.language import Language
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.report.route import routes
from eloquence_ops.run.examine import Result
from eloquence_ops.run.recording import RecordedOptions, RecordedTarget, Recording
from tests.checks.server_facts import API, NOW, exchange, seen

OUTSIDE = {
    "dns.resolves.ok": Status.PASS,
    "api.reachable.ok": Status.PASS,
    "tls.handshake.ok": Status.PASS,
    "api.gateway.bad-gateway": Status.FAIL,
}
REFUSED = OUTSIDE | {
    "api.reachable.ok": Status.MASKED,
    "api.reachable.proxy-refused": Status.FAIL,
    "tls.handshake.ok": Status.MASKED,
    "api.gateway.bad-gateway": Status.MASKED,
}
SILENT = REFUSED | {
    "api.reachable.proxy-refused": Status.MASKED,
    "api.reachable.silent": Status.FAIL,
}
ANSWERS = {"server.api-answers.ok": Status.PASS}


def result(outside: dict[str, Status], inside: dict[str, Status], evidence: Evidence) -> Result:
    subjects = {"dns.resolves": API.display_host}
    findings = [
        Finding(id, status, vantage, Subject(subjects.get(id.rpartition(".")[0], str(API))), said)
        for vantage, ids, said in (
            (Vantage.HERE, outside, {}),
            (Vantage.SERVER, inside, evidence),
        )
        for id, status in ids.items()
    ]
    proxied = exchange("root", Vantage.HERE, status=502)
    saw = seen(proxied)
    asked = saw.asked.__class__(frozenset({"dns", "tls", "api", "server"}))
    saw = saw.__class__(saw.target, asked, NOW, saw.observations)
    recording = Recording(
        tool_version="0",
        command="doctor",
        target=RecordedTarget(name="t", values={}),
        options=RecordedOptions(areas=(), read_only=False, has_api_key=False),
        started_at=NOW,
        duration_s=0.0,
        probe_ends=(),
        observations=(),
    )
    return Result(recording, saw, tuple(findings), Diagnosis(), "broken")


@pytest.mark.parametrize(
    ("outside", "inside", "evidence", "drawn"),
    [
        pytest.param(OUTSIDE, {}, {}, "DNS ✓ ── TCP ✓ ── TLS ✓ ── nginx ✓ ──✗ API", id="outside"),
        pytest.param(
            OUTSIDE,
            ANSWERS | {"server.proxied-api.wrong-upstream": Status.FAIL},
            {},
            "DNS ✓ ── TCP ✓ ── TLS ✓ ──✗ nginx ── API ✓",
            id="the proxy leads elsewhere",
        ),
        pytest.param(
            OUTSIDE,
            ANSWERS | {"server.proxy-timeout.gives-up": Status.FAIL},
            {},
            "DNS ✓ ── TCP ✓ ── TLS ✓ ──✗ nginx ── API ✓",
            id="the proxy gives up",
        ),
        pytest.param(
            OUTSIDE,
            ANSWERS | {"server.proxy-timeout.api-silent": Status.FAIL},
            {},
            "DNS ✓ ── TCP ✓ ── TLS ✓ ── nginx ✓ ──✗ API",
            id="the API is silent",
        ),
        pytest.param(
            OUTSIDE,
            {
                "server.api-answers.refused": Status.FAIL,
                "server.proxied-api.masked": Status.MASKED,
            },
            {},
            "DNS ✓ ── TCP ✓ ── TLS ✓ ── nginx ✓ ──✗ API",
            id="the API is stopped",
        ),
        pytest.param(REFUSED, {}, {}, "DNS ✓ ──✗ TCP ── TLS ── nginx ── API", id="refused"),
        pytest.param(
            REFUSED,
            ANSWERS | {"server.proxy-unit.stopped": Status.FAIL},
            {"unit": "caddy.service"},
            "DNS ✓ ──✗ Caddy ── API ✓",
            id="the proxy is stopped",
        ),
        pytest.param(
            REFUSED,
            ANSWERS | {"server.proxy-unit.nobody": Status.FAIL},
            {},
            "DNS ✓ ──✗ proxy ── API ✓",
            id="there is no proxy",
        ),
        pytest.param(
            SILENT,
            ANSWERS
            | {
                "server.firewall.denied": Status.FAIL,
                "server.proxied-api.ok": Status.PASS,
            },
            {},
            "DNS ✓ ──✗ firewall ── TLS ✓ ── API ✓",
            id="a firewall",
        ),
        pytest.param(
            SILENT,
            {"server.firewall.before": Status.FAIL},
            {},
            "DNS ✓ ──✗ firewall ── API",
            id="a firewall, and nothing known of the API",
        ),
    ],
)
def test_the_faulty_hop_is_where_the_way_breaks(
    outside: dict[str, Status], inside: dict[str, Status], evidence: Evidence, drawn: str
) -> None:
    assert _drawn(result(outside, inside, evidence), "en") == f"  app ── {drawn}"


def test_a_hop_that_is_no_program_is_named_in_the_readers_language() -> None:
    told = result(SILENT, {"server.firewall.denied": Status.FAIL}, {})
    assert _drawn(told, "fr") == "  appli ── DNS ✓ ──✗ pare-feu ── API"


def test_what_was_asked_on_the_server_is_told_with_the_very_address() -> None:
    refused = Finding(
        "server.api-answers.refused",
        Status.FAIL,
        Vantage.SERVER,
        Subject(str(API)),
        {"place": "127.0.0.1:8083"},
    )
    told = result({}, {}, {})
    story = Storyteller(
        Result(told.recording, told.seen, (refused,), Diagnosis(unexplained=(refused,)), "broken"),
        catalogue(),
        "en",
    )
    assert "  server   127.0.0.1:8083  connection refused" in _shown(story)


def _drawn(told: Result, language: Language) -> str:
    assert len(routes(told)) == 1
    lines = _shown(Storyteller(told, catalogue(), language))
    return next(line for line in lines if "✗" in line)


def _shown(story: Storyteller) -> list[str]:
    text = io.StringIO()
    Screen(Console(file=text, width=80, color_system=None), story).show()
    lines = text.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines if "──" in line or line.startswith("  server"))
    return lines
