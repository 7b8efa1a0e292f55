"""The journal: what is read, what is recognised, which line decides."""

from __future__ import annotations

import json

import pytest

from eloquence_ops.server.remote import journal
from eloquence_ops.server.remote.journal import Line
from eloquence_ops.server.remote.log_patterns import JOURNAL, NGINX_ERRORS, recognised
from tests.server.remote import recorded

PACKAGES = "/home/ubuntu/eloquence_backend_py/.venv/lib/python3.11/site-packages/"


def told(unit: str) -> dict[str, object]:
    return journal.described(unit, journal.parse(recorded.raw(f"journal-{unit}.jsonl")))


@pytest.mark.parametrize(
    ("unit", "found", "says", "place"),
    [
        ("livekit", "config-unknown-field", "field prot not found in type config.Config", ""),
        ("api-nomodule", "module-missing", "No module named 'livekit_missing'", "broken.py:1"),
        ("api-noattr", "app-not-found", 'Attribute "nothing" not found in module "api"', ""),
        ("api-portused", "address-in-use", "[Errno 98] error while attempting to bind", ""),
    ],
)
def test_the_decisive_line_of(unit: str, found: str, says: str, place: str) -> None:
    decisive = told(unit)["decisive"]
    assert isinstance(decisive, dict)
    assert decisive["found"] == found
    assert says in decisive["text"]
    assert decisive["place"].endswith(place)


def test_a_unit_without_trouble_has_no_decisive_line() -> None:
    assert told("nginx")["decisive"] is None


def test_a_crash_loop_says_each_thing_once() -> None:
    entries = told("api-portused")["recognised"]
    assert isinstance(entries, list)
    texts = [entry["text"] for entry in entries]
    assert len(texts) == len(set(texts))


def line(message: str, at: float = 0.0, run: str = "a") -> Line:
    return Line(at, 6, "x", message, run)


def test_what_an_earlier_run_said_does_not_decide_over_the_last_one() -> None:
    lines = [
        line("ModuleNotFoundError: No module named 'fastapi'", at=1, run="a"),
        line("RuntimeError: no key", at=2, run="b"),
    ]
    decisive = journal.described("u", lines)["decisive"]
    assert isinstance(decisive, dict)
    assert (decisive["found"], decisive["of_last_run"]) == ("python-error", True)


@pytest.mark.parametrize(
    "message",
    [
        'nginx: [emerg] unknown directive "servr" in /etc/nginx/sites-enabled/eloquence:3',
        '2026/11/30 21:27:50 [emerg] 115#115: SSL_CTX_use_PrivateKey("/etc/ssl/key.pem") failed '
        "(SSL: error:05800074:x509 certificate routines::key values mismatch)",
    ],
)
def test_what_keeps_nginx_from_starting(message: str) -> None:
    lines = [line(message), line("nginx.service: Control process exited, code=exited")]
    decisive = journal.described("nginx.service", lines)["decisive"]
    assert isinstance(decisive, dict)
    assert (decisive["found"], decisive["text"]) == ("nginx-config-invalid", message)


def test_where_the_last_run_is_silent_an_earlier_one_is_told_as_such() -> None:
    lines = [line("ModuleNotFoundError: x", at=1, run="a"), line("Started.", at=2, run="b")]
    decisive = journal.described("u", lines)["decisive"]
    assert isinstance(decisive, dict)
    assert (decisive["found"], decisive["of_last_run"]) == ("module-missing", False)


def test_frames_of_two_runs_are_not_mixed() -> None:
    lines = [
        line('  File "/a.py", line 1, in <module>', run="a"),
        line('  File "/b.py", line 2, in <module>', run="b"),
        line("KeyError: 'X'", run="a"),
    ]
    (found,) = journal.recognise(lines)
    assert found.place == "/a.py:1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ([27, 91, 51, 49, 109, 195, 169], "\x1b[31mé"),
        ([255, 65], "\\xffA"),
        (["first", "second"], "first"),
        (None, ""),
        ([None, {}], ""),
        (7, ""),
        ([300], ""),
    ],
)
def test_a_message_in_every_form_that_journalctl_gives_it(value: object, text: str) -> None:
    entry = {"__REALTIME_TIMESTAMP": "1795172075419900", "MESSAGE": value}
    (read,) = journal.parse(json.dumps(entry).encode())
    assert read.message == text


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"not json\n", b"[]\n{}\n", b'{"MESSAGE":"a"}', b"1"]
)
def test_what_is_no_entry_is_passed_over(raw: bytes) -> None:
    assert journal.parse(raw) == []


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("could not parse config: yaml: unmarshal errors:", "config-invalid"),
        ("  line 1: cannot unmarshal !!str `seven` into uint32", "config-invalid"),
        ("could not parse config: yaml: line 3: did not find expected key", "config-invalid"),
        ("one of key-file or keys must be provided", "keys-missing"),
        (
            "could not validate RTC config: could not resolve external IP: dial udp: lookup "
            "stun1.l.google.com on 10.0.0.1:53: no such host",
            "external-address-unknown",
        ),
        ("listen tcp 127.0.0.1:7880: bind: address already in use", "address-in-use"),
        ("unable to connect to redis: dial tcp 127.0.0.1:1: connect: refused", "redis-unreachable"),
        (
            "TURN tls cert required: open /nope.pem: no such file or directory",
            "turn-certificate",
        ),
        ("open livekit.yaml: no such file or directory", "config-missing"),
        (
            "a.service: Ignoring invalid environment assignment 'export A=1': /x/.env.local",
            "environment-line-ignored",
        ),
        ("a.service: Failed to load environment files: No such file", "environment-file-missing"),
        ("a.service: Main process exited, code=exited, status=203/EXEC", "program-missing"),
        ("a.service: A process of this unit has been killed by the OOM killer.", "oom-killed"),
        ("a.service: Start request repeated too quickly.", "start-limit"),
        ("pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings",
         "settings-invalid"),
        ("RuntimeError: no key", "python-error"),
        ("Started a.service - An API.", None),
        ("INFO:     Application startup complete.", None),
        ('INFO: 1.2.3.4:0 - "GET /Error HTTP/1.1" 200 OK', None),
    ],
)  # fmt: skip
def test_a_line_of_the_journal(message: str, found: str | None) -> None:
    pattern = recognised(message, JOURNAL)
    assert (pattern.found if pattern else None) == found


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("connect() failed (111: Connection refused) while connecting", "upstream-refused"),
        ("connect() failed (113: No route to host) while connecting", "upstream-unreachable"),
        ("upstream prematurely closed connection while reading response header", "upstream-closed"),
        ("upstream timed out (110: Connection timed out) while reading", "upstream-timed-out"),
        ("SSL_do_handshake() failed (SSL: error:0A00010B) while SSL handshaking to upstream",
         "upstream-tls-failed"),
        ("SSL_do_handshake() failed (SSL: error:0A00006C) while SSL handshaking, client: 1.2.3.4",
         "client-tls-failed"),
        ("livekit could not be resolved (3: Host not found)", "upstream-name-unknown"),
        ("no live upstreams while connecting to upstream", "upstream-none-alive"),
        ("open() \"/usr/share/nginx/html/favicon.ico\" failed (2: No such file)", None),
    ],
)  # fmt: skip
def test_a_line_of_nginxs_error_log(message: str, found: str | None) -> None:
    pattern = recognised(message, NGINX_ERRORS)
    assert (pattern.found if pattern else None) == found
