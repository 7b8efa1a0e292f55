"""Where the API listens, changed by a deploy: another port or socket, none, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops import datafiles
from tests.host.deploying import (
    QUICK,
    deploy,
    deployed,
    document,
    eloquence,
    serves,
    settings,
    stray,
)
from tests.host.hosts import BootHost
from tests.host.layout import API_UNIT
from tests.host.machine import Host
from tests.host.sources import crashes_at_import, signed_sessions, source, version

pytestmark = pytest.mark.real

_SOCKET_UNIT = API_UNIT.replace(".service", ".socket")
_SOCKET = f"/etc/systemd/system/{_SOCKET_UNIT}"
_AT_9000 = ("--api", "http://127.0.0.1:9000")
_BOUND = ("--bind", "0.0.0.0:8083")


@pytest.fixture(scope="module")
def serving(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    good = source(tmp_path_factory.mktemp("source") / "good", signed_sessions, version("good"))
    with boot_host() as host:
        deployed(host, good, *QUICK)
        yield host


def _made(folder: Path, name: str) -> Path:
    return source(folder / name, signed_sessions, version(name))


def _versions(host: Host) -> dict[int, str]:
    """Which release answers on which port; nothing of a port where nobody listens."""
    found = {}
    for port in (8083, 9000):
        said = host.shell(f"curl -sf --max-time 5 http://127.0.0.1:{port}/", check=False).stdout
        if said:
            found[port] = json.loads(said)["v"]
    return found


def _gap(host: Host, folder: Path, *more: str) -> str:
    planned = document(deploy(host, folder, *QUICK, *more, "--dry-run", "--output", "json"))
    return str(planned["plan"]["gap"])


def _fails_at_8083(folder: Path) -> dict[str, str]:
    """A deploy that fails once it has the port, after saying which release answers there."""
    return settings(folder, after_switch=["curl -fsS http://127.0.0.1:8083/ && exit 7"])


def test_another_port_is_carried_out_and_undone_with_the_old_one(
    serving: Host, tmp_path: Path
) -> None:
    before = _versions(serving)
    assert list(before) == [8083]
    moved = _made(tmp_path, "moved")
    assert _gap(serving, moved, *_AT_9000) == "other-socket"
    done = deploy(serving, moved, *QUICK, *_AT_9000, "--output", "json")
    assert document(done)["serves"] is True, done.stdout + done.stderr
    assert (_versions(serving), stray(serving)) == ({9000: "moved"}, [])
    assert deployed(serving, moved, *QUICK, *_AT_9000)["plan"]["nothing"] is True

    # It fails where the other socket is the one that serves already.
    fails = _made(tmp_path, "fails")
    done = deploy(serving, fails, *QUICK, **_fails_at_8083(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert '"v":"fails"' in done.stdout + done.stderr
    assert (_versions(serving), stray(serving)) == ({9000: "moved"}, [])
    assert ":9000" in serving.read(_SOCKET)

    # Back to a release means back to the port that it had.
    back = eloquence(serving, "rollback", *QUICK, *_AT_9000, "--output", "json")
    assert document(back)["serves"] is True, back.stdout + back.stderr
    assert (_versions(serving), stray(serving)) == (before, [])
    assert serves(serving)


@pytest.mark.soak
def test_another_socket_on_the_same_port_is_made_anew(serving: Host, tmp_path: Path) -> None:
    name = "eloquence-api.socket.j2"
    text = (datafiles.folder("templates") / name).read_text(encoding="utf-8")
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / name).write_text(text.replace("Backlog=2048", "Backlog=77"), encoding="utf-8")
    made = _made(tmp_path, "backlog")
    assert _gap(serving, made, "--templates", str(templates)) == "other-socket"
    deployed(serving, made, *QUICK, "--templates", str(templates))
    listening = "ss --listening --tcp --numeric --no-header 'sport = :8083'"
    assert serving.shell(listening).stdout.split()[2] == "77"
    assert (_versions(serving), serves(serving), stray(serving)) == ({8083: "backlog"}, True, [])

    (templates / name).write_text(text.replace("# Installed", "# Put there"), encoding="utf-8")
    deployed(serving, made, *QUICK)
    assert _gap(serving, made, "--templates", str(templates)) == "none"
    assert serving.shell(listening).stdout.split()[2] == "2048"


def test_a_port_that_somebody_else_has_is_named_and_nothing_is_changed(
    serving: Host, tmp_path: Path
) -> None:
    before = _versions(serving)
    serving.shell("systemd-run --quiet --unit=stranger python3 -m http.server 9000")
    serving.wait_until("curl -sf http://127.0.0.1:9000/")
    try:
        for more in ((), ("--take-over",)):
            done = deploy(serving, _made(tmp_path, f"taken{len(more)}"), *QUICK, *_AT_9000, *more)
            assert done.returncode == 3, done.stdout + done.stderr
            assert "http.server 9000" in done.stdout + done.stderr
    finally:
        serving.shell("systemctl stop stranger")
    assert (_versions(serving), stray(serving)) == (before, [])


def test_a_socket_that_waits_for_its_service_is_no_strangers(serving: Host, tmp_path: Path) -> None:
    """systemd itself is the only one that holds the port then."""
    serving.shell(f"systemctl stop {API_UNIT}; systemctl is-active {_SOCKET_UNIT}")
    deployed(serving, _made(tmp_path, "woken"), *QUICK)
    assert (_versions(serving), stray(serving)) == ({8083: "woken"}, [])


def test_without_a_socket_and_back_again(serving: Host, tmp_path: Path) -> None:
    first, (before,) = _made(tmp_path, "first"), _versions(serving).values()
    unit = serving.read(f"/etc/systemd/system/{API_UNIT}")
    # The way from the socket, taken back when the new one has the port already.
    done = deploy(serving, first, *QUICK, *_BOUND, **_fails_at_8083(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert '"v":"first"' in done.stdout + done.stderr
    assert (_versions(serving), serves(serving), stray(serving)) == ({8083: before}, True, [])
    assert serving.read(f"/etc/systemd/system/{API_UNIT}") == unit

    moved = deployed(serving, first, *QUICK, *_BOUND)
    assert moved["plan"]["gap"] == "restart"
    assert (_SOCKET_UNIT, "removed") in {
        (change["name"], change["kind"]) for change in moved["plan"]["texts"]
    }
    assert (_versions(serving), serves(serving), stray(serving)) == ({8083: "first"}, True, [])
    assert deployed(serving, first, *QUICK, *_BOUND)["plan"]["nothing"] is True
    assert serving.shell(f"test -e {_SOCKET}", check=False).returncode == 1

    again = _made(tmp_path, "again")
    assert _gap(serving, again) == "first-move"
    deployed(serving, again, *QUICK)
    assert (_versions(serving), serves(serving), stray(serving)) == ({8083: "again"}, True, [])
    assert serving.shell(f"systemctl is-active {_SOCKET_UNIT}").stdout == "active\n"
    back = eloquence(serving, "rollback", *QUICK)
    assert back.returncode == 0, back.stdout + back.stderr
    assert (_versions(serving), stray(serving)) == ({8083: "first"}, [])
    assert "--bind" in serving.read(f"/etc/systemd/system/{API_UNIT}")
    assert serving.shell(f"test -e {_SOCKET}", check=False).returncode == 1


@pytest.mark.soak
def test_without_a_socket_what_fails_is_undone(serving: Host, tmp_path: Path) -> None:
    deployed(serving, _made(tmp_path, "one"), *QUICK, *_BOUND)
    deployed(serving, _made(tmp_path, "two"), *QUICK, *_BOUND)
    assert (_versions(serving), serves(serving), stray(serving)) == ({8083: "two"}, True, [])
    broken = source(tmp_path / "broken", signed_sessions, crashes_at_import)
    fails = _made(tmp_path, "fails")
    hook = _fails_at_8083(tmp_path)
    for more in (_BOUND, ()):
        for made, environ in ((broken, {}), (fails, hook)):
            done = deploy(serving, made, *QUICK, *more, **environ)
            assert done.returncode == 1, done.stdout + done.stderr
            assert (_versions(serving), stray(serving)) == ({8083: "two"}, [])
    back = eloquence(serving, "rollback", *QUICK)
    assert back.returncode == 0, back.stdout + back.stderr
    assert (_versions(serving), stray(serving)) == ({8083: "one"}, [])


@pytest.mark.soak
@pytest.mark.parametrize("bind", ["127.0.0.2:8083", "[::1]:8083", "[::]:9000"])
def test_one_address_of_the_machine(serving: Host, tmp_path: Path, bind: str) -> None:
    made = source(tmp_path / "one", signed_sessions, version(bind))
    deployed(serving, made, *QUICK, "--bind", bind)
    host, _, port = bind.rpartition(":")
    url = f"http://{host.replace('[::]', '[::1]')}:{port}/"
    assert serving.shell(f"curl -sf {url}").stdout.count(bind) == 1
    broken = source(tmp_path / "broken", signed_sessions, crashes_at_import)
    done = deploy(serving, broken, *QUICK, "--output", "json")
    assert document(done)["serves"] is True, done.stdout + done.stderr
    assert serving.shell(f"curl -sf {url}").stdout.count(bind) == 1
    assert stray(serving) == []
