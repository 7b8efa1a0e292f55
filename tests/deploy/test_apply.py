"""The server's side of a deploy on a real host: what fails leaves the old release serving.

`tests/host/test_deploy_*.py` makes most of this with the real command, so that of these only the
hooks are in every run.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.deploy.doors import Event, Source, deployed, deploying, door, shown, survey
from tests.host.hosts import BootHost
from tests.host.layout import API_UNIT, PAYLOAD, REMOTE_DIR
from tests.host.machine import Host

GOOD = Source.of_payload()
API = (PAYLOAD / "api.py").read_text(encoding="utf-8")
_ASKING = """
i=0
while [ -e /run/asking ]; do
  i=$((i+1))
  curl --silent --fail --max-time 8 --output /dev/null http://127.0.0.1:8083/ || echo "$?"
  sleep 0.05
done
echo "asked $i"
"""


@pytest.fixture(scope="module")
def serving(boot_host: BootHost) -> Iterator[Host]:
    """A host on which a release serves from its socket already."""
    with boot_host() as host:
        ended, said = deployed(host, GOOD.but({"number.py": "N = 0"}), "first")
        assert ended["outcome"] == "deployed", shown(said)
        yield host


@contextlib.contextmanager
def always_served(host: Host) -> Iterator[None]:
    """Asks all the time, and every request must be answered."""
    host.shell("touch /run/asking")
    asking = subprocess.Popen(
        host.entering("bash", "-c", _ASKING), stdout=subprocess.PIPE, text=True
    )
    try:
        yield
    finally:
        host.shell("rm /run/asking")
        said, _ = asking.communicate(timeout=30)
    assert said.startswith("asked "), said
    assert said != "asked 0\n"


def left_over(host: Host) -> str:
    """What should not be there once no deploy runs."""
    host.wait_until("! systemctl list-units --all --no-legend | grep -q eloquence-api-deploy")
    return host.shell(
        f"cd {REMOTE_DIR}; ls -d releases/.[!.]* environments/.[!.]* .eloquence* *.eloquence-* "
        "releases/*.eloquence-* shared/*.eloquence-* /run/systemd/system/eloquence-* "
        "/run/eloquence-api-candidate.sock /var/lib/eloquence-deploy/*/apply.json "
        "/var/lib/eloquence-deploy/*/backups /run/eloquence-deploy/*/running.json "
        "/run/eloquence-deploy/*/*/secrets 2>/dev/null; "
        "systemctl list-units --all --no-legend 'eloquence-api-*' | grep -v -e '^$'",
        check=False,
    ).stdout


CRASHING = 'raise RuntimeError("no such table: scenarios")\n'
DYING = (
    API.split("if __name__")[0]
    + """
import asyncio, os

@app.on_event("startup")
async def die():
    asyncio.get_running_loop().call_later(5, os._exit, 3)
