"""From what people made by hand to releases, and the way back.

`tests/host/test_deploy_states.py` does it with the real command in every run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from eloquence_ops.deploy.units import Wanted, render
from tests.deploy.doors import Door, Event, Source, deployed, door, job, shown, survey
from tests.host.hosts import BootHost
from tests.host.layout import AGENT_UNIT, API_UNIT, REMOTE_DIR
from tests.host.machine import Host

pytestmark = pytest.mark.soak

GOOD = Source.of_payload()


@pytest.fixture
def host(boot_host: BootHost) -> Iterator[Host]:
    with boot_host() as booted:
        yield booted


def rolled_back(host: Host, release: str) -> tuple[Event, list[Event]]:
    facts = survey(host)
    work = job(facts, release, Source(), kind="rollback", requirements=None, environment={})
    wanted = Wanted(API_UNIT, REMOTE_DIR, release, "ubuntu", "ubuntu", shares_socket=True)
    rendered = render(wanted)
    work.update(units=dict(rendered.units), candidate=dict(rendered.candidate))
    opened = Door(host, work)
    opened.tell("s", json.dumps({"api_key": host.keys.api_key}).encode())
    opened.tell("e")
    try:
        return opened.until(event="ended"), opened.said
    finally:
        opened.close()


def asked(host: Host) -> str:
    return host.shell("curl --silent --fail http://127.0.0.1:8083/").stdout


def test_a_flat_installation_is_adopted_and_gone_back_to(host: Host) -> None:
    unit = host.read(f"/etc/systemd/system/{API_UNIT}")
    drop_in = f"/etc/systemd/system/{API_UNIT}.d/more.conf"
    host.write(drop_in, "[Service]\nEnvironment=MORE=1\n")
    host.shell(
        f"systemctl daemon-reload && systemctl disable --now {AGENT_UNIT} "
        f"&& rm /etc/systemd/system/{AGENT_UNIT}"
    )
    flat = host.shell(
        f"cd {REMOTE_DIR} && find . -name '*.py' -not -path './.venv/*' "
        "-exec sha256sum {} + | sort -k 2"
    ).stdout

    ended, said = deployed(host, GOOD.but({"number.py": "N = 1"}), "new")
    assert ended["outcome"] == "deployed", shown(said)
    adopted = next(e["release"] for e in said if e.get("note") == "adopted")
    assert [record["id"] for record in survey(host)["releases"]] == [adopted, "new"]
    folder = host.shell(f"ls -A {REMOTE_DIR}").stdout.split()
    assert folder == [
        ".env.local", ".venv", "current", "environments", "releases", "shared",
    ]  # fmt: skip
    assert host.shell(f"stat -c '%a %U' {REMOTE_DIR}/shared/.env.local").stdout == "600 ubuntu\n"
    assert host.shell(f"readlink {REMOTE_DIR}/.env.local").stdout == "shared/.env.local\n"
    assert host.shell("systemctl show -P Environment eloquence-api").stdout.split()[-1] == "MORE=1"
    assert "running" in asked(host)

    ended, said = rolled_back(host, adopted)
    assert (ended["outcome"], ended["current"]) == ("deployed", adopted), shown(said)
    assert host.read(f"/etc/systemd/system/{API_UNIT}") == unit
    assert (
        host.shell("systemctl is-active eloquence-api.socket", check=False).stdout == "inactive\n"
    )
    assert (
        host.shell(
            f"cd {REMOTE_DIR} && find . -name '*.py' -not -path './.venv/*' "
            "-not -path './releases/*' -exec sha256sum {} + | sort -k 2"
        ).stdout
        == flat
    )
    assert "uvicorn" in survey(host)["listener"]["command"]
    assert "running" in asked(host)

    ended, said = deployed(host, GOOD.but({"number.py": "N = 2"}), "newer")
    assert ended["outcome"] == "deployed", shown(said)
    assert host.shell(f"ls {REMOTE_DIR}").stdout.split() == folder[2:]


def test_a_first_deploy_that_fails_leaves_a_flat_installation_as_it_was(host: Host) -> None:
    def state() -> str:
        return host.shell(
            f"cd {REMOTE_DIR} && find . -not -path './.venv/*' -not -path '*/__pycache__*' "
            "-printf '%p %u %m %l\\n' | sort; "
            f"sha256sum /etc/systemd/system/eloquence-api.*; systemctl is-enabled {API_UNIT}; "
            f"systemctl show -P MainPID {API_UNIT}"
        ).stdout

    before = state()
    broken = GOOD.but({"api.py": "raise RuntimeError('broken')"})
    ended, said = deployed(host, broken, "bad")
    assert (ended["outcome"], ended["serves"]) == ("undone", True), shown(said)
    assert state() == before  # the very process
    hooks = {"before_switch": [], "after_switch": ["false"], "timeout_s": 9}
    ended, said = deployed(host, GOOD.but({"number.py": "N = 1"}), "late", hooks=hooks)
    assert (ended["outcome"], ended["serves"]) == ("undone", True), shown(said)
    assert state().splitlines()[:-1] == before.splitlines()[:-1]
    assert survey(host)["layout"] == "flat"


def test_a_process_started_by_hand_is_named_and_taken_over_when_asked(host: Host) -> None:
    host.shell(
        f"systemctl disable --now {API_UNIT} && rm /etc/systemd/system/{API_UNIT} "
        "&& systemctl daemon-reload"
    )
    host.shell(
        f"cd {REMOTE_DIR} && exec setsid .venv/bin/python api.py </dev/null >/tmp/by-hand 2>&1 &",
        user="ubuntu",
    )
    host.wait_until("curl --silent --fail http://127.0.0.1:8083/")
    pid = survey(host)["listener"]["pid"]

    ended, said = deployed(host, GOOD.but({"number.py": "N = 1"}), "one")
    assert (ended["outcome"], ended["why"]["kind"]) == ("refused", "port-taken"), shown(said)
    assert str(pid) in ended["why"]["detail"]
    assert survey(host)["layout"] == "flat"

    hooks = {"before_switch": [], "after_switch": ["false"], "timeout_s": 9}
    ended, said = deployed(
        host, GOOD.but({"number.py": "N = 2"}), "two", take_over=True, hooks=hooks
    )
    assert (ended["outcome"], ended["serves"]) == ("undone", True), shown(said)
    again = survey(host)["listener"]
    assert "api.py" in again["command"]
    assert again["user"] == "ubuntu"

    ended, said = deployed(host, GOOD.but({"number.py": "N = 3"}), "three", take_over=True)
    assert (ended["outcome"], ended["serves"]) == ("deployed", True), shown(said)
    assert survey(host)["listener"]["unit"] == API_UNIT
    adopted = next(e["release"] for e in said if e.get("note") == "adopted")
    ended, said = rolled_back(host, adopted)
    assert (ended["outcome"], ended["current"]) == ("deployed", adopted), shown(said)


def test_a_bare_server_serves_after_one_deploy(host: Host) -> None:
    host.shell(
        f"systemctl disable --now {API_UNIT} {AGENT_UNIT}; "
        f"rm /etc/systemd/system/{API_UNIT} /etc/systemd/system/{AGENT_UNIT}; "
        f"systemctl daemon-reload; cp {REMOTE_DIR}/.env.local /root/env; rm -r {REMOTE_DIR}"
    )
    facts = survey(host)
    assert (facts["layout"], facts["user"]["name"]) == ("none", "ubuntu")

    def first(files: Source, release: str) -> tuple[Event, list[Event]]:
        work = job(survey(host), release, files)
        opened = Door(host, work)
        secret = {"api_key": host.keys.api_key, "env_local": host.read("/root/env")}
        opened.tell("s", json.dumps(secret).encode())
        opened.tell("d", files.archive(work["sent"]))
        opened.tell("e")
        try:
            return opened.until(event="ended", timeout_s=120), opened.said
        finally:
            opened.close()

    ended, said = first(GOOD.but({"api.py": "raise RuntimeError('broken')"}), "bad")
    assert ended["outcome"] == "undone", shown(said)
    assert (
        host.shell(f"ls {REMOTE_DIR} /etc/systemd/system/eloquence-api*", check=False).stdout == ""
    )
    ended, said = first(GOOD, "good")
    assert (ended["outcome"], ended["serves"]) == ("deployed", True), shown(said)
    assert host.shell(f"ls {REMOTE_DIR}/environments").stdout == "good\n"
    with door(host, verb="follow", release="good", since=0) as again:
        assert again.until(event="ended")["outcome"] == "deployed"
    host.reboot()
    host.wait_until("curl --silent --fail http://127.0.0.1:8083/")
    exposure = host.shell("systemd-analyze security eloquence-api.service | tail -1").stdout
    assert float(exposure.split("eloquence-api.service:")[1].split()[0]) <= 2.0
