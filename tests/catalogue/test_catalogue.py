"""The runbook holds together: files, links, texts in both languages, and commands to paste."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from eloquence_ops import datafiles, lab
from eloquence_ops.catalogue.model import Catalogue, Cause, Link, Symptom, Text
from eloquence_ops.catalogue.reader import CatalogueError, opened, read
from eloquence_ops.catalogue.search import search
from eloquence_ops.catalogue.template import command, placeholders
from eloquence_ops.checks import judgements
from eloquence_ops.checks.registry import REGISTRY
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.cli.commands import app
from eloquence_ops.diagnosis.links import explained_by
from eloquence_ops.findings import Status
from eloquence_ops.report import places
from eloquence_ops.settings import Target

CHECKS = datafiles.folder("checks")
RUNBOOK = read(CHECKS)
AREAS = sorted({check.area for check in RUNBOOK.checks.values()})
for area in AREAS:
    judgements.load(area)
FAULTS = Path(lab.__file__).parent / "faults" if lab.__file__ else Path()
RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"

PROBLEMS = [
    f"{check.id}.{name}"
    for check in RUNBOOK.checks.values()
    for name, outcome in check.outcomes.items()
    if outcome.status in (Status.WARN, Status.FAIL)
]
OUTCOMES = [
    pytest.param(check.id, name, id=f"{check.id}.{name}")
    for check in RUNBOOK.checks.values()
    for name in check.outcomes
]
CAUSES = [pytest.param(cause, id=cause.id) for cause in RUNBOOK.causes.values()]


def _known_places() -> frozenset[str]:
    nothing = Seen(Target("t"), Asked(frozenset()), datetime(2026, 1, 1, tzinfo=UTC), ())
    return frozenset(places.values(nothing))


PLACES = _known_places()


def _texts(entry: object, where: str) -> Iterator[tuple[str, Text]]:
    """Every text below an entry, with where it stands."""
    match entry:
        case Text():
            yield where, entry
        case BaseModel():
            for name in type(entry).model_fields:
                yield from _texts(getattr(entry, name), f"{where}.{name}")
        case dict():
            for name, value in entry.items():
                yield from _texts(value, f"{where}.{name}")
        case tuple():
            for place, value in enumerate(entry):
                yield from _texts(value, f"{where}.{place}")
        case _:
            return


def _all_texts() -> list[tuple[str, Text]]:
    return [
        found
        for name, part in (
            ("checks", dict(RUNBOOK.checks)),
            ("causes", dict(RUNBOOK.causes)),
            ("symptoms", RUNBOOK.symptoms),
            ("outcomes", {name: dict(texts) for name, texts in RUNBOOK.outcomes_of_all.items()}),
            ("words", dict(RUNBOOK.words)),
        )
        for found in _texts(part, name)
    ]


TEXTS = [pytest.param(text, id=where) for where, text in _all_texts()]


def _commands() -> list[tuple[str, str]]:
    found = [(f"{check.id}.by_hand", check.by_hand) for check in RUNBOOK.checks.values()]
    for cause in RUNBOOK.causes.values():
        found.append((f"{cause.id}.next_probe", cause.next_probe.run))
        for place, remedy in enumerate(cause.remedies):
            found.append((f"{cause.id}.remedies.{place}", remedy.run))
    return [(where, run) for where, run in found if run]


COMMANDS = [pytest.param(run, id=where) for where, run in _commands()]


def _links(cause: Cause) -> tuple[Link, ...]:
    return (*cause.explains, *cause.confirmed_by, *cause.contradicted_by)


def _evidence(finding_id: str) -> frozenset[str]:
    check_id, _, outcome = finding_id.rpartition(".")
    return REGISTRY[check_id].outcomes[outcome]


def _always_there(cause: Cause) -> frozenset[str]:
    """The evidence that each finding has which a cause may explain."""
    explained = explained_by(cause, RUNBOOK.causes)
    return frozenset.intersection(*(_evidence(link.finding) for link in explained))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The runbook's files, free to be damaged."""
    return Path(shutil.copytree(CHECKS, tmp_path / "checks"))


