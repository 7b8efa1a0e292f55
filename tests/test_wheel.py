"""What is released: a wheel that works from any folder, with its runbook inside."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*words: str | Path, cwd: Path = ROOT, timeout: float = 300) -> str:
    """Runs a command to its successful end, and returns its standard output."""
    # The user's settings and this test's own environment must not help the installed command along.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ELOQUENCE_", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment | {"PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, (
        f"{words[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done.stdout


def uv_works() -> bool:
    """Being on PATH is not enough: pyenv puts a shim there that may lead nowhere."""
    try:
        return subprocess.run(["uv", "--version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def data_files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive: so the archive is complete too."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT)
    (built,) = dist.glob("*.whl")
    return built


def environment_with(wheel: Path, venv: Path, lock: str, extra: str = "") -> Path:
    """Where the commands are of an environment with the wheel and its locked dependencies."""
    scripts = venv / ("Scripts" if os.name == "nt" else "bin")
    if uv_works():
        run("uv", "venv", "--python", sys.executable, venv)
        install = ["uv", "pip", "install", "--python", str(scripts / "python")]
    else:
        run(sys.executable, "-m", "venv", venv)
        install = [str(scripts / "python"), "-m", "pip", "install"]
    run(*install, "--require-hashes", "-r", ROOT / "requirements" / lock)
    # Without an index: the locked packages must be all that the wheel and its extra ask for.
    run(*install, "--no-index", f"eloquence-ops{extra} @ {wheel.as_uri()}")
    return scripts


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the lab."""
    venv = tmp_path_factory.mktemp("elsewhere") / "venv"
    return environment_with(wheel, venv, "lab.txt", "[lab]")


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without any extra: nothing may lean on what only the lab brings along."""
    return environment_with(wheel, tmp_path_factory.mktemp("bare") / "venv", "runtime.txt")


@pytest.mark.parametrize("name", ["checks", "templates"])
def test_the_wheel_carries_every_file_of(name: str, wheel: Path) -> None:
    source = data_files(ROOT / name)
    prefix = "eloquence_ops/_data/"
    packed = {
        path.removeprefix(prefix)
        for path in zipfile.ZipFile(wheel).namelist()
        if path.startswith(f"{prefix}{name}/")
    }
    assert packed == source
    assert packed or name != "checks", "without the runbook there is nothing to say"


def test_the_wheel_carries_types_and_licence_and_nothing_beside_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "eloquence_ops/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    # Another top-level name of ours would land among everyone's packages.
    assert {name.split("/")[0].split("-")[0] for name in names} == {"eloquence_ops"}


def test_an_installed_eloquence_explains_from_any_folder(installed: Path, tmp_path: Path) -> None:
    output = run(installed / "eloquence", "explain", "api-legacy-deployed", cwd=tmp_path)
    assert "api-legacy-deployed" in output


def test_an_installed_eloquence_runs_its_demo_from_any_folder(
    installed: Path, tmp_path: Path
) -> None:
    run(installed / "eloquence", "demo", cwd=tmp_path)


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("explain", "502")])
def test_without_extras_the_runbook_is_there(
    words: tuple[str, ...], bare: Path, tmp_path: Path
) -> None:
    assert run(bare / "eloquence", *words, cwd=tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("doctor", "http://127.0.0.1:1", "--output", "short"), 1, "BROKEN"),
        (("doctor", "--no-such-option"), 2, "--no-such-option"),
        (("demo",), 3, "lab"),
    ],
)
def test_without_extras_it_examines_and_says_what_is_missing(
    words: tuple[str, ...], code: int, said: str, bare: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [bare / "eloquence", *words],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
