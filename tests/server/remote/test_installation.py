"""The API's folder: what is there, who can read it, which Python runs it with what."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from eloquence_ops.server.remote import changes, environment_file, installation, interpreter
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.installation import Service
from eloquence_ops.server.remote.units import Unit

SECRET = "never-to-be-seen-0123456789abcdef"
ENVIRONMENT = f"""\
# keys
LIVEKIT_URL=ws://localhost:7880
LIVEKIT_API_KEY=APIone
LIVEKIT_API_SECRET="{SECRET}"
API_KEY=
"""


def unit(folder: Path, command: str, **properties: str) -> Unit:
    start = f"{{ path=x ; argv[]={command} ; ignore_errors=no ; }}"
    return Unit({"ExecStart": start, "WorkingDirectory": str(folder), "User": "root"} | properties)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "backend"
    (folder / "adapters").mkdir(parents=True)
    (folder / "adapters" / "agent.py").touch()
    (folder / "api.py").touch()
    (folder / ".env.local").write_text(ENVIRONMENT)
    (folder / "requirements.txt").write_text("fastapi>=0.100\nuvicorn==1.0\nlivekit-api\n")
    venv.create(folder / ".venv", with_pip=False)
    packages = next((folder / ".venv" / "lib").glob("python3*/site-packages"))
    (packages / "FastAPI-0.115.0.dist-info").mkdir()
    (packages / "uvicorn-0.54.0.dist-info").mkdir()
    return folder


@pytest.fixture
def livekit(tmp_path: Path) -> Unit:
    configuration = tmp_path / "livekit.yaml"
    configuration.write_text(f"keys:\n  APIone: {SECRET}\n")
    return unit(tmp_path, f"livekit-server --config {configuration}")


def test_a_whole_installation(folder: Path, livekit: Unit) -> None:
    gaps = Gaps()
    api = unit(folder, f"{folder}/.venv/bin/python -m uvicorn api:app")
    found = installation.facts(str(folder), api, livekit, gaps)
    assert gaps.entries == []
    assert found["adapters"] == ["agent.py"]
    assert found["livekit_keys"] == {"name_known": True, "secret_same": True}
    assert found["interpreter"] == {
        "path": f"{folder}/.venv/bin/python",
        "venv": f"{folder}/.venv",
        "exists": True,
    }
    packages = found["packages"]
    assert isinstance(packages, dict)
    assert [(entry["name"], entry["state"]) for entry in packages["requirements"]] == [
        ("fastapi", "ok"),
        ("uvicorn", "wrong-version"),
        ("livekit-api", "missing"),
    ]
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("keys", "agreement"),
    [
        ("  APIone: another-one", {"name_known": True, "secret_same": False}),
        ("  APIother: x", {"name_known": False, "secret_same": None}),
    ],
)
def test_whether_the_two_key_pairs_agree(
    keys: str, agreement: dict[str, object], folder: Path, livekit: Unit, tmp_path: Path
) -> None:
    (tmp_path / "livekit.yaml").write_text(f"keys:\n{keys}\n")
    assert installation.facts(str(folder), None, livekit, Gaps())["livekit_keys"] == agreement


@pytest.mark.parametrize(
    ("properties", "name", "is_known"),
    [
        ({"User": ""}, "root", True),
        ({"User": "daemon"}, "daemon", True),
        ({"User": "", "DynamicUser": "no"}, "root", True),
        ({"User": "", "DynamicUser": "yes"}, "eloquence-api", False),  # until it runs
        ({"User": "daemon", "DynamicUser": "yes"}, "daemon", True),
    ],
)
def test_whom_a_unit_runs_as(properties: dict[str, str], name: str, is_known: bool) -> None:
    service = Service(Unit({"Id": "eloquence-api.service", **properties}))
    assert (service.name, service.is_known) == (name, is_known)


STALE = "LIVEKIT_API_KEY=APIold\nLIVEKIT_API_SECRET=forgotten\n"


@pytest.mark.parametrize(
    ("named", "agreement"),
    [
        (["used.env"], {"name_known": True, "secret_same": True}),
        (["other.env", "used.env"], {"name_known": True, "secret_same": True}),
        (["used.env", "old.env"], {"name_known": False, "secret_same": None}),
        (["-gone.env", "used.env"], {"name_known": True, "secret_same": True}),
        (["other.env"], None),  # nobody says that the API reads the old file
        (["gone.env"], None),
    ],
)
def test_the_keys_are_those_of_the_files_that_the_unit_names(
    named: list[str], agreement: dict[str, object] | None, folder: Path, livekit: Unit
) -> None:
    (folder / ".env.local").write_text(STALE)
    (folder / "old.env").write_text(STALE)
    (folder / "used.env").write_text(ENVIRONMENT)
    (folder / "other.env").write_text("LOG_LEVEL=info\n")
    files = "\n".join(
        f"{folder}/{name.lstrip('-')} (ignore_errors={'yes' if name[0] == '-' else 'no'})"
        for name in named
    )
    api = unit(folder, f"{folder}/.venv/bin/uvicorn api:app", EnvironmentFiles=files)
    assert installation.facts(str(folder), api, livekit, Gaps()).get("livekit_keys") == agreement


def test_what_pip_installed_of_late(folder: Path) -> None:
    api = unit(folder, f"{folder}/.venv/bin/python -m uvicorn api:app")
    (packages,) = installation.import_folders(api)
    at = int(Path(packages).stat().st_mtime)
    os.utime(f"{packages}/FastAPI-0.115.0.dist-info", (at - 90000, at - 90000))
    os.utime(f"{packages}/uvicorn-0.54.0.dist-info", (at, at))
    assert changes.python_packages([packages], at) == [
        {"at": at, "name": "uvicorn", "version": "0.54.0"}
    ]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    gaps = Gaps()
    found = installation.facts(str(tmp_path / "gone"), None, None, gaps)
    assert isinstance(found["files"], list)
    assert {entry["exists"] for entry in found["files"]} == {False}
    assert "environment" not in found


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("{venv}/bin/python -m uvicorn api:app", "{venv}/bin/python"),
        ("{venv}/bin/uvicorn api:app", "{venv}/bin/python3"),
        (".venv/bin/python api.py", "{venv}/bin/python"),
        ("/usr/bin/env python3 api.py", "/usr/bin/python3"),
        ("/usr/bin/env -S A=1 {venv}/bin/python api.py", "{venv}/bin/python"),
        ("-{venv}/bin/python api.py", "{venv}/bin/python"),
        ("{venv}/bin/gone api:app", "{venv}/bin/python"),
        ("/bin/true", None),
        ("", None),
    ],
)
def test_the_interpreter_behind_a_command(command: str, expected: str | None, folder: Path) -> None:
    home = folder / ".venv"
    (home / "bin" / "uvicorn").write_text(f"#!{home}/bin/python3\nimport sys\n")
    words = command.format(venv=home).split()
    found = interpreter.of_command(words, str(folder))
    if expected is not None and expected.startswith("/usr") and found is not None:
        assert Path(found.path).name == "python3"
    else:
        assert (found.path if found else None) == (expected and expected.format(venv=home))


def test_the_systems_python_imports_from_its_own_folders() -> None:
    real = interpreter.Interpreter(os.path.realpath(sys.executable), None, True)
    assert all(Path(folder).is_dir() for folder in interpreter.site_packages(real))


@pytest.mark.parametrize(
    ("mode", "above", "readable"),
    [
        (0o600, 0o755, False),
        (0o644, 0o755, True),
        (0o644, 0o700, False),
        (0o604, 0o711, True),
        (0o640, 0o755, False),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="makes a file of another user than the service's")
def test_whether_the_services_user_can_read_a_file(
    mode: int, above: int, readable: bool, tmp_path: Path
) -> None:
    for parent in (tmp_path, *tmp_path.parents[:-1]):
        if parent != Path("/tmp"):  # noqa: S108  # everyone passes there
            parent.chmod(parent.stat().st_mode | 0o011)
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "file"
    file.touch()
    file.chmod(mode)
    folder.chmod(above)
    service = Service(Unit({"User": "nobody"}))
    assert service.can_read(str(file)) is readable


def test_a_user_that_does_not_exist_can_tell_nothing() -> None:
    service = Service(Unit({"User": "no-such-user"}))
    assert not service.is_known
    assert service.can_read("/etc/passwd") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1", ("A", "1", "")),
        ("export A=1", ("A", "1", "export")),
        ("A = 1", ("A", "1", "space-before-equals")),
        ('A="1 # 2"', ("A", "1 # 2", "")),
        ("A='x", ("A", "x", "")),
        ("A=1 # why", ("A", "1", "")),
        ("A=1#2", ("A", "1#2", "")),
        ("A=1\r", ("A", "1", "")),
        ("# A=1", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_line_of_the_environment(line: str, expected: tuple[str, str, str] | None) -> None:
    found = [
        (entry.name, entry.value, entry.ignored_by_systemd)
        for entry in environment_file.parse(line)
    ]
    assert found == ([expected] if expected else [])


def test_names_are_told_and_values_are_not() -> None:
    found = environment_file.facts(ENVIRONMENT)
    assert SECRET not in repr(found)
    assert isinstance(found["variables"], list)
    assert [(entry["name"], entry["empty"]) for entry in found["variables"]] == [
        ("LIVEKIT_URL", False),
        ("LIVEKIT_API_KEY", False),
        ("LIVEKIT_API_SECRET", False),
        ("API_KEY", True),
    ]
