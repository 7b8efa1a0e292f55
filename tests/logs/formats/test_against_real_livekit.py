"""Every line that a real livekit-server writes is read, in both of its forms."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from eloquence_ops.logs.entry import Level
from eloquence_ops.logs.formats import Reader
from tests.real import require

pytestmark = pytest.mark.real


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def written(folder: Path, *, as_json: bool) -> tuple[list[str], int]:
    """The lines of a start and of a refused request; and the port."""
    require("livekit-server")
    port = free_port()
    configuration = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "keys": {"testkey": "a-secret-of-the-tests-with-more-than-32-characters"},
        "logging": {"json": as_json, "level": "debug"},
        "rtc": {
            "udp_port": free_port(),
            "tcp_port": 0,
            "node_ip": "127.0.0.1",
            "use_external_ip": False,
            "stun_servers": ["127.0.0.1:9"],
            "interfaces": {"includes": ["lo"]},
        },
    }
    file, log = folder / "livekit.yaml", folder / "livekit.log"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    server = shutil.which("livekit-server")
    assert server is not None
    with log.open("wb") as out:
        process = subprocess.Popen([server, "--config", str(file)], stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 20
            while "starting LiveKit server" not in log.read_text(encoding="utf-8"):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.05)
            refused(port)
        finally:
            process.kill()  # it may take long to end by itself
            process.wait()
    return log.read_text(encoding="utf-8").splitlines(), port


def refused(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"GET /rtc?access_token=x HTTP/1.0\r\n\r\n")
                assert b"401" in connection.recv(4096)
                return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_every_line_has_its_parts(tmp_path: Path, as_json: bool) -> None:
    lines, port = written(tmp_path, as_json=as_json)
    reader = Reader()
    read = {words.message: words for words in map(reader.read, lines)}
    for message, words in read.items():
        assert words.level is not None, message
        assert words.stamp is not None
        assert words.stamp.east_s is not None
        assert dict(words.fields)["logger"].startswith("livekit")
        assert ".go:" in dict(words.fields)["caller"]
    start, refusal = read["starting LiveKit server"], read["error handling request"]
    assert start.level is Level.INFO
    assert dict(start.fields)["portHttp"] == str(port)
    assert dict(start.fields)["bindAddresses"] == '["127.0.0.1"]'
    assert refusal.level is Level.WARNING
    assert dict(refusal.fields)["status"] == "401"
