"""The launcher with each uvicorn that it must work with: sockets, readiness, signals, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eloquence_ops import datafiles
from tests.deploy.uvicorns import BETWEEN, NEWEST, OLDEST, python_with

_APP: Final = """
import asyncio
import os


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.8)
    body = b"pid=%d." % os.getpid()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
_CLIENTS: Final = 8
_ENDED: Final = (0, -signal.SIGTERM)
"""As it should: uvicorn raises the signal again at the end, since 0.29."""

_RELEASES: Final = [
    pytest.param(NEWEST, False, id="newest"),
    pytest.param(OLDEST, False, id="oldest"),
    pytest.param(NEWEST, True, id="newest-faster", marks=pytest.mark.soak),
    pytest.param(OLDEST, True, id="oldest-faster", marks=pytest.mark.soak),
    *(
        pytest.param(release, faster, id=f"{release}-{faster}", marks=pytest.mark.soak)
        for release in BETWEEN
        for faster in (False, True)
    ),
]


class Instance:
    """One process of the launcher, with the sockets that systemd would pass it."""

    def __init__(
        self, python: str, folder: Path, sockets: dict[str, socket.socket], *more: str
    ) -> None:
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = folder / f"notify-{time.monotonic_ns()}"
        self._told.bind(str(path))
        self._told.settimeout(20)
        numbers = [each.fileno() for each in sockets.values()]
        # They are 3 and up, whatever they are here; by way of numbers that none of them has.
        moved = " ".join(f"{100 + at}<&{number}" for at, number in enumerate(numbers))
        placed = " ".join(f"{3 + at}<&{100 + at}" for at in range(len(numbers)))
        launcher = datafiles.folder("templates") / "serve.py"
        self.process = subprocess.Popen(
            [
                *("bash", "-c", f'exec {moved}; exec {placed}; LISTEN_PID=$$ exec "$@"', "bash"),
                *(python, str(launcher), "app:app", *more),
            ],
            cwd=folder,
            pass_fds=numbers,
            env={
                "PATH": os.environ["PATH"],
                "LISTEN_FDS": str(len(numbers)),
                "LISTEN_FDNAMES": ":".join(sockets),
                "NOTIFY_SOCKET": str(path),
            },
        )
        self.hears("READY=1")

    def hears(self, what: str) -> None:
        """Waits until systemd would have been told this."""
        while (said := self._told.recv(1024).decode()) != what:
            assert said.startswith(("STATUS=", "STOPPING=", "READY=")), said

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self._told.close()


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        yield listener


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(_APP, encoding="utf-8")
    return tmp_path


def _connected(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname(), timeout=10)


def _answer(connection: socket.socket, path: str = "/") -> bytes:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return _heard(connection)


def _heard(connection: socket.socket) -> bytes:
    said = b""
    while b"pid=" not in said or not said.endswith(b"."):
        piece = connection.recv(4096)
        if not piece:
            break
        said += piece
    return said


@pytest.mark.parametrize(("release", "faster"), _RELEASES)
def test_it_is_ready_when_it_serves_and_public_when_it_is_told(
    folder: Path, release: str, faster: bool
) -> None:
    python = python_with(release, faster=faster)
    with _listening() as private, _listening() as public, contextlib.ExitStack() as stack:
        sockets = {"private": private, "public": public}
        one = Instance(python, folder, sockets, "--public-on-signal")
        stack.callback(one.close)
        with _connected(private) as connection:
            assert _answer(connection).startswith(b"HTTP/1.1 200")
        with _connected(public) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            one.process.send_signal(signal.SIGUSR1)
            one.hears("STATUS=accepting on the public socket")
            connection.settimeout(10)
            assert _heard(connection).startswith(b"HTTP/1.1 200")
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(20) in _ENDED


@pytest.mark.parametrize(("release", "faster"), _RELEASES)
def test_nobody_is_lost_when_one_ends_and_another_serves(
    folder: Path, release: str, faster: bool
) -> None:
    python = python_with(release, faster=faster)
    lost: list[str] = []
    served: list[bytes] = []
    over = threading.Event()

    def ask(listener: socket.socket) -> None:
        while not over.is_set():
            try:
                with _connected(listener) as connection:
                    said = _answer(connection)
            except OSError as error:
                lost.append(f"{error}")
                continue
            if said.startswith(b"HTTP/1.1 200"):
                served.append(said.rpartition(b"pid=")[2].partition(b".")[0])
            else:
                lost.append(repr(said))

    with _listening() as public, contextlib.ExitStack() as stack:
        old = Instance(python, folder, {"public": public})
        stack.callback(old.close)
        stack.callback(over.set)
        # Accepted, and nothing said yet; on the way to its answer; kept open after one.
        silent, slow, kept = (stack.enter_context(_connected(public)) for _ in range(3))
        assert _answer(kept).startswith(b"HTTP/1.1 200")
        slow.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        new = Instance(python, folder, {"public": public})
        stack.callback(new.close)
        clients = [
            threading.Thread(target=ask, args=(public,), daemon=True) for _ in range(_CLIENTS)
        ]
        for client in clients:
            client.start()
        time.sleep(0.2)
        old.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        for connection in (silent, kept):
            said = _answer(connection)
            assert said.startswith(b"HTTP/1.1 200"), said
            assert b"connection: close" in said.lower()
        said = _heard(slow)
        assert said.startswith(b"HTTP/1.1 200"), said
        assert old.process.wait(20) in _ENDED
        over.set()
        for client in clients:
            client.join(20)
    assert lost == []
    assert set(served) == {str(each.process.pid).encode() for each in (old, new)}
    assert len(served) > _CLIENTS