# Files


def test_ids_are_the_paths() -> None:
    on_disk = {
        f"{path.parent.name}.{path.stem}"
        for path in CHECKS.glob("*/*.toml")
        if path.parent.name != "causes"
    }
    assert set(RUNBOOK.checks) == on_disk
    assert set(RUNBOOK.causes) == {path.stem for path in (CHECKS / "causes").glob("*.toml")}


@pytest.mark.parametrize(
    ("path", "name"),
    [("dns/resolves.toml", "Resolves_Names.toml"), ("causes/clock-skew.toml", "clock.toml")],
)
def test_a_misnamed_file_is_refused_by_name(copy: Path, path: str, name: str) -> None:
    (copy / path).rename((copy / path).with_name(name))
    with pytest.raises(CatalogueError, match=re.escape(name)):
        read(copy)


def test_a_renamed_check_is_missed_by_those_who_require_it(copy: Path) -> None:
    (copy / "dns/resolves.toml").rename(copy / "dns/names.toml")
    with pytest.raises(CatalogueError, match=r"requires dns\.resolves, which does not exist"):
        read(copy)


def test_a_file_is_read_when_its_entry_is_asked_for(copy: Path) -> None:
    """So a run reads a third of them; whoever reads the others finds what is wrong there."""
    for name in ("api.key", "api-hanging"):
        (
            copy / ("causes" if "." not in name else "") / f"{name.replace('.', '/')}.toml"
        ).write_text("?")
    catalogue = opened(copy)
    assert catalogue.checks["tls.chain"].area == "tls"
    assert {"api.key", "tls.chain"} <= catalogue.checks_of({"api", "tls"})
    assert "api-hanging" in catalogue.causes
    for entries, name, file in (
        (catalogue.checks, "api.key", "api/key.toml"),
        (catalogue.causes, "api-hanging", "causes/api-hanging.toml"),
    ):
        with pytest.raises(CatalogueError, match=file):
            entries[name]
    with pytest.raises(CatalogueError, match="api/key"):
        read(copy)


def test_an_unknown_key_is_refused(copy: Path) -> None:
    path = copy / "causes/clock-skew.toml"
    path.write_text("confirmd_by = []\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CatalogueError, match="confirmd_by"):
        read(copy)


def test_a_missing_language_is_refused(copy: Path) -> None:
    path = copy / "dns/resolves.toml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("title.fr")), "utf-8")
    with pytest.raises(CatalogueError, match=r"title\.fr"):
        read(copy)


def test_checks_that_require_each_other_are_refused(copy: Path) -> None:
    path = copy / "dns/resolves.toml"
    path.write_text(
        'requires = ["api.session-url"]\n' + path.read_text(encoding="utf-8"), encoding="utf-8"
    )
    with pytest.raises(CatalogueError, match="require each other"):
        read(copy)


def test_every_check_comes_after_what_it_requires() -> None:
    order = RUNBOOK.with_requirements(frozenset(RUNBOOK.checks))
    assert sorted(order) == sorted(RUNBOOK.checks)
    for check in RUNBOOK.checks.values():
        assert all(
            order.index(needed.check) < order.index(check.id) for needed in check.prerequisites
        )


# Checks and the judgements in code


def test_the_catalogue_and_the_code_have_the_same_checks() -> None:
    assert set(RUNBOOK.checks) == set(REGISTRY)


def test_an_area_loads_every_judgement_of_its_own() -> None:
    """Also where no other area was loaded before, by whose modules some of them are imported."""
    alone = (
        "import sys\n"
        "for area in sys.argv[1:]:\n"
        "    for name in [name for name in sys.modules if 'eloquence_ops.checks' in name]:\n"
        "        del sys.modules[name]\n"
        "    from eloquence_ops.checks.judgements import REGISTRY, load\n"
        "    load(area)\n"
        "    print(*(name for name in REGISTRY if name.split('.')[0] == area))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", alone, *AREAS], check=True, capture_output=True, text=True
    )
    assert sorted(done.stdout.split()) == sorted(RUNBOOK.checks)