"""
)
FAILING = API.replace("session: Session = sessions.open(body.user_id)", "raise ValueError('lost')")
LEGACY = API.replace('"/api/sessions', '"/api/v0/sessions')

FAULTS: dict[str, tuple[Mapping[str, str], Mapping[str, Any], Mapping[str, Any], str]] = {
    "crashes at import": (
        {"api.py": CRASHING},
        {},
        {"step": "candidate", "kind": "exited"},
        "no such table",
    ),
    "dies after five seconds": (
        {"api.py": DYING},
        {"checks": {"watch_s": 6, "start_s": 60}},
        {"step": "watch", "kind": "crashed", "status": 3},
        "startup complete",
    ),
    "answers 500": (
        {"api.py": FAILING},
        {},
        {"step": "candidate-checks", "kind": "answer", "status": 500},
        "ValueError: lost",
    ),
    "has no /api/sessions": (
        {"api.py": LEGACY},
        {},
        {"step": "candidate-checks", "kind": "answer", "status": 404, "path": "POST /api/sessions"},
        "",
    ),
    "packages that cannot be installed": (
        {"requirements.txt": "fastapi==0.0.1\n"},
        {},
        {"step": "packages", "kind": "packages"},
        "No matching distribution",
    ),
    "a hook that fails": (
        {},
        {
            "hooks": {
                "before_switch": ["echo migrating; exit 7"],
                "after_switch": [],
                "timeout_s": 9,
            }
        },
        {"step": "before-switch", "kind": "hook", "status": 7},
        "migrating",
    ),
    "a hook that fails after the switch": (
        {},
        {"hooks": {"before_switch": [], "after_switch": ["echo warming; exit 7"], "timeout_s": 9}},
        {"step": "after-switch", "kind": "hook", "status": 7},
        "warming",
    ),
    "is not confirmed": (
        {},
        {"confirm_within_s": 0.5},
        {"step": "confirm", "kind": "unconfirmed"},
        "",
    ),
}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, marks=() if "hook" in fault else pytest.mark.soak) for fault in FAULTS],
)
def test_a_release_that_fails_meets_no_user(serving: Host, fault: str) -> None:
    changed, more, why, line = FAULTS[fault]
    with always_served(serving):
        ended, said = deployed(serving, GOOD.but({"number.py": "N = 1", **changed}), "bad", **more)
    assert ended["outcome"] == "undone", shown(said)
    assert ended["serves"] is True
    assert ended["current"] == "first"
    assert why.items() <= ended["why"].items(), ended["why"]
    assert line in "\n".join(ended["why"]["lines"]), ended["why"]
    assert left_over(serving) == ""
    assert serving.shell(f"ls {REMOTE_DIR}/releases {REMOTE_DIR}/environments").stdout.split() == [
        f"{REMOTE_DIR}/environments:",
        "flat",
        f"{REMOTE_DIR}/releases:",
        *[name for name in _releases(serving) if name != "bad"],
    ]


def _releases(host: Host) -> list[str]:
    return sorted(record["id"] for record in survey(host)["releases"])


@pytest.mark.soak
def test_a_unit_with_a_typo_is_not_installed(serving: Host) -> None:
    facts = survey(serving)
    unit = facts["units"][API_UNIT]["text"].replace("NoNewPrivileges", "NoNewPrivilegs")
    socket = facts["units"]["eloquence-api.socket"]["text"]
    with always_served(serving):
        ended, said = deployed(
            serving,
            GOOD.but({"number.py": "N = 2"}),
            "typo",
            units={API_UNIT: unit, "eloquence-api.socket": socket},
        )
    assert ended["outcome"] == "undone", shown(said)
    assert (ended["why"]["step"], ended["why"]["kind"]) == ("units-verify", "unit")
    assert "NoNewPrivilegs" in "\n".join(ended["why"]["lines"])


@pytest.mark.soak
def test_a_full_disk_is_said_and_the_old_release_serves(serving: Host) -> None:
    serving.shell(f"fallocate -l $(($(stat -f -c '%a*%S' {REMOTE_DIR}) - 300000)) /home/full")
    try:
        with always_served(serving):
            files = Source({**GOOD.files, "large.bin": bytes(range(256)) * 4000})
            ended, said = deployed(serving, files, "full")
    finally:
        serving.shell("rm /home/full")
    assert ended["outcome"] in ("refused", "undone"), shown(said)
    assert ended["why"]["kind"] == "disk", ended
    assert left_over(serving) == ""


def _steps(said: list[Event]) -> list[str]:
    return [
        event["step"] for event in said if event["event"] == "step" and event["state"] == "begun"
    ]


@pytest.mark.soak
def test_killed_at_any_step_it_leaves_a_whole_release(serving: Host) -> None:
    more: dict[str, Any] = {"confirm_within_s": None, "checks": {"watch_s": 0, "start_s": 60}}
    ended, said = deployed(serving, GOOD.but({"number.py": "N = 3"}), "k", **more)
    assert ended["outcome"] == "deployed", shown(said)
    current = "k"
    for step in _steps(said):
        if step == "receive":
            continue
        files = GOOD.but({"number.py": f"STEP = {step!r}"})
        release = f"k-{step}"
        with always_served(serving):
            opened = deploying(serving, files, release, hold={"step": step, "seconds": 60}, **more)
            opened.until(step=step, state="begun")
            serving.shell("systemctl kill --signal=KILL eloquence-api-deploy.service")
            ended = opened.until(event="ended", timeout_s=90)
            opened.close()
        assert ended["outcome"] == ("deployed" if step == "tidy" else "undone"), shown(opened.said)
        assert ended["serves"] is True
        current = release if ended["outcome"] == "deployed" else current
        serving.wait_until("! systemctl is-active --quiet eloquence-api-deploy.service")
        facts = survey(serving)
        assert facts["current"] == current, step
        assert facts["unfinished"] is None
        assert left_over(serving) == "", step
        assert release == current or not any(r["id"] == release for r in facts["releases"])
        pid = facts["units"][API_UNIT]["main_pid"]
        folder = serving.shell(f"readlink /proc/{pid}/cwd").stdout.strip()
        assert folder == f"{REMOTE_DIR}/releases/{current}", step
    ended, said = deployed(serving, GOOD.but({"number.py": "N = 4"}), "after", **more)
    assert ended["outcome"] == "deployed", shown(said)


@pytest.mark.soak
def test_two_at_once_the_second_is_told_whose_turn_it_is(serving: Host) -> None:
    first = deploying(
        serving, GOOD.but({"number.py": "N = 5"}), "one", hold={"step": "watch", "seconds": 60}
    )
    first.until(step="watch", state="begun")
    ended, _ = deployed(serving, GOOD.but({"number.py": "N = 6"}), "two", who="another@place")
    assert ended["outcome"] == "refused"
    assert ended["why"]["kind"] == "locked"
    lock = ended["why"]["lock"]
    assert (lock["who"], lock["release"], lock["step"]) == ("somebody@somewhere", "one", "watch")
    first.tell("u", b"enough")
    ended = first.until(event="ended")
    first.close()
    assert (ended["outcome"], ended["why"]["kind"]) == ("undone", "asked")
    assert ended["why"]["detail"] == "enough"


@pytest.mark.soak
def test_a_lost_link_changes_nothing_and_can_be_followed(serving: Host) -> None:
    opened = deploying(serving, GOOD.but({"number.py": "N = 7"}), "cut", confirm_within_s=60)
    opened.until(event="awaiting-confirmation")
    seen = len(opened.said)
    opened.process.kill()
    with door(serving, verb="follow", release="cut", since=seen) as again:
        again.tell("c")
        ended = again.until(event="ended")
        assert [event["n"] for event in again.said] == list(range(seen, ended["n"] + 1))
    assert (ended["outcome"], ended["current"]) == ("deployed", "cut")
    assert json.dumps(ended)
