"""Who listens, out of /proc."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from eloquence_ops.server.remote import listeners, processes
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.listeners import Sockets
from eloquence_ops.server.remote.processes import Process
from tests.server.remote import recorded


@pytest.mark.parametrize(
    ("table", "protocol", "expected"),
    [
        ("proc-net-tcp", "tcp", {("0.0.0.0", 443), ("127.0.0.1", 2019), ("127.0.0.1", 8083)}),
        ("proc-net-tcp6", "tcp", {("::", 22), ("::", 80), ("::", 443)}),
        ("proc-net-udp", "udp", {("0.0.0.0", 5353), ("0.0.0.0", 34904)}),
    ],
)
def test_a_table_of_the_kernel(table: str, protocol: str, expected: set[tuple[str, int]]) -> None:
    found = listeners.parse(recorded.text(table), protocol)
    assert {(entry.address, entry.port) for entry in found} == expected


def test_an_address_of_version_6_has_its_words_turned() -> None:
    row = "0: 00000000000000000000000001000000:1EC8 0:0 0A 0:0 0:0 0 0 0 7 1"
    (found,) = listeners.parse("head\n" + row, "tcp")
    assert (found.address, found.port) == ("::1", 7880)


def test_a_process_that_ends_while_it_is_read_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its command line, which was read, and its owner, which is asked for."""
    ended, asked = str(os.getpid()), os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        if path == f"/proc/{ended}/":
            raise FileNotFoundError(2, "No such file or directory", path)
        return asked(path, **options)

    monkeypatch.setattr("eloquence_ops.server.remote.processes.os.stat", stat)
    found = processes.every()
    assert os.getpid() not in found
    assert os.getppid() in found


def test_a_socket_of_ours_is_found_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, gaps = server.getsockname()[1], Gaps()
        every = processes.every()
        found = listeners.facts(listeners.sockets(every, gaps), every, gaps)
        assert isinstance(found["listeners"], list)
        (entry,) = [entry for entry in found["listeners"] if entry["port"] == port]
        assert entry["holders"] == [os.getpid()]
        assert isinstance(found["processes"], list)
        (process,) = [entry for entry in found["processes"] if entry["pid"] == os.getpid()]
        assert process["cwd"] == os.getcwd()  # noqa: PTH109  # as the kernel names it
        assert abs(process["started_at"] - processes.boot_time()) < 400 * 86400


@pytest.mark.parametrize(
    ("words", "is_api"),
    [
        (["python3", "api.py"], True),
        (["/home/u/.venv/bin/python", "-m", "uvicorn", "api:app", "--port", "8083"], True),
        (["/usr/bin/python3", "/home/u/.venv/bin/uvicorn", "api:app"], True),
        (["uvicorn", "api:app"], True),
        (["/x/python3.11", "/x/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "api:app"], True),
        (["python", "/home/ubuntu/eloquence_backend_py/api.py"], True),
        (["vim", "api.py"], False),
        (["tail", "-f", "api.py"], False),
        (["python", "other.py"], False),
        (["uvicorn", "main:app"], False),
        (["grep", "api:app"], False),
        ([], False),
    ],
)
def test_the_api_is_told_from_what_only_names_it(words: list[str], is_api: bool) -> None:
    assert processes.runs_api(process(words), "api:app") is is_api


def process(words: list[str], *, pid: int = 10, unit: str = "", name: str = "python") -> Process:
    return Process(pid, 1, name, words, 0, 1.0, unit)


@pytest.mark.parametrize(
    ("unit", "by_hand"),
    [
        ("eloquence-api.service", False),
        ("session-3.scope", True),
        ("ssh.service", True),
        ("", True),
    ],
)
def test_an_api_outside_its_unit_was_started_by_hand(unit: str, by_hand: bool) -> None:
    (found,) = listeners.api_processes(
        Sockets([], {}),
        {10: process(["python3", "api.py"], unit=unit)},
        "api:app",
        "eloquence-api.service",
    )
    assert found["by_hand"] is by_hand


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/eloquence-api.service\n", "eloquence-api.service"),
        (
            "9:name=systemd:/user.slice/user-1000.slice/session-3.scope\n8:pids:/x.service\n0::/\n",
            "session-3.scope",
        ),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/api.service/payload\n",
            "api.service",
        ),
        ("0::/system.slice/system-lk.slice/lk@a\\x2db.service\n", "lk@a\\x2db.service"),
        ("0::/system.slice/docker-0123abcd.scope\n", "docker-0123abcd.scope"),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_the_unit_of_a_process(cgroup: str, unit: str) -> None:
    assert processes.unit_of(cgroup) == unit


def test_a_port_that_docker_publishes() -> None:
    options = "-proto tcp -host-ip 0.0.0.0 -host-port 7880 -container-ip 172.17.0.2"
    words = ["/usr/bin/docker-proxy", *options.split(), "-container-port", "7880"]
    found = listeners.published_by_docker({10: process(words, name="docker-proxy")})
    assert found == [
        {"protocol": "tcp", "address": "0.0.0.0", "port": 7880, "to": "172.17.0.2:7880"}
    ]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"python\0api.py\0", ["python", "api.py"]),
        (b"nginx: worker process", ["nginx: worker process"]),
        (b"", []),
        (b"\0\0", []),
    ],
)
def test_a_command_line_of_the_kernel(raw: bytes, words: list[str]) -> None:
    assert processes.arguments(raw) == words
