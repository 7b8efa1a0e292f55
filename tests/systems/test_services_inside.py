"""Faults of the two services, each made on a real host: from inside exactly it, and certain.

From outside alone it is among what is stated: chosen, or an alternative whose next probe selects
it, or what cannot be told from the chosen one there; of these the next probe is the look from
inside, which names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from eloquence_ops.catalogue.model import Symptom
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.catalogue.search import search
from eloquence_ops.catalogue.template import command
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.examine import Result
from eloquence_ops.run.recording import read
from tests.host.examining import (
    NO_RELAY,
    PUBLIC,
    causes,
    directly,
    doctor,
    finding,
    from_outside,
    problems,
    without_a_way,
)
from tests.host.faults import FAULTS
from tests.host.layout import API_UNIT
from tests.host.machine import Host
from tests.host.next_probes import selected
from tests.host.shown import make

pytestmark = pytest.mark.real


@dataclass(frozen=True)
class Expected:
    """`from_outside`: what is chosen there, empty where nothing is wrong; `stated`: beside it.

    `probe`: which of `stated` has the next probe that decides. It selects `selects`: the cause, or
    the one that it looks like.
    """

    cause: str
    from_outside: str
    stated: frozenset[str] = frozenset()
    probe: str = ""
    selects: str = ""


_API_DOWN: Final = (
    "api-not-running",
    frozenset({"api-breaks-off", "proxy-wrong-upstream"}),
    "proxy-wrong-upstream",
    "api-not-running",
)
EXPECTED: Final[dict[str, Expected]] = {
    "api-stopped": Expected("api-not-running", *_API_DOWN),
    "api-started-by-hand": Expected("api-started-by-hand", ""),
    "api-port-taken": Expected(
        "api-port-taken",
        "api-wrong-service",
        frozenset({"api-port-taken"}),
        "api-port-taken",
        "api-port-taken",
    ),
    "api-package-missing": Expected("api-dependency-missing", *_API_DOWN),
    "api-package-outdated": Expected("api-packages-differ", ""),
    "api-adapters-missing": Expected("api-files-missing", *_API_DOWN),
    "api-syntax-error": Expected("api-crash-looping", *_API_DOWN),
    "api-hangs-at-start": Expected("api-hanging", *_API_DOWN),
    "api-env-missing": Expected("api-env-missing", *_API_DOWN),
    "api-on-loopback-alone": Expected(
        "api-loopback-only",
        "api-not-running",
        frozenset({"api-loopback-only"}),
        "api-loopback-only",
        "api-loopback-only",
    ),
    "api-not-enabled": Expected("unit-not-enabled", *_API_DOWN),
    "api-unit-not-reloaded": Expected("systemd-reload-needed", ""),
}
# What ends an API is a line of its journal; one that hangs or was never started writes none.
READ_IN_ITS_JOURNAL: Final = frozenset(
    {"api-package-missing", "api-adapters-missing", "api-syntax-error", "api-env-missing"}
)
# What is looked at once more by somebody who really has no way to the server.
WITHOUT_A_WAY: Final = frozenset(
    {
        *("api-syntax-error", "api-hangs-at-start", "api-not-enabled"),
        *("livekit-refuses-its-yaml", "livekit-not-installed"),
    }
)
HEALTHY_FROM_HERE: Final = frozenset({"api-unit-not-reloaded", "api-started-by-hand"})
ON_LOOPBACK: Final = ("api-on-loopback",)
# In this order on one host, each mended before the next one is made.
LIVEKIT: Final = (
    ("livekit-stopped", "livekit-not-running", "true"),
    ("livekit-refuses-its-yaml", "livekit-config-wrong", "sed -i /no_such/d /etc/livekit.yaml"),
    ("livekit-program-missing", "livekit-crash-looping", "systemctl reset-failed livekit"),
    ("livekit-not-installed", "livekit-not-installed", "true"),
)
# Until what is made has come about that a run is to see: systemd calls a service that hangs active.
_ONCE: Final = {
    "api-hangs-at-start": "test $(ps -o etimes= -p "
    f"$(systemctl show --property=MainPID --value {API_UNIT})) -gt 10"
}


def chosen(result: Result) -> dict[str, str]:
    """But for the host's missing relay, as in `doctor`."""
    return {
        entry.cause.id: entry.confidence
        for entry in result.diagnosis.causes
        if entry.cause.id != NO_RELAY
    }


def alternatives(result: Result) -> set[str]:
    """Those that evidence from outside speaks for as well."""
    return {
        other.cause.id
        for entry in result.diagnosis.causes
        for other in entry.alternatives
        if not other.is_lookalike
    }


def looks_alike(result: Result) -> set[str]:
    """Those that only a look from inside tells from the chosen one."""
    return {
        other.cause.id
        for entry in result.diagnosis.causes
        for other in entry.alternatives
        if other.is_lookalike
    }


def next_probes(result: Result) -> dict[str, str]:
    """The command of each alternative."""
    told = Storyteller(result, catalogue(), "en").causes()
    return {other.id: other.next_probe.run for cause in told for other in cause.alternatives}


