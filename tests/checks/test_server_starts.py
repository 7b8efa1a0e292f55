"""Which kind of reason a line of the journal is."""

from __future__ import annotations

import pytest

from eloquence_ops.checks.server_starts import api_start, livekit_start
from eloquence_ops.observations import LiveKitConfig
from tests.checks.facts import (
    LIVEKIT_UNIT,
    journal,
    judged,
    listening,
    outcome,
    seen,
    unit,
)

NOBODY = listening()
LOOPS = {"active_state": "activating", "sub_state": "auto-restart"}


@pytest.mark.parametrize(
    ("found", "line", "expected"),
    [
        ("module-missing", "ModuleNotFoundError: No module named 'fastapi'", "package-missing"),
        ("module-missing", "ModuleNotFoundError: No module named 'livekit.api'", "package-missing"),
        ("module-missing", "ModuleNotFoundError: No module named 'adapters'", "file-missing"),
        ("module-missing", "ModuleNotFoundError: No module named 'adapters.x'", "file-missing"),
        ("module-missing", "ModuleNotFoundError: No module named 'api'", "file-missing"),
        (
            "module-missing",
            "ImportError: cannot import name 'A' from 'fastapi' (/srv/x.py)",
            "package-missing",
        ),
        (
            "module-missing",
            "ImportError: cannot import name 'A' from partially initialized module 'adapters.x'",
            "file-missing",
        ),
        ("module-missing", "ImportError: libfoo.so.1: cannot open shared object file", "raised"),
        (
            "app-not-found",
            'ERROR:    Error loading ASGI app. Could not import module "api".',
            "file-missing",
        ),
        (
            "app-not-found",
            'ERROR:    Error loading ASGI app. Attribute "app" not found in module "api".',
            "raised",
        ),
        (
            "program-missing",
            "Failed to locate executable /srv/.venv/bin/uvicorn",
            "package-missing",
        ),
        ("working-directory-missing", "Changing to the requested working …", "file-missing"),
        ("environment-file-missing", "Failed to load environment files", "setting-missing"),
        ("settings-invalid", "2 validation errors for Settings", "setting-missing"),
        ("python-error", "KeyError: 'LIVEKIT_URL'", "setting-missing"),
        ("python-error", "KeyError: 'name'", "raised"),
        ("python-error", "SyntaxError: invalid syntax", "raised"),
        ("address-in-use", "ERROR: [Errno 98] error while attempting to bind", "port-taken"),
        (
            "permission-denied",
            "PermissionError: [Errno 13] Permission denied: "
            "'/home/ubuntu/eloquence_backend_py/adapters/x.py'",
            "file-missing",
        ),
        (
            "permission-denied",
            "PermissionError: [Errno 13] Permission denied: "
            "'/home/ubuntu/eloquence_backend_py/.env.local'",
            "setting-missing",
        ),
        ("permission-denied", "PermissionError: [Errno 13] … '/var/log/api.log'", "raised"),
        ("oom-killed", "Failed with result 'oom-kill'.", "killed"),
        ("killed", "Main process exited, code=killed, status=9/KILL", "killed"),
        ("disk-full", "OSError: [Errno 28] No space left on device", "disk-full"),
        ("exited", "Main process exited, code=exited, status=1/FAILURE", "raised"),
        ("start-limit", "Start request repeated too quickly.", "silent"),
    ],
)
def test_what_ends_the_api(found: str, line: str, expected: str) -> None:
    assert outcome(api_start, seen(unit(**LOOPS), journal((found, line)), NOBODY)) == expected


def test_an_exception_is_told_with_its_place_and_a_long_line_is_cut() -> None:
    raised = journal(("python-error", "SyntaxError: invalid syntax"), place="/srv/api.py:85")
    found = judged(api_start, seen(unit(**LOOPS), raised, NOBODY))
    assert found is not None
    assert found.evidence["line"] == "SyntaxError: invalid syntax (api.py:85)"
    long = judged(
        api_start, seen(unit(**LOOPS), journal(("python-error", "E: " + "x" * 900)), NOBODY)
    )
    assert long is not None
    assert len(str(long.evidence["line"])) == 160


def test_a_journal_that_is_closed_to_us_is_not_a_silent_one() -> None:
    closed = journal().model_copy(update={"lines_read": 0})
    assert outcome(api_start, seen(unit(**LOOPS), closed, NOBODY)) == "hidden"
    assert outcome(api_start, seen(unit(**LOOPS), NOBODY)) == "hidden"
    assert outcome(api_start, seen(unit(**LOOPS), journal(), NOBODY)) == "silent"


def test_what_an_api_said_that_runs_is_no_reason_for_anything() -> None:
    before = journal(("python-error", "SyntaxError: invalid syntax"))
    assert outcome(api_start, seen(unit(), before, listening("0.0.0.0"))) == "ok"


@pytest.mark.parametrize(
    ("found", "line", "expected"),
    [
        ("config-unknown-field", "line 3: field prot not found in type X", "config-wrong"),
        ("config-invalid", "could not parse config: yaml: line 2: …", "config-wrong"),
        ("config-missing", "open /etc/livekit.yaml: no such file or directory", "config-wrong"),
        ("keys-missing", "one of key-file or keys must be provided", "config-wrong"),
        ("address-in-use", "listen tcp :7880: bind: address already in use", "raised"),
        ("redis-unreachable", "unable to connect to redis", "raised"),
        ("program-missing", "Main process exited, code=exited, status=203/EXEC", "raised"),
        ("oom-killed", "Failed with result 'oom-kill'.", "killed"),
    ],
)
def test_what_ends_livekit(found: str, line: str, expected: str) -> None:
    said = journal((found, line), name=LIVEKIT_UNIT)
    assert outcome(livekit_start, seen(unit(LIVEKIT_UNIT, **LOOPS), said, NOBODY)) == expected


def test_the_configuration_that_livekit_refuses_is_named() -> None:
    config = LiveKitConfig(at_s=0.0, path="/opt/livekit.yaml", exists=True)
    refusal = ("config-unknown-field", "line 3: field prot not found in type config.Config")
    stopped = unit(LIVEKIT_UNIT, active_state="inactive", sub_state="dead")
    run = seen(stopped, journal(refusal, name=LIVEKIT_UNIT), config, NOBODY)
    found = judged(livekit_start, run)
    assert found is not None
    assert found.evidence == {"path": "/opt/livekit.yaml", "line": refusal[1]}
