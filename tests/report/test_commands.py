"""The commands that are given fit the server: its address, its proxy, the unit that was found."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eloquence_ops.catalogue.model import Remedy
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.catalogue.template import command
from eloquence_ops.checks.seen import Asked, Seen
from eloquence_ops.endpoints import parse
from eloquence_ops.observations import AnyObservation, ServerMachine
from eloquence_ops.report import places
from eloquence_ops.report.account import Step, Storyteller
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.recording import read
from eloquence_ops.settings import Target
from tests.checks.server_facts import unit

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
API = parse("https://api.éloquence.test", "api")


def values(*observations: AnyObservation, server: str | None = None) -> dict[str, object]:
    seen = Seen(
        Target("t", api=API, server=server),
        Asked(frozenset({"server"})),
        datetime(2026, 1, 1, tzinfo=UTC),
        observations,
    )
    return places.values(seen, str(API))


@pytest.mark.parametrize(
    ("server", "ssh", "shell", "login"),
    [
        ("ubuntu@host", "ubuntu@host", "ssh", "ubuntu@host"),
        ("alias", "alias", "ssh", "alias"),
        ("ubuntu@host:2222", "ssh://ubuntu@host:2222", "ssh -p 2222", "ubuntu@host"),
        ("[2001:db8::1]", "2001:db8::1", "ssh", "[2001:db8::1]"),
        ("u@[2001:db8::1]:22", "ssh://u@[2001:db8::1]:22", "ssh -p 22", "u@[2001:db8::1]"),
        (None, "USER@SERVER", "ssh", "USER@SERVER"),
        ("u@host:99999", "u@host:99999", "ssh", "u@host:99999"),
    ],
)
def test_the_server_is_named_as_ssh_and_rsync_take_it(
    server: str | None, ssh: str, shell: str, login: str
) -> None:
    found = values(server=server)
    assert shlex.split(command("ssh {server} true", found)) == ["ssh", ssh, "true"]
    copy = shlex.split(command("rsync -e {server_shell} ./ {server_login}:/srv/", found))
    assert copy == ["rsync", "-e", shell, "./", f"{login}:/srv/"]


@pytest.mark.parametrize("cause", ["api-files-missing", "api-legacy-deployed"])
def test_what_is_copied_to_the_server_goes_to_its_port(cause: str) -> None:
    found = values(server="ubuntu@host:2222")
    runs = [command(remedy.run, found) for remedy in catalogue().causes[cause].remedies]
    copy = next(shlex.split(run) for run in runs if run.startswith("rsync"))
    assert copy[copy.index("-e") + 1] == "ssh -p 2222"
    assert copy[-1].startswith("ubuntu@host:/")


def _changing(cause: str) -> list[Remedy]:
    return [entry for entry in catalogue().causes[cause].remedies if not entry.only_looks]


@pytest.mark.parametrize("name", ["nginx", "caddy", "haproxy"])
@pytest.mark.parametrize("cause", ["proxy-not-running", "proxy-wrong-upstream"])
def test_the_proxy_that_the_server_has_is_the_one_to_start_and_to_mend(
    cause: str, name: str
) -> None:
    """Another one would take its ports."""
    there = unit(f"{name}.service", active_state="inactive", unit_file_state="enabled")
    found = values(there)
    assert found["proxy_folder"] == f"/etc/{name}"
    runs = [command(entry.run, found) for entry in _changing(cause) if entry.run]
    assert runs
    for run in runs:
        assert run.split()[-1] == f"{name}.service"


def test_from_outside_the_proxy_is_taken_for_the_one_of_the_guide() -> None:
    assert values()["proxy_unit"] == "nginx.service"


def steps(recorded: str, cause: str, changed: Any = lambda entry: entry) -> tuple[Step, ...]:
    recording = read(RECORDINGS / f"{recorded}.json")
    observations = tuple(map(changed, recording.observations))
    result = examine(recording.model_copy(update={"observations": observations}), catalogue())
    return _steps(result, cause)


def _steps(result: Result, cause: str) -> tuple[Step, ...]:
    told = Storyteller(result, catalogue(), "en").causes()
    found = next(entry for entry in told if entry.id == cause)
    return (found.settle, *found.remedies)


def test_the_unit_whose_files_run_out_is_the_one_to_look_at_and_to_restart() -> None:
    def of_livekit(entry: AnyObservation) -> AnyObservation:
        if not isinstance(entry, ServerMachine):
            return entry
        (most, *rest) = sorted(entry.services, key=lambda one: -(one.open_files or 0))
        livekit = most.model_copy(update={"unit": "livekit.service"})
        others = [one for one in rest if one.unit != "livekit.service"]
        return entry.model_copy(update={"services": (livekit, *others)})

    for step in steps("host-server-file-limit", "server-file-limit", of_livekit):
        assert "livekit.service" in step.run
        assert "eloquence-api" not in step.run


@pytest.mark.parametrize(
    ("outcome", "opened"),
    [
        ("denied", ["50000:60000/udp", "7881/tcp"]),
        ("udp-denied", ["50000:60000/udp"]),
        ("tcp-denied", ["7881/tcp"]),
    ],
)
def test_of_livekits_media_what_is_denied_is_let_in_and_no_more(
    outcome: str, opened: list[str]
) -> None:
    wanted = f"server.media-firewall.{outcome}"
    found = [
        command(entry.run, values())
        for entry in catalogue().causes["firewall-on-server"].remedies
        if any(link.finding == wanted for link in entry.only_if)
    ]
    assert found == [f"sudo ufw prepend allow {port}" for port in opened]


@pytest.mark.parametrize(
    ("rerun", "server", "named"),
    [
        ((), "u@h", ""),
        (
            ("--api", "https://a.test", "--server", "u@h"),
            "u@h",
            " --api https://a.test --server u@h",
        ),
        (("--on-server",), None, " --on-server"),
    ],
)
def test_a_command_that_deploys_names_the_target_of_the_run(
    rerun: tuple[str, ...], server: str | None, named: str
) -> None:
    recording = read(RECORDINGS / "host-api-files-missing.json")
    update = {"rerun": rerun, "on_server": server is None}
    options = recording.options.model_copy(update=update)
    values = {name: value for name, value in recording.target.values.items() if name != "server"}
    if server:
        values["server"] = server
    target = recording.target.model_copy(update={"values": values})
    changed = recording.model_copy(update={"options": options, "target": target})
    (cause,) = Storyteller(examine(changed, catalogue()), catalogue(), "en").causes()
    runs = [step.run for step in cause.remedies]
    assert f"eloquence deploy .{named}" in runs
    # What is for another program is left as it is.
    others = [run for run in runs if not run.startswith("eloquence ")]
    assert others
    assert not any("--api" in run or "--on-server" in run for run in others)
