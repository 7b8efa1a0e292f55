"""The server's firewall and the API's port, with ufw at work on a real host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eloquence_ops.deploy.port import judged
from tests.deploy.doors import Source, deployed, shown, survey
from tests.host.deploying import QUICK, deploy, document
from tests.host.deploying import deployed as deployed_by_client
from tests.host.hosts import BootHost
from tests.host.layout import PAYLOAD
from tests.host.machine import Host

FAILS = {"before_switch": [], "after_switch": ["exit 7"], "timeout_s": 9}
_RULES = "ufw status verbose; cat /etc/ufw/user*.rules; iptables-save | grep 8083"


@pytest.fixture(scope="module")
def filtered(boot_host: BootHost) -> Iterator[Host]:
    with boot_host() as host:
        host.shell("ufw limit 22/tcp && ufw deny 8083/tcp && ufw --force enable")
        yield host


def _rules(host: Host) -> str:
    return host.shell(_RULES, check=False).stdout


def _is_reached(host: Host) -> bool:
    url = f"http://{host.address}:8083/"
    return host.curl("--fail", "--max-time", "2", url, check=False).returncode == 0


def _seen(host: Host) -> tuple[str, str | None]:
    found = judged(survey(host)["firewall"], 8083)
    return found.state, found.by


@pytest.mark.real
def test_a_port_that_ufw_hides_is_opened_when_told_and_hidden_again_by_the_way_back(
    filtered: Host, tmp_path: Path
) -> None:
    host, source = filtered, tmp_path / "source"
    shutil.copytree(PAYLOAD, source)
    (source / "number.py").write_text("N = 1\n", encoding="utf-8")
    rules = _rules(host)
    assert "8083/tcp                   DENY IN" in rules
    assert _seen(host) == ("closed", "ufw")
    assert not _is_reached(host)

    planned = document(deploy(host, source, *QUICK, "--dry-run", "--output", "json"))
    (note,) = (note for note in planned["plan"]["notes"] if note["id"] == "port-closed")
    assert "sudo ufw prepend allow 8083/tcp" in str(note)

    files = Source.of_payload().but({"number.py": "N = 0"})
    ended, said = deployed(host, files, "fails", open_port=True, hooks=FAILS)
    assert (ended["outcome"], ended["serves"]) == ("undone", True), shown(said)
    assert {"event": "step", "step": "open-port", "state": "done"}.items() <= _step(said).items()
    assert _rules(host) == rules
    assert not _is_reached(host)

    deployed_by_client(host, source, *QUICK, "--open-port")
    assert _is_reached(host)
    assert _seen(host) == ("open", "ufw")
    opened = host.shell("ufw status").stdout
    assert "22/tcp                     LIMIT " in opened
    again = deployed_by_client(host, source, *QUICK, "--open-port")
    assert again["plan"]["nothing"] is True


@pytest.mark.real
def test_a_port_that_is_denied_whatever_the_protocol_is_opened_too(
    filtered: Host, tmp_path: Path
) -> None:
    host, source = filtered, tmp_path / "source"
    shutil.copytree(PAYLOAD, source)
    (source / "number.py").write_text("N = 3\n", encoding="utf-8")
    host.shell("ufw --force delete allow 8083/tcp; ufw --force delete deny 8083/tcp; ufw deny 8083")
    assert _seen(host) == ("closed", "ufw")
    assert not _is_reached(host)
    deployed_by_client(host, source, *QUICK, "--open-port")
    assert _is_reached(host)
    assert _seen(host) == ("open", "ufw")
    opened = host.shell("ufw status").stdout
    assert "22/tcp                     LIMIT " in opened
    assert "8083                       DENY " in opened


@pytest.mark.real
def test_a_firewall_that_is_off_stays_off(filtered: Host) -> None:
    filtered.shell("ufw --force disable")
    files = Source.of_payload().but({"number.py": "N = 2"})
    ended, said = deployed(filtered, files, "off", open_port=True)
    assert ended["outcome"] == "deployed", shown(said)
    assert _step(said)["state"] == "skipped"
    assert filtered.shell("ufw status").stdout == "Status: inactive\n"


def _step(said: list[dict[str, Any]]) -> dict[str, Any]:
    """How `open-port` ended."""
    return next(
        event
        for event in said
        if event.get("step") == "open-port" and event.get("state") in ("done", "skipped", "failed")
    )


@pytest.mark.parametrize("facts", [None, [], {}, {"rules": {"nft": 5}}, {"rules": {"nft": "{"}}])
def test_of_what_is_no_firewall_nothing_is_concluded(facts: object) -> None:
    assert judged(facts, 8083).state == "unknown"