@pytest.mark.parametrize("check_id", sorted(RUNBOOK.checks))
def test_the_catalogue_and_the_code_have_the_same_outcomes(check_id: str) -> None:
    assert set(RUNBOOK.checks[check_id].outcomes) == set(REGISTRY[check_id].outcomes)


@pytest.mark.parametrize(("check_id", "name"), OUTCOMES)
def test_a_summary_uses_evidence_that_its_outcome_carries(check_id: str, name: str) -> None:
    summary = RUNBOOK.checks[check_id].outcomes[name].summary
    assert placeholders(summary.en) <= REGISTRY[check_id].outcomes[name]


@pytest.mark.parametrize(("check_id", "name"), OUTCOMES)
def test_what_did_not_pass_says_what_it_means(check_id: str, name: str) -> None:
    outcome = RUNBOOK.checks[check_id].outcomes[name]
    needs_meaning = outcome.status in (Status.WARN, Status.FAIL, Status.UNKNOWN)
    assert (outcome.meaning is not None) == needs_meaning
    assert not outcome.summary.en.endswith(".")
    assert not outcome.summary.fr.endswith(".")


def test_the_outcomes_of_every_check_have_a_default_text() -> None:
    assert set(RUNBOOK.outcomes_of_all) == {"masked", "skipped", "unknown", "error"}
    assert all("default" in texts for texts in RUNBOOK.outcomes_of_all.values())


def test_words_in_summaries_are_in_the_dictionary() -> None:
    words = {
        "author": "app livekit nginx caddy haproxy traefik cloudflare proxy go unknown",
        "family": "ipv4 ipv6",
        "families": "ipv4 ipv6",
        "outcome": "refused silent unreachable failed closed not-http gateway-timeout wants-tls "
        "no-python link-lost garbled python-too-old cut garbage expired not-yet-valid "
        "name-mismatch untrusted "
        "plaintext other-protocol no-common-version",
        "resolver": "system none",
        "url_scope": "loopback private public",
        "api_scope": "loopback private public",
        # A status is a number, or what came of the request instead.
        "status": "refused unreachable connect-timeout tls-failed silent closed not-http too-large "
        "failed expired revoked unreadable unlisted",
        # Among much else: tests/catalogue/test_worded.py.
        "detail": "silent closed interrupted not-signalling",
        "protocol": "unknown-protocol",
        "said": "silent closed failed refused unreachable connect-timeout",
        # The name that an application gives itself, or that it has none.
        "title": "no-title",
        "direction": "ahead behind",
        "reason": "permission-denied not-found no-such-program timed-out too-large not-understood "
        "not-finished failed defect garbage no-extra no-pair read-only",
        "microphone": "with-microphone without-microphone",
        "problems": "missing",
        "at": "unknown-time",
        "until": "unknown-time",
        "refusal": "empty too-long not-utf8 not-punycode fake-a-label not-canonical hyphens "
        "characters direction not-allowed",
        "scope": "private public",
    }
    asked = {
        name
        for _, text in _all_texts()
        for name in re.findall(r"\{(\w+):words?(?:-tail)?\}", text.en + text.fr)
    }
    assert asked == set(words)
    assert set(" ".join(words.values()).split()) <= set(RUNBOOK.words)


# Causes


@pytest.mark.parametrize("finding_id", PROBLEMS)
def test_every_problem_is_explained_by_a_cause(finding_id: str) -> None:
    assert any(
        link.finding == finding_id for cause in RUNBOOK.causes.values() for link in cause.explains
    )


def test_a_finding_confirms_one_cause_at_most() -> None:
    confirmed = Counter(
        (link.finding, link.vantage)
        for cause in RUNBOOK.causes.values()
        for link in cause.confirmed_by
    )
    assert [key for key, causes in confirmed.items() if causes > 1] == []


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_explains_problems_only_and_nothing_twice(cause: Cause) -> None:
    explained = [link.finding for link in cause.explains]
    assert set(explained) <= set(PROBLEMS)
    assert not [link for link, times in Counter(_links_by_kind(cause)).items() if times > 1]
    assert not {link.finding for link in cause.contradicted_by} & set(explained)


