"""What is missing on disk, and what only cannot be seen."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks.server_installation import (
    api_files,
    api_packages,
    api_settings,
    livekit_keys,
)
from eloquence_ops.observations import ServerInstallation
from eloquence_ops.observations.server_installation import (
    Environment,
    EnvironmentVariable,
    InstalledFile,
    Interpreter,
    KeyAgreement,
    Packages,
    RequiredPackage,
)
from eloquence_ops.observations.server_units import EnvironmentFile
from tests.checks.facts import LIVEKIT_UNIT, judged, outcome, seen, unit

FOLDER = "/home/ubuntu/eloquence_backend_py"
ENV = f"{FOLDER}/.env.local"
DEMANDS = (EnvironmentFile(path=ENV, optional=False),)


def installed(
    *, missing: str = "", hidden: str = "", closed: str = "", **different: Any
) -> ServerInstallation:
    """Whole, but for one file by its name; `.` is the folder itself."""

    def file(name: str) -> InstalledFile:
        path = f"{FOLDER}/{name}".rstrip("/")
        known = name or "."
        exists = None if known == hidden else missing not in (known, ".")
        readable = known != closed if exists else None
        return InstalledFile(path=path, exists=exists, readable_by_service=readable)

    fields: dict[str, Any] = {
        "folder": FOLDER,
        "service_user": "ubuntu",
        "files": tuple(map(file, ("", "api.py", "adapters", "requirements.txt", ".env.local"))),
    }
    return ServerInstallation(at_s=0.0, **(fields | different))


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, "ok"),
        ({"missing": "api.py"}, "missing"),
        ({"missing": "adapters"}, "missing"),
        ({"missing": "requirements.txt"}, "ok"),
        ({"missing": ".env.local"}, "ok"),
        ({"closed": "adapters"}, "unreadable"),
        ({"hidden": "api.py"}, "hidden"),
    ],
)
def test_the_applications_files(which: dict[str, str], expected: str) -> None:
    assert outcome(api_files, seen(unit(), installed(**which))) == expected


def test_of_a_folder_that_is_not_there_only_the_folder_is_told() -> None:
    found = judged(api_files, seen(unit(), installed(missing=".")))
    assert found is not None
    assert found.evidence["paths"] == (FOLDER,)


def test_an_api_that_runs_in_another_folder_lacks_nothing_here() -> None:
    elsewhere = unit(working_directory="/opt/api")
    assert outcome(api_files, seen(elsewhere, installed(missing="."))) == "elsewhere"


def packages(*states: str, other_lines: tuple[int, ...] = ()) -> Packages:
    wanted = tuple(
        RequiredPackage(name=f"p{place}", wanted="==2", installed="1", state=state)  # type: ignore[arg-type]
        for place, state in enumerate(states)
    )
    return Packages(folders=("/v",), installed=9, other_lines=other_lines, requirements=wanted)


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ({"packages": packages("ok", "ok")}, "ok"),
        ({"packages": packages("ok", "missing")}, "missing"),
        ({"packages": packages("wrong-version", "missing")}, "missing"),
        ({"packages": packages("ok", "unknown", "wrong-version")}, "wrong-version"),
        ({"packages": packages("ok", "unknown")}, "not-compared"),
        ({"packages": packages("ok", other_lines=(2,))}, "not-compared"),
        ({"packages": packages("wrong-version", other_lines=(2,))}, "wrong-version"),
        (
            {"interpreter": Interpreter(path="/v/bin/python", venv="/v", exists=False)},
            "no-interpreter",
        ),
        ({}, "not-told"),
    ],
)
def test_the_apis_packages(different: dict[str, Any], expected: str) -> None:
    assert outcome(api_packages, seen(unit(), installed(**different))) == expected


def test_what_is_wrong_or_was_not_compared_is_named() -> None:
    wrong = judged(api_packages, seen(unit(), installed(packages=packages("ok", "wrong-version"))))
    assert wrong is not None
    assert wrong.evidence == {"packages": ("p1 1 (==2)",)}
    partly = packages("ok", "unknown", other_lines=(3,))
    left_out = judged(api_packages, seen(unit(), installed(packages=partly)))
    assert left_out is not None
    assert left_out.evidence == {"what": ("p1", "requirements.txt:3")}


def variable(ignored: str = "") -> Environment:
    only = EnvironmentVariable(name="API_KEY", empty=False, line=1, ignored_by_systemd=ignored)  # type: ignore[arg-type]
    return Environment(variables=(only,))


@pytest.mark.parametrize(
    ("files", "which", "expected"),
    [
        (DEMANDS, {}, "ok"),
        (DEMANDS, {"environment": variable()}, "ok"),
        (DEMANDS, {"environment": variable("export")}, "ignored"),
        (DEMANDS, {"missing": ".env.local"}, "missing"),
        (DEMANDS, {"hidden": ".env.local"}, "hidden"),
        # systemd reads it as root.
        (DEMANDS, {"closed": ".env.local"}, "ok"),
        ((EnvironmentFile(path=ENV, optional=True),), {"missing": ".env.local"}, "not-used"),
        ((), {"missing": ".env.local"}, "not-used"),
        ((), {"environment": variable("export")}, "not-used"),
        ((), {"closed": ".env.local"}, "unreadable"),
    ],
)
def test_the_units_settings(
    files: tuple[EnvironmentFile, ...], which: dict[str, Any], expected: str
) -> None:
    run = seen(unit(environment_files=files), installed(**which))
    assert outcome(api_settings, run) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (KeyAgreement(name_known=True, secret_same=True), "ok"),
        (KeyAgreement(name_known=True, secret_same=False), "secret-differs"),
        (KeyAgreement(name_known=False, secret_same=None), "key-unknown"),
        (None, "not-told"),
    ],
)
def test_whether_both_have_the_same_keys(keys: KeyAgreement | None, expected: str) -> None:
    there = installed(livekit_keys=keys)
    assert outcome(livekit_keys, seen(unit(LIVEKIT_UNIT), there)) == expected
    gone = unit(LIVEKIT_UNIT, load_state="not-found")
    assert outcome(livekit_keys, seen(gone, there)) == "not-told"


def test_what_was_not_read_is_not_judged() -> None:
    for judge in (api_files, api_packages, api_settings, livekit_keys):
        assert outcome(judge, seen(unit(), unit(LIVEKIT_UNIT))) is None
