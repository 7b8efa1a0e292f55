"""deploy seen from its client: looks through the public name, wheels from here, the settings."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.host.deploying import QUICK, deploy, deployed, document, eloquence
from tests.host.hosts import BootHost
from tests.host.layout import REMOTE_DIR
from tests.host.machine import Host
from tests.host.sources import source, version

WATCH: Final = ("--watch", "0")
NOBODY: Final = "https://203.0.113.10:9"
# Whoever asks by the host's address, and only who does, gets no answer of use.
_FAILS_OUTSIDE: Final = """

inside = app


async def app(scope, receive, send):
    if dict(scope.get("headers", ())).get(b"host", b"").startswith(b"203."):
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b"broken"})
    else:
        await inside(scope, receive, send)
"""


@pytest.fixture(scope="module")
def serving(boot_host: BootHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with one release on it, that was deployed while nobody could look from outside."""
    with boot_host() as host, host.resolver():
        first = source(tmp_path_factory.mktemp("first") / "api", version("first"))
        told = deployed(host, first, *WATCH, "--api", NOBODY)
        # What failed before is said, and undoes nothing.
        assert told["outside"]["new"] == []
        assert any(finding.startswith("api.") for finding in told["outside"]["old"])
        yield host


def api(host: Host) -> str:
    return f"http://{host.address}:8083"


def outside(host: Host) -> tuple[str, ...]:
    """With a look from here. Without a DNS server each one waits for that of LiveKit's name, which
    a session has in it, until its time is up."""
    return (*WATCH, "--api", api(host), "--resolver", "127.0.0.1")


def answers(host: Host) -> str:
    return host.curl(f"{api(host)}/").stdout


def test_what_newly_fails_from_outside_brings_the_release_before_back(
    serving: Host, tmp_path: Path
) -> None:
    broken = source(tmp_path / "api", version("broken"))
    path = broken / "api.py"
    path.write_text(path.read_text("utf-8") + _FAILS_OUTSIDE, "utf-8")
    done = deploy(serving, broken, *outside(serving), "--output", "json")
    told = document(done)
    assert (done.returncode, told["exit_code"], told["outcome"]) == (1, 1, "undone"), (
        told["outside"],
        told["steps"][-4:],
    )
    assert told["why"]["kind"] == "asked"
    assert told["outside"]["new"]
    assert '"v":"first"' in answers(serving)
    # The same without a look: nothing inside is wrong with it.
    assert deployed(serving, broken, *QUICK)["outcome"] == "deployed"
    back = eloquence(serving, "rollback", *outside(serving), "--lang", "fr")
    assert back.returncode == 0, back.stdout + back.stderr
    assert "REVENU" in back.stdout
    assert '"v":"first"' in answers(serving)


def test_a_dry_run_shows_the_difference_and_changes_nothing(serving: Host, tmp_path: Path) -> None:
    other = source(tmp_path / "api", version("other"))
    state = f"find {REMOTE_DIR} /etc/systemd /var/lib/eloquence-deploy -printf '%p %T@ %s %l\\n'"
    before = serving.shell(state).stdout
    done = deploy(serving, other, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "~ api.py" in done.stdout
    assert serving.shell(state).stdout == before


def test_packages_are_gathered_here_for_a_server_without_an_index(
    serving: Host, tmp_path: Path
) -> None:
    more = source(tmp_path / "api", version("wheels"))
    (more / "requirements.txt").write_text(
        (more / "requirements.txt").read_text("utf-8") + "tomli==2.2.1\n", "utf-8"
    )
    serving.shell("mv /etc/pip.conf /etc/pip.conf.away; mv /srv/wheels /srv/wheels.away")
    serving.write("/etc/pip.conf", "[global]\nretries = 0\n")  # asked once, it is not there
    try:
        refused = deploy(serving, more, *QUICK)
        assert refused.returncode == 1, refused.stdout + refused.stderr
        gathered = shutil.copytree(
            f"/proc/{serving.boot.leader}/root/srv/wheels.away", tmp_path / "wheels"
        )
        wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": os.fspath(gathered)}
        told = deployed(serving, more, *QUICK, "--wheelhouse", **wheels)
    finally:
        serving.shell("mv /etc/pip.conf.away /etc/pip.conf; mv /srv/wheels.away /srv/wheels")
    assert told["plan"]["packages"]["reason"] == "changed"
    assert '"v":"wheels"' in answers(serving)


def test_settings_are_put_there_whole_and_compared_by_their_names_alone(
    serving: Host, tmp_path: Path
) -> None:
    place = f"{REMOTE_DIR}/shared/.env.local"
    before = serving.read(place)
    pushed = tmp_path / "production.env"
    pushed.write_text(f"{before}\nNEW_SECRET='never shown 7261'\n", "utf-8")
    done = eloquence(serving, "env", "push", str(pushed))
    assert done.returncode == 0, done.stderr
    assert serving.read(place) == pushed.read_text("utf-8")
    assert serving.shell(f"stat -c '%a %U' {place}").stdout.split() == ["600", "ubuntu"]
    assert stat.S_IMODE(pushed.stat().st_mode) != 0o600  # it is not this file's mode that counts
    told = eloquence(serving, "env", "push", str(pushed), "--output", "json")
    assert document(told)["changed"] is False
    named = source(tmp_path / "api", version("named"))
    (named / ".env.example").write_text("NEW_SECRET=\nMISSING_ONE=\n", "utf-8")
    deployed(serving, named, *QUICK)
    compared = eloquence(serving, "env", "diff", "--output", "json")
    assert compared.returncode == 1
    assert document(compared)["missing"] == ["MISSING_ONE"]
    said = "".join((done.stdout, done.stderr, told.stdout, compared.stdout, compared.stderr))
    assert "7261" not in said
