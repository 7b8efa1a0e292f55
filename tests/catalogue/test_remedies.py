"""What is to be done: about a certificate for each of the three proxies, and by a deploy first."""

from __future__ import annotations

import shlex
from typing import Final

import pytest
from typer.testing import CliRunner

from eloquence_ops import datafiles
from eloquence_ops.catalogue.reader import read
from eloquence_ops.cli.commands import app

RUNBOOK = read(datafiles.folder("checks"))
OF_CERTIFICATES = sorted(
    cause.id
    for cause in RUNBOOK.causes.values()
    if cause.owner == "server" and cause.id.startswith(("cert-", "tls-", "http2-"))
)


@pytest.mark.parametrize("cause_id", OF_CERTIFICATES)
def test_whoever_reloads_one_proxy_is_told_how_to_reload_the_others(cause_id: str) -> None:
    commands = "\n".join(remedy.run or "" for remedy in RUNBOOK.causes[cause_id].remedies)
    reloaded = {name for name in ("nginx", "caddy", "haproxy") if f"reload {name}" in commands}
    assert reloaded in (set(), {"nginx", "caddy", "haproxy"})


def test_the_causes_of_certificates_are_known() -> None:
    assert len(OF_CERTIFICATES) > 10


DEPLOYED: Final = {
    "api-any-key-accepted": "eloquence deploy .",
    "api-body-refused": "eloquence deploy .",
    "api-cors-missing": "eloquence deploy .",
    "api-crash-looping": "eloquence rollback",
    "api-dependency-missing": "eloquence deploy . --refresh-packages",
    "api-env-missing": "eloquence env diff",
    "api-files-missing": "eloquence deploy .",
    "api-legacy-deployed": "eloquence deploy .",
    "api-open": "eloquence deploy .",
    "api-packages-differ": "eloquence deploy . --refresh-packages",
    "api-port-taken": "eloquence deploy . --take-over",
    "api-routes-missing": "eloquence deploy .",
    "api-started-by-hand": "eloquence deploy . --take-over",
    "api-unhandled-error": "eloquence deploy . --refresh-packages",
    "livekit-not-installed": "eloquence deploy . --with-livekit",
    "systemd-reload-needed": "eloquence deploy .",
    "token-missing-grant": "eloquence deploy .",
}
BY_HAND: Final = ("rsync ", "pip install", "systemctl restart {", "systemctl enable", "kill ")


@pytest.mark.parametrize("cause_id", DEPLOYED)
def test_what_a_deploy_mends_is_mended_by_it_before_it_is_by_hand(cause_id: str) -> None:
    cause = RUNBOOK.causes[cause_id]
    runs = [remedy.run for remedy in cause.remedies]
    ours = runs.index(DEPLOYED[cause_id])
    assert not any(word in run for run in runs[:ours] for word in BY_HAND)
    # Nobody is left without a way where `eloquence` cannot reach the server.
    later = " ".join(f"{entry.say.en} {entry.run}" for entry in cause.remedies[ours:])
    assert any(word in later for word in (*BY_HAND, "sudoedit", "-- restart")), later


def test_our_own_commands_in_the_runbook_are_commands_that_we_have() -> None:
    runner = CliRunner()
    causes = RUNBOOK.causes.values()
    steps = [remedy.run for cause in causes for remedy in cause.remedies]
    steps += [cause.next_probe.run for cause in causes]
    ours = {run for run in steps if run.startswith("eloquence ")}
    assert len(ours) > 5
    for run in ours:
        # Help comes once the words before it are known.
        done = runner.invoke(app, [*shlex.split(run)[1:], "--help"])
        assert done.exit_code == 0, run
