"""The kernel's log, from the journal or from the kernel itself."""

from __future__ import annotations

import os

import pytest

from eloquence_ops.server.remote import journal, kernel_log
from eloquence_ops.server.remote.journal import Line
from eloquence_ops.server.remote.log_patterns import KERNEL, recognised
from eloquence_ops.server.remote.reading import Unreadable

VICTIM = (
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
    "oom_memcg=/system.slice/eloquence-api.service,"
    "task_memcg=/system.slice/eloquence-api.service,task=uvicorn,pid=5469,uid=1000"
)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("Out of memory: Killed process 812 (python) total-vm:1kB", "oom-kill"),
        ("Memory cgroup out of memory: Killed process 5469 (uvicorn) total-vm:3kB", "oom-kill"),
        (VICTIM, "oom-victim"),
        ("EXT4-fs (vda1): Remounting filesystem read-only", "disk-error"),
        ("oom_reaper: reaped process 5469 (uvicorn), now anon-rss:0kB", None),
        ("usb 1-1: new device", None),
    ],
)
def test_a_line_of_the_kernel(message: str, found: str | None) -> None:
    pattern = recognised(message, KERNEL)
    assert (pattern.found if pattern else None) == found


def test_a_record_of_the_ring() -> None:
    read = kernel_log.parse(b"3,1034,5140900,-;Out of memory: Killed\n SUBSYSTEM=x\n", 1000.0)
    assert read == Line(1005.1409, 3, "kernel", "Out of memory: Killed", "")


def test_of_a_containers_groups_only_its_own_part_is_kept() -> None:
    outside = VICTIM.replace("memcg=", "memcg=/machine.slice/other/payload")
    read = kernel_log.parse(f"6,1,0,-;{outside}\n".encode(), 0.0)
    assert read is not None
    assert read.message == VICTIM


@pytest.mark.parametrize(
    "record", [b"", b"\xff\xfe", b"6,1;x", b"x,1,2,-;x", b"12,1,2,-;by a program"]
)
def test_what_is_no_record_of_the_kernels_own_is_passed_over(record: bytes) -> None:
    assert kernel_log.parse(record, 1000.0) is None


def _unreadable(*_: object) -> list[Line]:
    raise Unreadable("permission-denied", "journalctl")


def test_where_journald_keeps_none_they_come_from_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    killed = Line(5.0, 3, "kernel", VICTIM, "")
    monkeypatch.setattr(journal, "of_kernel", list)
    monkeypatch.setattr(kernel_log, "ring", lambda _: [killed])
    found = kernel_log.facts()
    assert found["source"] == "ring"
    assert [entry["found"] for entry in found["recognised"]] == ["oom-victim"]  # type: ignore[attr-defined]


def test_where_neither_can_be_read_the_journals_refusal_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal, "of_kernel", _unreadable)
    monkeypatch.setattr(kernel_log, "_RING", "/nowhere")
    with pytest.raises(Unreadable) as refusal:
        kernel_log.facts()
    assert refusal.value.reason == "permission-denied"


@pytest.mark.skipif(os.geteuid() != 0, reason="the ring is root's")
def test_the_ring_of_this_machine() -> None:
    try:
        lines = kernel_log.ring(1000.0)
    except Unreadable:
        pytest.skip("this machine hides its ring")
    assert lines == sorted(lines, key=lambda line: line.at)
    assert all(line.message for line in lines[:3])