def _links_by_kind(cause: Cause) -> Iterator[tuple[str, Link]]:
    for kind in ("explains", "confirmed_by", "contradicted_by"):
        yield from ((kind, link) for link in getattr(cause, kind))


@pytest.mark.parametrize("cause", CAUSES)
def test_a_step_with_a_condition_names_a_finding_that_exists(cause: Cause) -> None:
    for link in (link for remedy in cause.remedies for link in remedy.only_if):
        check, _, outcome = link.finding.rpartition(".")
        assert outcome in RUNBOOK.checks[check].outcomes
    assert any(not remedy.only_if for remedy in cause.remedies)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_causes_texts_use_the_target_and_evidence_that_is_always_there(cause: Cause) -> None:
    for where, text in _texts(cause, cause.id):
        assert placeholders(text.en) <= PLACES | _always_there(cause), where


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_short_where_it_is_listed(cause: Cause) -> None:
    for title in (cause.title.en, cause.title.fr):
        assert len(title) <= 60
    for clause in (cause.headline.en, cause.headline.fr):
        # It also stands in the middle of a sentence, and a link must not begin with a capital.
        assert not clause.endswith(".")
        assert clause[0].islower() or clause.startswith("LiveKit")
        assert not clause.startswith("{")
    assert 1 <= len(cause.remedies) <= 4


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_shown_by_a_fault_or_a_recording(cause: Cause) -> None:
    shown = cause.shown_by
    if shown.fault:
        assert (FAULTS / f"{shown.fault}.toml").is_file()
    if shown.recording:
        assert (RECORDINGS / f"{shown.recording}.json").is_file()


# Symptoms


@pytest.mark.parametrize("symptom", RUNBOOK.symptoms, ids=lambda entry: entry.matches[0])
def test_a_symptoms_expressions_compile_and_match_no_empty_text(symptom: object) -> None:
    for expression in getattr(symptom, "matches"):  # noqa: B009  # ids= hides the type
        assert re.compile(expression, re.IGNORECASE).search("") is None


def test_symptoms_point_to_causes_that_exist(copy: Path) -> None:
    assert {cause for symptom in RUNBOOK.symptoms for cause in symptom.causes} <= set(
        RUNBOOK.causes
    )
    path = copy / "symptoms.toml"
    planted = '[[symptom]]\nmatches = ["x"]\nreads.en = "x"\nreads.fr = "x"\ncauses = ["no-such"]\n'
    path.write_text(path.read_text(encoding="utf-8") + planted, encoding="utf-8")
    with pytest.raises(CatalogueError, match="points to no-such"):
        read(copy)