def read_in_its_journal(host: Host, cause: str) -> list[str]:
    """The causes to which the last lines lead that the first remedy of a cause shows."""
    journal = command(catalogue().causes[cause].remedies[0].run, {"api_unit": API_UNIT})
    last = "\n".join(host.shell(journal).stdout.splitlines()[-12:])
    found = [entry for entry in search(last, catalogue()) if isinstance(entry, Symptom)]
    return [named for entry in found for named in entry.causes]


def assert_is_stated(cause: str, outside: Result, *, shows: bool) -> None:
    if not shows:
        return
    assert cause in {*chosen(outside), *alternatives(outside), *looks_alike(outside)}
    if cause in looks_alike(outside):
        assert "eloquence doctor" in next_probes(outside)[cause]


def assert_healthy_from_here(host: Host, folder: Path) -> None:
    """What shows from inside alone is healthy without a way there, and where nobody looked is
    said."""
    screen = folder / "screen"
    report = doctor(host, "--output", f"console={screen}", inside=False)
    assert (report["verdict"], problems(report)) == ("healthy", {})
    said = " ".join(screen.read_text().split())
    (not_examined,) = re.findall(r"not examined: (.*?)(?= VERIFY| TO DO|$)", said)
    assert "server" in not_examined.split(" · ")


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_of_the_api_is_named_exactly_from_inside_and_held_possible_from_outside(
    host: Host, fault: str, tmp_path: Path
) -> None:
    expected, record = EXPECTED[fault], tmp_path / "run.json"
    make(host, fault)
    host.wait_until(_ONCE.get(fault, "true"))
    target = directly(host) if fault == "api-on-loopback-alone" else PUBLIC
    report = doctor(host, "--record", str(record), target=target)
    assert causes(report) == {expected.cause: "certain"}, problems(report)
    assert report["unexplained"] == []

    outside = from_outside(read(record))
    assert set(chosen(outside)) == ({expected.from_outside} if expected.from_outside else set())
    assert alternatives(outside) == expected.stated
    assert_is_stated(expected.cause, outside, shows=bool(expected.from_outside))
    if expected.probe:
        next_probe = next_probes(outside)[expected.probe]
        assert selected(host, expected.probe, next_probe) == expected.selects
        assert expected.selects in (expected.cause, *catalogue().causes[expected.cause].looks_like)
    if fault in READ_IN_ITS_JOURNAL:
        assert expected.cause in read_in_its_journal(host, expected.selects)
    if fault in WITHOUT_A_WAY:
        without_a_way(host, expected.cause, tmp_path)
    if fault in HEALTHY_FROM_HERE:
        assert_healthy_from_here(host, tmp_path)


def test_faults_of_livekit_are_told_apart_from_inside_alone(host: Host, tmp_path: Path) -> None:
    for fault, cause, mended in LIVEKIT:
        make(host, fault)
        record = tmp_path / f"{fault}.json"
        report = doctor(host, "--record", str(record))
        assert causes(report) == {cause: "certain"}, problems(report)
        outside = from_outside(read(record))
        assert set(chosen(outside)) == {"livekit-not-running"}
        assert alternatives(outside) == {"livekit-breaks-off", "proxy-wrong-upstream"}
        assert_is_stated(cause, outside, shows=True)
        next_probe = next_probes(outside)["livekit-breaks-off"]
        assert selected(host, "livekit-breaks-off", next_probe) == "livekit-not-running"
        if fault in WITHOUT_A_WAY:
            without_a_way(host, cause, tmp_path)
        host.shell(mended)


def test_bound_to_127_0_0_1_behind_a_proxy_is_healthy(host: Host) -> None:
    make(host, *ON_LOOPBACK)
    report = doctor(host)
    assert (report["verdict"], problems(report)) == ("healthy", {})
    assert finding(report, "server.api-port")["evidence"]["addresses"] == ["127.0.0.1"]


def test_without_root_what_is_hidden_is_unknown_and_what_can_be_seen_is_told(host: Host) -> None:
    """systemd, the sockets and the files speak to everyone; the journal does not."""
    FAULTS["api-syntax-error"](host)
    FAULTS["livekit-refuses-its-yaml"](host)
    report = doctor(host, user="guest")
    for check, outcome in (
        ("server.api-unit", "crash-looping"),
        ("server.api-start", "hidden"),
        ("server.api-port", "nobody"),
        ("server.api-packages", "ok"),
        ("server.livekit-start", "hidden"),
        ("server.livekit-keys", "not-told"),
    ):
        assert finding(report, check)["id"] == f"{check}.{outcome}"
    assert "certain" not in causes(report).values()


def test_two_faults_are_both_named(host: Host) -> None:
    FAULTS["api-env-missing"](host)
    FAULTS["livekit-not-installed"](host)
    assert causes(doctor(host)) == {
        "api-env-missing": "certain",
        "livekit-not-installed": "certain",
    }
