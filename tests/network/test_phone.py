"""A lab for a phone, reached from another host of a network of our own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.lab.expectation import how, unexpected
from eloquence_ops.lab.faults import all_faults
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read
from tests.network.namespaces import Host, doctor, two_hosts
from tests.real import require_namespaces

pytestmark = pytest.mark.real

MACHINE, PHONE = "192.168.77.5", "192.168.77.9"
LAB_UP = (sys.executable, "-m", "eloquence_ops", "lab", "up")
# Ours for as long as the namespace is there; nothing is sent to it.
PUBLIC = "5.5.5.5"


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """(machine, phone) in one private network; the machine has another address, too."""
    require_namespaces()
    with two_hosts(client_has_ipv6=False) as (machine, phone):
        for host, address in ((machine, MACHINE), (phone, PHONE)):
            link = next(name for name in host.run("ls", "/sys/class/net").split() if name != "lo")
            host.run("ip", "address", "add", f"{address}/24", "dev", link)
        machine.run("ip", "route", "replace", "default", "via", PHONE, "src", MACHINE)
        yield machine, phone


def test_a_phone_in_the_network_meets_the_fault(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    machine, phone = hosts
    fault = all_faults()["proxy-wrong-vhost"]
    with machine.running([*LAB_UP, fault.id, "--for", "phone"], "The lab, for"):
        record = tmp_path / "run.json"
        urls = ("--api", f"http://{MACHINE}:8083", "--livekit", f"ws://{MACHINE}:7880")
        # The lab's own LiveKit has signalling and no media, hence no port for them.
        options = (*urls, "--skip", "ports")
        assert doctor(phone, record, *options, ELOQUENCE_API_KEY="lab-api-key") == 1
        listening = machine.run("ss", "-Hltn").split()[3::5]
    result = examine(read(record), catalogue())
    assert how(fault, result, catalogue()) == "named"
    assert unexpected((fault,), result) == set()
    hosts_of = {entry.rpartition(":")[0] for entry in listening}
    assert hosts_of == {MACHINE, "127.0.0.1"}


def _refused(host: Host) -> str:
    with pytest.raises(subprocess.CalledProcessError) as ended:
        host.run(*LAB_UP, "--for", "phone")
    assert ended.value.returncode == 3
    return str(ended.value.stderr)


def test_a_machine_without_a_network_says_so(hosts: tuple[Host, Host]) -> None:
    _, phone = hosts
    assert "no IPv4 route to a local network" in _refused(phone)


def test_a_public_address_is_not_opened(hosts: tuple[Host, Host]) -> None:
    machine, _ = hosts
    machine.run("ip", "address", "add", f"{PUBLIC}/32", "dev", "lo")
    machine.run("ip", "route", "replace", "default", "via", PHONE, "src", PUBLIC)
    assert f"({PUBLIC})" in _refused(machine)