@pytest.mark.parametrize(
    ("pasted", "cause"),
    [
        ("404", "api-legacy-deployed"),
        ("HTTP/1.1 404 Not Found", "api-legacy-deployed"),
        ('{"detail":"Not Found"}', "api-legacy-deployed"),
        ("Exception: Échec de la création de session: 404", "api-legacy-deployed"),
        ("Exception: Échec de la création de session: 401", "api-key-rejected"),
        ("Exception: Échec de la création de session: 500", "api-unhandled-error"),
        ("Exception: Échec de la création de session: 422", "api-body-refused"),
        ("Exception: Échec de la création de session: 201", "api-response-mismatch"),
        ("Exception: Échec de la création de session: 301", "api-method-rewritten"),
        ("HTTP/1.1 308 Permanent Redirect", "api-method-rewritten"),
        ("405 Method Not Allowed", "api-method-rewritten"),
        ('{"detail":"Not authenticated"}', "api-key-rejected"),
        ("502 Bad Gateway", "livekit-not-running"),
        ("504", "api-hanging"),
        ("connect() failed (111: Connection refused) while connecting", "livekit-not-running"),
        ("upstream prematurely closed connection while reading", "api-breaks-off"),
        ("[UFW BLOCK] IN=ens2 OUT= SRC=192.0.2.9 DPT=8083 SYN", "firewall-on-server"),
        ("ModuleNotFoundError: No module named 'fastapi'", "api-dependency-missing"),
        ("ModuleNotFoundError: No module named 'adapters.livekit'", "api-files-missing"),
        ("SyntaxError: '(' was never closed", "api-crash-looping"),
        ("TypeError: grant() got an unexpected keyword argument 'ttl'", "api-packages-differ"),
        ('ERROR:    Error loading ASGI app. Could not import module "api".', "api-files-missing"),
        (
            "eloquence-api.service: Failed to load environment files: No such file",
            "api-env-missing",
        ),
        ("KeyError: 'LIVEKIT_URL'", "api-env-missing"),
        ("ERROR: [Errno 98] error while attempting to bind on address", "api-port-taken"),
        ("line 11: field prot not found in type config.Config", "livekit-config-wrong"),
        ("livekit.service: Start request repeated too quickly.", "api-crash-looping"),
        (
            "Warning: The unit file of eloquence-api.service changed on disk. Run 'systemctl "
            "daemon-reload' to reload units.",
            "systemd-reload-needed",
        ),
        ("Unit livekit.service could not be found.", "livekit-not-installed"),
        ("Loaded: loaded (/etc/systemd/system/livekit.service; disabled;", "unit-not-enabled"),
        ("Uvicorn running on http://127.0.0.1:8083 (Press CTRL+C to quit)", "api-loopback-only"),
        ("LISTEN 0 2048 127.0.0.1:8083 0.0.0.0:*", "api-loopback-only"),
        ("invalid API key: APIx", "token-unknown-livekit-key"),
        ("invalid token: ***, error: token signature is invalid", "token-wrong-secret"),
        ("token is not valid yet", "clock-skew"),
        ("no permissions to access the room", "token-missing-grant"),
        ("not dispatching agent job since no worker is available", "agent-absent"),
        ("the agent never joins the room", "agent-absent"),
        ("le coach ne répond pas", "agent-absent"),
        ("could not find any available nodes", "livekit-refuses-rooms"),
        (
            "HandshakeException: Handshake error in client (OS Error: CERTIFICATE_VERIFY_FAILED: "
            "unable to get local issuer certificate(handshake.cc:393))",
            "cert-chain-incomplete",
        ),
        (
            "HandshakeException: Handshake error in client (OS Error: CERTIFICATE_VERIFY_FAILED: "
            "certificate has expired(handshake.cc:393))",
            "cert-expired",
        ),
        (
            "HandshakeException: Handshake error in client (OS Error: CERTIFICATE_VERIFY_FAILED: "
            "Hostname mismatch(handshake.cc:393))",
            "cert-name-mismatch",
        ),
        ("OS Error: WRONG_VERSION_NUMBER(tls_record.cc:231)", "tls-on-plaintext-port"),
        ("SocketException: Failed host lookup: 'api.example'", "dns-no-record"),
        ("SocketException: Failed host lookup: 'l.%C3%A9loquence.com'", "session-url-unicode"),
        (";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 4711", "dns-dnssec-bogus"),
        (
            "SocketException: Connection refused (OS Error: Connection refused, errno = 111), "
            "address = 51.159.110.4, port = 41234",
            "api-not-running",
        ),
        (
            "SocketException: Connection refused (OS Error: Connection refused, errno = 111), "
            "address = localhost, port = 41234",
            "session-url-unreachable",
        ),
        ("SocketException: Connection timed out, host: api.example", "firewall-before-server"),
        ("SocketException: Network is unreachable (errno = 101)", "own-network"),
        ("HttpException: Connection closed before full header was received", "api-breaks-off"),
        (
            "WebSocketException: Connection to 'https://l.example/rtc' was not upgraded to "
            "websocket",
            "livekit-not-running",
        ),
        ('"GET /debug/pprof/heap HTTP/1.1" 200 5120', "livekit-debug-exposed"),
        ("7880/tcp open  http", "livekit-port-public"),
        (
            "Initial connection failed: v1 RTC path not found. Consider upgrading your LiveKit "
            "server version – Retrying",
            "livekit-outdated",
        ),
        ('"GET /rtc/v1/validate?access_token=x HTTP/1.1" 404 19', "livekit-outdated"),
        ('"GET /rtc?access_token=x&protocol=15 HTTP/1.1" 404 0', "proxy-drops-upgrade"),
        (
            "Error during WebSocket handshake: Unexpected response code: 404",
            "proxy-drops-upgrade",
        ),
        ("MediaConnectException: could not establish pc connection", "media-blocked"),
        ("ConnectException: Could not connect", "livekit-not-running"),
        ("OSError: [Errno 28] No space left on device", "server-disk-full"),
        ("touch: cannot touch 'x': Read-only file system", "server-disk-read-only"),
        ("Out of memory: Killed process 812 (uvicorn) total-vm:1kB", "server-out-of-memory"),
        ("livekit.service: Failed with result 'oom-kill'.", "server-out-of-memory"),
        ("OSError: [Errno 24] Too many open files", "server-file-limit"),
        ('"POST /api/session/start HTTP/1.1" 404 22 "-" "Dart/3.1"', "app-legacy-endpoints"),
        ("curl: (6) Could not resolve host: x", "dns-no-record"),
        ("curl: (7) Failed to connect to x port 8083", "api-not-running"),
        ("curl: (28) Connection timed out after 5001 milliseconds", "firewall-before-server"),
        ("curl: (60) SSL certificate problem: self-signed certificate", "cert-untrusted"),
    ],
)
def test_what_people_paste_points_first_to(pasted: str, cause: str) -> None:
    first = search(pasted, RUNBOOK)[0]
    assert isinstance(first, Symptom)
    assert first.causes[0] == cause


