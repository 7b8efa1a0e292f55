"""Parts of the lab as a process of its own, for a namespace: `python -m tests.network.services`.

api=ADDRESS:PORT  livekit=ADDRESS:PORT  dns=ADDRESS:PORT,NAME=ADDRESS+ADDRESS,…  proxy=ADDRESS:PORT
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from eloquence_ops.lab.services.api import ApiBehaviour, build_api
from eloquence_ops.lab.services.coach import AgentWorker
from eloquence_ops.lab.services.dns import DnsServer
from eloquence_ops.lab.services.livekit import LivekitBehaviour, build_livekit
from eloquence_ops.lab.services.serving import serving


async def main(arguments: list[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for argument in arguments:
            kind, _, rest = argument.partition("=")
            place, _, more = rest.partition(",")
            host, _, port = place.rpartition(":")
            host = host.strip("[]")
            match kind:
                case "api":
                    url = more or f"ws://{host}:7880"
                    agents = await stack.enter_async_context(AgentWorker(f"ws://{host}:7880"))
                    app: object = build_api(ApiBehaviour(livekit_url=url), agents)
                    await stack.enter_async_context(serving(app, host=host, port=int(port)))
                case "livekit":
                    app = build_livekit(LivekitBehaviour())
                    await stack.enter_async_context(serving(app, host=host, port=int(port)))
                    media = await asyncio.start_server(_hang_up, host, 7881)
                    stack.callback(media.close)
                case "dns":
                    names = (pair.partition("=") for pair in more.split(","))
                    server = DnsServer({name: there.split("+") for name, _, there in names})
                    await server.start(host=host, port=int(port))
                    stack.push_async_callback(server.close)
                case "proxy":
                    proxy = await asyncio.start_server(_forward, host, int(port))
                    stack.callback(proxy.close)
        print("ready", flush=True)
        await asyncio.Event().wait()


def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """LiveKit's ICE over TCP, as far as a port scan sees it."""
    writer.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A forward proxy, as much of one as a GET with an absolute URL needs (RFC 9112 §3.2.2)."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    method, url, version = line.split(b" ")
    authority, slash, path = url.partition(b"://")[2].partition(b"/")
    host, _, port = authority.decode().rpartition(":")
    there, out = await asyncio.open_connection(host.strip("[]"), int(port))
    out.write(b" ".join((method, slash + path, version)) + b"\r\nConnection: close\r\n" + fields)
    while chunk := await there.read(65536):
        writer.write(chunk)
        await writer.drain()
    out.close()
    writer.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1:]))
