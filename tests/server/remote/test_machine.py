"""The machine, its clock, its firewall and its changes."""

from __future__ import annotations

import os
import time

import pytest

from eloquence_ops.server.remote import changes, clock, firewall, machine, processes
from eloquence_ops.server.remote.gaps import Gaps

UFW_RULES = """\
*filter
### RULES ###

### tuple ### allow tcp 8083 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 8083 -j ACCEPT

### tuple ### allow udp 50000:60000 0.0.0.0/0 any 0.0.0.0/0 in comment=6d65646961
-A ufw-user-input -p udp -m multiport --dports 50000:60000 -j ACCEPT
### END RULES ###
"""
DPKG = """\
2026-11-20 10:48:01 startup archives unpack
2026-11-20 10:48:02 install nftables:amd64 <none> 1.0.6-2+deb12u2
2026-11-20 10:48:02 status half-installed nftables:amd64 1.0.6-2+deb12u2
2026-11-20 10:49:02 upgrade nginx:all 1.22.1-9 1.22.1-10
2026-11-18 10:49:02 remove caddy:amd64 2.6.2-5 <none>
"""


def test_what_ufw_was_told() -> None:
    assert firewall._TUPLE.findall(UFW_RULES) == [
        "allow tcp 8083 0.0.0.0/0 any 0.0.0.0/0 in",
        "allow udp 50000:60000 0.0.0.0/0 any 0.0.0.0/0 in comment=6d65646961",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read the rules")
def test_without_root_the_rules_are_unknown_and_never_empty() -> None:
    gaps = Gaps()
    found = firewall.facts(gaps)
    assert "iptables" not in found
    assert {entry["reason"] for entry in gaps.entries} == {"permission-denied"}


MODULES = "ip_tables 36864 1 iptable_filter, Live 0x0\nx_tables 53248 2 ip_tables, Live 0x0\n"
BUILT_IN = "kernel/net/ipv4/tcp_cubic.ko\nkernel/net/netfilter/xt_nf_tables.ko\n"


@pytest.mark.parametrize(
    ("loaded", "built_in", "lacks"),
    [
        (MODULES, BUILT_IN, True),
        (MODULES + "nf_tables 262144 0 - Live 0x0\n", BUILT_IN, False),
        (MODULES, BUILT_IN + "kernel/net/netfilter/nf_tables.ko\n", False),
        (MODULES, BUILT_IN + "kernel/net/netfilter/nf_tables.ko.zst\n", False),
    ],
)
def test_a_kernel_without_nftables(loaded: str, built_in: str, lacks: bool) -> None:
    assert firewall.lacks("nf_tables", loaded, built_in) is lacks


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the rules")
@pytest.mark.parametrize(("kernel_has_none", "told"), [(True, '{"nftables": []}'), (False, None)])
def test_without_the_program_there_are_no_rules_where_the_kernel_has_no_nftables(
    kernel_has_none: bool, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(firewall._COMMANDS, "nft", ["no-such-nft"])
    monkeypatch.setattr(firewall, "_no_nftables", lambda: kernel_has_none)
    gaps = Gaps()
    assert firewall.facts(gaps).get("nft") == told
    assert ("nft" in {entry["fact"] for entry in gaps.entries}) is not kernel_has_none


def test_what_dpkg_did_in_the_last_day() -> None:
    now = time.mktime((2026, 11, 20, 12, 0, 0, 0, 0, -1))
    found = changes.packages(DPKG, now)
    assert [(entry["action"], entry["name"], entry["after"]) for entry in found] == [
        ("install", "nftables", "1.0.6-2+deb12u2"),
        ("upgrade", "nginx", "1.22.1-10"),
    ]


def test_memory_is_in_bytes() -> None:
    found = machine.memory("MemTotal:  1024 kB\nMemAvailable:   512 kB\nSwapTotal:  0 kB\n")
    assert found == {
        "total": 1048576,
        "available": 524288,
        "swap_total": 0,
        "swap_free": None,
    }


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ('NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"\n', "Ubuntu 22.04.4 LTS"),
        ("PRETTY_NAME=Arch\n", "Arch"),
        ("", ""),
    ],
)
def test_the_name_of_the_system(release: str, name: str) -> None:
    assert machine.system_name(release) == name


def test_a_file_system_is_told_once_with_the_folders_on_it() -> None:
    found = machine.disks(["/", "/etc", "/no-such-folder"], Gaps())
    assert next(entry["paths"] for entry in found) == ["/", "/etc"]


def test_this_machine() -> None:
    gaps = Gaps()
    found = machine.facts(["/"], {}, gaps)
    assert gaps.entries == []
    assert {"memory", "load", "kernel", "system", "socket_buffers"} <= found.keys()
    assert processes.boot_time() < time.time()


def test_the_clock_tells_who_keeps_it() -> None:
    gaps = Gaps()
    found = clock.facts({"chronyd", "sh"}, gaps)
    assert found["daemons"] == ["chronyd"]
    assert abs(float(str(found["now"])) - time.time()) < 60
    assert isinstance(found["synchronised"], bool), gaps.entries