# Texts


@pytest.mark.parametrize("text", TEXTS)
def test_both_languages_say_something_with_the_same_placeholders(text: Text) -> None:
    assert text.en.strip()
    assert text.fr.strip()
    assert placeholders(text.en) == placeholders(text.fr)


@pytest.mark.parametrize("text", TEXTS)
def test_french_punctuation_takes_its_space(text: Text) -> None:
    own_words = re.sub(r"« .*? »", "«»", text.fr)
    assert re.findall(r"\S*[^\s«»][:;!?](?=\s|$)", own_words) == []
    assert "“" not in text.fr
    assert "«" not in text.en


# Commands


@pytest.mark.parametrize(("where", "run"), _commands())
def test_a_commands_placeholders_are_known(where: str, run: str) -> None:
    cause = RUNBOOK.causes.get(where.partition(".")[0])
    assert placeholders(run) <= PLACES | (_always_there(cause) if cause else frozenset())


@pytest.mark.parametrize("value", ["api.example", "a'b\"c $(d) `e"], ids=["plain", "hostile"])
@pytest.mark.parametrize("run", COMMANDS)
def test_a_filled_command_is_valid_shell(run: str, value: str) -> None:
    """A placeholder inside quotes of the command's own would break out of them here."""
    filled = command(run, dict.fromkeys(PLACES, value))
    parsed = subprocess.run(
        ["bash", "-n"], input=filled, capture_output=True, encoding="utf-8", check=False, timeout=10
    )
    assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize("run", COMMANDS)
def test_no_command_has_a_secret_among_its_arguments(run: str) -> None:
    assert not re.search(r"(X-API-Key|Bearer):? +(?!%s)", run, re.IGNORECASE)
    for secret in ("ELOQUENCE_API_KEY", "LIVEKIT_TOKEN"):
        for use in re.finditer(rf'"?\$\{{?{secret}', run):
            # printf is a part of the shell: its arguments are not in the list of processes.
            assert re.search(r"printf [^|;]*$", run[: use.start()])


def test_the_runbook_names_every_status_of_a_finding() -> None:
    catalogue: Catalogue = RUNBOOK
    for finding_id in PROBLEMS:
        assert catalogue.status(finding_id).is_problem


@pytest.mark.parametrize("cause", CAUSES)
def test_verifying_uses_a_command_that_exists(cause: Cause) -> None:
    words = cause.verify.split()
    known = {
        entry.name or (entry.callback.__name__ if entry.callback else "")
        for entry in app.registered_commands
    }
    assert words[0] == "eloquence"
    assert words[1] in known
