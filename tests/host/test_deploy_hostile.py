"""Sources and servers that nobody hopes for: each is deployed as it is, or refused by name."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host.deploying import (
    QUICK,
    current_digests,
    deploy,
    deployed,
    stray,
    version_of,
)
from tests.host.hosts import BootHost
from tests.host.layout import REMOTE_DIR, SUDO_PASSWORD
from tests.host.machine import Host
from tests.host.sources import signed_sessions, source, version

pytestmark = pytest.mark.real

_NAMES = (
    "two words.txt",
    'it\'s "quoted".txt',
    "new\nline.txt",
    "$(touch owned).txt",
    "`touch owned`.txt",
    "-rf",
    "*",
    "back\\slash.txt",
    "  ",
    "%s%n.txt",
    "é — 日本.txt",
    "tab\tescape\x1b[31m.txt",
    os.fsdecode(b"latin-\xe9.txt"),
)
Break = Callable[[Host], None]


@pytest.fixture(scope="module")
def serving(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    good = source(tmp_path_factory.mktemp("source") / "good", signed_sessions, version("good"))
    with boot_host() as host:
        deployed(host, good, *QUICK)
        yield host


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return source(tmp_path / "source", signed_sessions, version("changed"))


def test_names_of_every_kind_arrive_as_they_are(serving: Host, changed: Path) -> None:
    folder = changed / "a folder; $HOME"
    folder.mkdir()
    for number, name in enumerate(_NAMES):
        (changed / name).write_text(f"{number}\n", encoding="ascii")
        (folder / name).write_text(f"{number} in it\n", encoding="ascii")
    (changed / "link to two words").symlink_to("a folder; $HOME/two words.txt")
    done = deploy(serving, changed, *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert version_of(serving) == "changed"
    for number, name in enumerate(_NAMES):
        for path, text in ((name, f"{number}\n"), (f"{folder.name}/{name}", f"{number} in it\n")):
            assert serving.read(f"{REMOTE_DIR}/current/{path}") == text, path
    assert serving.shell("find / -xdev -name owned").stdout == ""
    assert "\x1b[31m" not in done.stdout + done.stderr
    assert stray(serving) == []


@pytest.mark.parametrize(
    ("target", "name"), [("/etc/shadow", "passwords"), ("../../../outside", "up/and/away")]
)
def test_a_link_out_of_the_tree_is_refused_by_name(
    serving: Host, changed: Path, target: str, name: str
) -> None:
    before = version_of(serving)
    path = changed / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    done = deploy(serving, changed, *QUICK)
    assert done.returncode == 2
    assert name in done.stderr
    assert (version_of(serving), stray(serving)) == (before, [])


def test_a_source_that_changes_while_it_is_read_never_arrives(serving: Host, changed: Path) -> None:
    before, stop = current_digests(serving), threading.Event()
    growing = changed / "growing.log"
    growing.write_bytes(os.urandom(2**24))

    def grow() -> None:
        with growing.open("ab") as file:
            while not stop.wait(0.002):
                file.write(b"line\n")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        done = deploy(serving, changed, *QUICK)
    finally:
        stop.set()
        writer.join()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "growing.log" in done.stderr
    assert (current_digests(serving), stray(serving)) == (before, [])


def test_without_tar_it_is_the_same(serving: Host, changed: Path) -> None:
    serving.shell("mv /usr/bin/tar /usr/bin/tar.away")
    try:
        deployed(serving, changed, *QUICK)
    finally:
        serving.shell("mv /usr/bin/tar.away /usr/bin/tar")
    assert version_of(serving) == "changed"


def _without_python(host: Host) -> None:
    host.shell("mount --bind /dev/null /usr/bin/python3.11 || mount --bind /dev/null $(readlink -f "
               "/usr/bin/python3)")  # fmt: skip


def _read_only(host: Host) -> None:
    host.shell(f"mount --bind {REMOTE_DIR} {REMOTE_DIR}; mount -o remount,ro,bind {REMOTE_DIR}")


@pytest.mark.parametrize(
    ("breaks", "mended", "named"),
    [
        (_without_python, "umount $(readlink -f /usr/bin/python3)", "python3"),
        (_read_only, f"umount {REMOTE_DIR}", REMOTE_DIR),
    ],
)
def test_what_the_server_lacks_is_said_and_nothing_is_changed(
    serving: Host, changed: Path, breaks: Break, mended: str, named: str
) -> None:
    before = current_digests(serving)
    breaks(serving)
    try:
        done = deploy(serving, changed, *QUICK)
    finally:
        serving.shell(mended)
    assert done.returncode == 3, done.stdout + done.stderr
    assert named in done.stdout + done.stderr
    assert (current_digests(serving), stray(serving)) == (before, [])


@pytest.mark.parametrize(
    ("user", "password", "code"), [("guest", "", 3), ("asks", "", 3), ("asks", SUDO_PASSWORD, 0)]
)
def test_a_user_without_sudo_changes_nothing(
    serving: Host, changed: Path, user: str, password: str, code: int
) -> None:
    before = current_digests(serving)
    environ = {"ELOQUENCE_SUDO_PASSWORD": password} if password else {}
    done = deploy(serving, changed, *QUICK, server=f"{user}@{serving.address}", **environ)
    assert done.returncode == code, done.stdout + done.stderr
    if code:
        assert "sudo" in done.stderr
        assert current_digests(serving) == before
    assert stray(serving) == []
