"""Options of a deploy, each to its end on a real host: whose unit, whose data, whose packages."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.deploying import (
    QUICK,
    deploy,
    deployed,
    document,
    eloquence,
    serves,
    settings,
    stray,
    version_of,
)
from tests.host.hosts import BootHost
from tests.host.layout import API_UNIT, REMOTE_DIR, WHEELS
from tests.host.machine import Host
from tests.host.sources import (
    Change,
    crashes_at_import,
    one_package_more,
    signed_sessions,
    source,
    version,
)
from tests.real import require

pytestmark = pytest.mark.real

_UNIT = f"/etc/systemd/system/{API_UNIT}"
_WRITES = """
import pathlib as _pathlib

_pathlib.Path("data/log").mkdir(parents=True, exist_ok=True)
with _pathlib.Path("data/log/started").open("a") as _file:
    _file.write(app.title + "\\n")
"""


@pytest.fixture(scope="module")
def serving(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The guide's installation, whose application has written something."""
    good = source(tmp_path_factory.mktemp("source") / "good", signed_sessions, version("good"))
    with boot_host() as host:
        host.shell(f"runuser -u ubuntu -- mkdir {REMOTE_DIR}/data")
        host.shell(f"runuser -u ubuntu -- sh -c 'echo old >{REMOTE_DIR}/data/written'")
        environ = settings(tmp_path_factory.mktemp("settings"), shared_paths=["data"])
        deployed(host, good, *QUICK, **environ)
        yield host


def _writes(folder: Path) -> None:
    path = folder / "api.py"
    path.write_text(path.read_text(encoding="utf-8") + _WRITES, encoding="utf-8")


