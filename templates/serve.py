"""Serves the API on the sockets that systemd holds, and ends without losing a request.

Installed by `eloquence deploy` into each release; runs with the release's own Python and uvicorn,
which is 0.22 or newer:

    serve.py APPLICATION [--public-on-signal] [--bind HOST:PORT]

What it adds to `uvicorn --fd`: systemd learns when the application has started (`Type=notify`);
one process can have several sockets; and on SIGTERM every connection that was accepted is answered.
A plain uvicorn closes one that it accepted and has not read from yet: a reset, to the client.

A socket named `private` is served at once, every other one too unless `--public-on-signal`: then
from SIGUSR1 on, so that a new release can be looked at before anybody meets it.
"""

import argparse
import asyncio
import functools
import os
import signal
import socket
import sys

import uvicorn

IDLE_S = 2.0
"""How long a connection that asks for nothing is waited for at the end."""
STOPPING_S = 20
ACCEPTED_AT_ONCE = 16
CLOSE = (b"connection", b"close")


def main():
    options = _options()
    # As `uvicorn` itself does: the application lies in the folder that the service runs in.
    sys.path[0] = os.getcwd()
    named = [("public", _bound(options.bind))] if options.bind else inherited()
    if not named:
        sys.exit("serve.py: systemd passed no socket, and there is no --bind.")
    config = uvicorn.Config(options.application, workers=1, timeout_graceful_shutdown=STOPPING_S)
    later = options.public_on_signal
    Server(
        config,
        at_once=[each for name, each in named if name == "private" or not later],
        later=[each for name, each in named if name != "private" and later],
    ).run()


def _options():
    parser = argparse.ArgumentParser()
    parser.add_argument("application")
    parser.add_argument("--public-on-signal", action="store_true")
    parser.add_argument("--bind", metavar="HOST:PORT")
    return parser.parse_args()


def inherited():
    """The listening sockets that systemd passed, by their names: sd_listen_fds(3)."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return []
    count = int(os.environ.pop("LISTEN_FDS", "0"))
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    found = []
    for at in range(count):
        os.set_inheritable(3 + at, False)
        # Family and kind are asked from the kernel, so that TCP_NODELAY is set as it should be.
        found.append((names[at] if at < len(names) else "", socket.socket(fileno=3 + at)))
    return found


def _bound(where):
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        sys.exit("serve.py: {}: {}".format(where, error.strerror))
    listener.listen(2048)
    return listener


def notify(state):
    """sd_notify(3); by hand nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.sendto(state.encode(), address.replace("@", "\0", 1))


class Server(uvicorn.Server):
    """uvicorn, but for how connections come in and how it ends."""

    def __init__(self, config, at_once, later):
        super().__init__(config)
        self._at_once, self._later = at_once, later
        self._open = []
        self._joining = set()

    async def startup(self, sockets=None):  # noqa: ARG002
        # With no sockets of its own uvicorn starts the application and listens nowhere. Its way of
        # accepting loses what it has accepted and not yet attached when it is closed (CPython
        # asserts that the server is open when the connection is handed over).
        await super().startup(sockets=[])
        if self.should_exit:
            return
        self._loop = asyncio.get_running_loop()
        self._protocol = self._factory()
        self._loop.add_signal_handler(signal.SIGUSR1, self._go_public)
        self._listen(self._at_once)
        notify("READY=1")

    def _factory(self):
        return functools.partial(
            self.config.http_protocol_class,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    def _go_public(self):
        waiting, self._later = self._later, []
        if waiting and not self.should_exit:
            self._listen(waiting)
            notify("STATUS=accepting on the public socket")

    def _listen(self, listeners):
        for listener in listeners:
            listener.setblocking(False)
            self._loop.add_reader(listener.fileno(), self._accept, listener)
            self._open.append(listener)
            self._tell(listener)

    @staticmethod
    def _tell(listener):
        name = listener.getsockname()
        where = name if isinstance(name, str) else "{}:{}".format(*name[:2])
        print("Serving on {}".format(where), file=sys.stderr, flush=True)

    def _accept(self, listener):
        # Another process may take from the same socket: a few at a time, and none is no error.
        # systemd makes it blocking again, for everybody, when it starts a service that has it and
        # no `NonBlocking=true`; we would then stand still here.
        listener.setblocking(False)
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no more descriptors: those who wait are taken later
                print("accept: {}".format(error.strerror), file=sys.stderr, flush=True)
                self._loop.remove_reader(listener.fileno())
                self._loop.call_later(1.0, self._accept_again, listener)
                return
            connection.setblocking(False)
            joining = self._loop.create_task(
                self._loop.connect_accepted_socket(self._protocol, connection)
            )
            self._joining.add(joining)
            joining.add_done_callback(self._joined)

    def _accept_again(self, listener):
        if listener in self._open:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _joined(self, joining):
        self._joining.discard(joining)
        if not joining.cancelled():
            joining.exception()  # the client has gone meanwhile

    async def shutdown(self, sockets=None):  # noqa: ARG002
        notify("STOPPING=1")
        for listener in self._open:
            self._loop.remove_reader(listener.fileno())
        # Closed at the end: with `--bind` it is the only one that holds those who wait in line.
        bound, self._open = self._open, []
        await self._answer_the_accepted()
        for listener in bound:
            listener.close()
        await super().shutdown(sockets=[])

    async def _answer_the_accepted(self):
        """Every connection gets its answer with `Connection: close`; who asks for nothing within
        `IDLE_S` is let go. Whatever is being answered then has uvicorn's own time to end."""
        if self._joining:
            await asyncio.wait(list(self._joining))
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in list(self.server_state.connections):
            self._close_after_answer(connection)
        until = self._loop.time() + IDLE_S
        while self.server_state.connections and self._loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def _close_after_answer(self, connection):
        """One that is being answered already took its headers before."""
        cycle = getattr(connection, "cycle", None)
        if cycle is not None and not getattr(cycle, "response_started", True):
            cycle.default_headers = self.server_state.default_headers


if __name__ == "__main__":
    main()
