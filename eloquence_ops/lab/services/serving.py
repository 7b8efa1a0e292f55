"""Running the lab's ASGI services inside an asyncio loop that is not theirs.

uvicorn is built to own the process: it installs signal handlers, polls for its own start,
and waits for clients before it stops. The lab starts several services in one loop, next to a
command that handles Ctrl-C itself, so here the socket is ours, signals are left alone, the
start is an event, and stopping never waits for a client.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from eloquence_ops.lab.services.listening import Closing, listening_socket

# What a stuck connection or a handler that ignores cancellation may cost when stopping.
# uvicorn itself takes up to 0.2 s (one tick, one pause for responses that are on their way).
_STOP_GRACE_S = 1.0


class _Server(uvicorn.Server):
    """uvicorn without its claim on the process; `ready` is set once it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@dataclass(slots=True)
class Served(Closing):
    """A running service. `async with` stops it at the end; `close()` may be called twice."""

    host: str
    port: int
    _server: _Server
    _task: asyncio.Task[None]

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, as `ProxyBehaviour.routes` takes it."""
        return self.host, self.port

    async def close(self) -> None:
        """Stop within two seconds, whatever its clients and handlers are doing."""
        self._server.should_exit = True
        state = self._server.server_state
        done, _ = await asyncio.wait({self._task}, timeout=_STOP_GRACE_S)
        if not done:
            self._task.cancel()
            for handler in list(state.tasks):
                handler.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        # Handlers that were cancelled (a hanging request, an open websocket) have not run to
        # their end yet, and a transport whose client does not read would never close.
        for connection in list(state.connections):
            transport: Any = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=_STOP_GRACE_S / 2)
        # One turn of the loop, in which aborted transports close their sockets.
        await asyncio.sleep(0)


async def serve(
    app: Any, *, port: int = 0, host: str = "127.0.0.1", server_header: bool = True
) -> Served:
    """Serve an ASGI application and return once it accepts connections.

    The application's lifespan is not run (uvicorn ends the process when it fails), and nothing
    is logged. `server_header` is uvicorn's `server: uvicorn`: one of the marks by which a hop
    is recognised, so a stand-in for another server leaves it out.

    Raises:
        PortInUse: the fixed port is taken.
    """
    sock = listening_socket(port, host)
    try:
        server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                # Standard asyncio everywhere: the loop is the caller's.
                loop="none",
                access_log=False,
                log_config=None,
                log_level="critical",
                server_header=server_header,
                # Zero means: after 0.1 s for answers on their way, cancel what is left.
                timeout_graceful_shutdown=0,
            )
        )
        bound_port: int = sock.getsockname()[1]
        task = asyncio.create_task(server.serve(sockets=[sock]), name=f"lab-serve-{bound_port}")
        ready = asyncio.create_task(server.ready.wait())
        try:
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
        if task.done():
            await task
            raise RuntimeError(f"the service on {host} port {bound_port} ended while starting")
    except BaseException:
        sock.close()
        raise
    return Served(host, bound_port, server, task)


@contextlib.asynccontextmanager
async def serving(
    app: Any, *, port: int = 0, host: str = "127.0.0.1", server_header: bool = True
) -> AsyncIterator[Served]:
    """`serve`, stopped at the end of the block."""
    async with await serve(app, port=port, host=host, server_header=server_header) as served:
        yield served