def _named(name: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / "api.py"
        text = path.read_text(encoding="utf-8").replace('"Eloquence API"', f'"{name}"')
        path.write_text(text, encoding="utf-8")

    return change


def test_what_the_application_writes_outlives_its_releases(serving: Host, tmp_path: Path) -> None:
    environ = settings(tmp_path, shared_paths=["data"])
    log = f"{REMOTE_DIR}/current/data/log/started"
    assert serving.read(f"{REMOTE_DIR}/current/data/written") == "old\n"
    one = source(tmp_path / "one", signed_sessions, version("one"), _named("one"), _writes)
    deployed(serving, one, *QUICK, **environ)
    assert deployed(serving, one, *QUICK, **environ)["plan"]["nothing"] is True
    assert set(serving.read(log).split()) == {"one"}
    two = source(tmp_path / "two", signed_sessions, version("two"), _named("two"), _writes)
    deployed(serving, two, *QUICK, **environ)
    assert set(serving.read(log).split()) == {"one", "two"}
    back = eloquence(serving, "rollback", *QUICK, **environ)
    assert back.returncode == 0, back.stdout + back.stderr
    assert (version_of(serving), serving.read(log).split()[-1]) == ("one", "one")
    assert serving.read(f"{REMOTE_DIR}/current/data/written") == "old\n"
    assert stray(serving) == []

    (two / "data").mkdir()
    (two / "data/.gitkeep").touch()
    refused = deploy(serving, two, *QUICK, **environ)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "data/.gitkeep" in refused.stdout


def test_the_sources_own_unit_serves_the_release(serving: Host, tmp_path: Path) -> None:
    ours = serving.read(_UNIT)
    own = source(tmp_path / "own", signed_sessions, version("own"))
    text = (own / API_UNIT).read_text(encoding="utf-8") + "\n# the team's own\n"
    (own / API_UNIT).write_text(text, encoding="utf-8")
    crashing = source(tmp_path / "crashing", crashes_at_import)
    failed = deploy(serving, crashing, *QUICK, "--unit-from-source")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert (serving.read(_UNIT), stray(serving)) == (ours, [])

    deployed(serving, own, *QUICK, "--unit-from-source")
    assert (version_of(serving), serves(serving), stray(serving)) == ("own", True, [])
    installed = serving.read(_UNIT)
    assert installed.endswith("# the team's own\n")
    assert f"ExecStart={REMOTE_DIR}/current/.eloquence/environment/bin/uvicorn" in installed
    assert f"WorkingDirectory={REMOTE_DIR}/current\n" in installed
    assert deployed(serving, own, *QUICK, "--unit-from-source")["plan"]["nothing"] is True

    later = source(tmp_path / "later", signed_sessions, version("later"))
    deployed(serving, later, *QUICK)
    assert (version_of(serving), "serve.py" in serving.read(_UNIT)) == ("later", True)
    back = eloquence(serving, "rollback", *QUICK)
    assert back.returncode == 0, back.stdout + back.stderr
    assert (version_of(serving), serving.read(_UNIT)) == ("own", installed)
    deployed(serving, later, *QUICK)


def test_a_server_that_makes_no_environments_is_told_before_anything_changes(
    serving: Host, tmp_path: Path
) -> None:
    more = source(tmp_path / "more", signed_sessions, version("more"), one_package_more)
    before = version_of(serving)
    module = serving.shell(
        "python3 -c 'import ensurepip as e; print(e.__path__[0])'"
    ).stdout.strip()
    serving.shell(f"mv {module} {module}.away")
    try:
        refused = deploy(serving, more, *QUICK)
        # Where none is to be made nothing is missing.
        same = source(tmp_path / "same", signed_sessions, version("same"))
        deployed(serving, same, *QUICK)
    finally:
        serving.shell(f"mv {module}.away {module}")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "python3-venv" in refused.stdout
    assert (before, version_of(serving), stray(serving)) == (before, "same", [])


@pytest.mark.soak
def test_an_application_without_the_uvicorn_that_serves_it_is_told_so(
    serving: Host, tmp_path: Path
) -> None:
    bare, before = source(tmp_path / "bare", signed_sessions), version_of(serving)
    (bare / "requirements.txt").write_text("fastapi\n", encoding="ascii")
    done = deploy(serving, bare, *QUICK)
    assert done.returncode == 1, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "served by uvicorn 0.22 or newer, and its environment has no uvicorn" in said
    assert (version_of(serving), stray(serving)) == (before, [])


@pytest.mark.soak
def test_uv_makes_the_environment_where_there_is_one(serving: Host, tmp_path: Path) -> None:
    root = Path(f"/proc/{serving.boot.leader}/root")
    shutil.copy(require("uv"), root / "usr/local/bin/uv")
    serving.write("/etc/uv/uv.toml", f'no-index = true\nfind-links = ["{WHEELS}"]\n')
    try:
        more = source(tmp_path / "more", signed_sessions, version("uv"), one_package_more)
        told = deployed(serving, more, *QUICK)
        assert told["plan"]["packages"]["reason"] == "changed"
        assert (version_of(serving), serves(serving), stray(serving)) == ("uv", True, [])
        home = f"{REMOTE_DIR}/current/.eloquence/environment"
        listed = serving.shell(f"uv pip list --python {home} && {home}/bin/python -m pip list")
        assert "tomli" in listed.stdout
        assert deployed(serving, more, *QUICK)["plan"]["nothing"] is True
        worse = source(tmp_path / "worse", one_package_more)
        (worse / "requirements.txt").write_text("eloquence-unheard-of==9.9\n", encoding="ascii")
        failed = deploy(serving, worse, *QUICK)
        assert failed.returncode == 1, failed.stdout + failed.stderr
        assert "eloquence-unheard-of" in failed.stdout
        assert (version_of(serving), stray(serving)) == ("uv", [])
        environments = serving.shell(f"ls {REMOTE_DIR}/environments").stdout
    finally:
        serving.shell("rm -r /usr/local/bin/uv /etc/uv")
    # pip resolves to the same packages: it is the same environment.
    again = source(tmp_path / "again", signed_sessions, version("pip"), one_package_more)
    told = deployed(serving, again, *QUICK, "--refresh-packages")
    assert told["plan"]["packages"]["reason"] == "refresh"
    assert (version_of(serving), stray(serving)) == ("pip", [])
    assert serving.shell(f"ls {REMOTE_DIR}/environments").stdout == environments


@pytest.mark.soak
@pytest.mark.parametrize("user", ["root", "ubuntu"])
def test_on_the_server_itself(serving: Host, tmp_path: Path, user: str) -> None:
    """As root, and as somebody who may use sudo: no SSH, and the packages of a person's own."""
    root = Path(f"/proc/{serving.boot.leader}/root")
    _install_ourselves(root)
    made = source(root / f"srv/source-{user}", signed_sessions, version(f"by {user}"))
    words = (
        "cd / && PYTHONPATH=/opt/eloquence PYTHONDONTWRITEBYTECODE=1 python3 -m eloquence_ops "
        f"deploy /srv/{made.name} --on-server {' '.join(QUICK)} --output json"
    )
    done = serving.shell(words, user=user, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document(done)["outcome"] == "deployed"
    assert (version_of(serving), serves(serving), stray(serving)) == (f"by {user}", True, [])
    owners = serving.shell(f"find {REMOTE_DIR}/current/ -printf '%u\\n' | sort -u").stdout
    assert owners == "ubuntu\n"


def _install_ourselves(root: Path) -> None:
    place = root / "opt/eloquence"
    if place.exists():
        return
    place.mkdir()
    here = Path(__file__).parents[2]
    libraries = Path(pytest.__file__).parents[1]
    large = "mypy mypyc numpy* ruff* hypothesis pip av* livekit/rtc aiortc PIL uvloop* __pycache__"
    pack = ["tar", "--create", *(f"--exclude={name}" for name in large.split())]
    for folder, what in ((libraries, "."), (here, "eloquence_ops templates checks")):
        words = [*pack, *what.split()]
        packed = subprocess.run(words, cwd=folder, check=True, capture_output=True).stdout
        subprocess.run(["tar", "--extract"], cwd=place, check=True, input=packed)
