"""The HTTP/2 of a proxy that announces websockets over it (RFC 8441) and passes none on: 405.

For nothing else: whoever asks for a page over HTTP/2 is answered 405 too.
"""

import asyncio

_HEADERS = 1
# One setting, SETTINGS_ENABLE_CONNECT_PROTOCOL: 1.
_ANNOUNCED = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x08\x00\x00\x00\x01"
# `:status: 405`, a literal whose name is entry 8 of the static table (RFC 7541, 6.2.2).
_REFUSED = b"\x08\x03405"
_END = 0x1 | 0x4  # of the stream, and of its headers
_HEAD = 9
_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_LARGEST = 16 * 1024
_PATIENCE_S = 10.0


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the first request has its answer."""
    async with asyncio.timeout(_PATIENCE_S):
        writer.write(_ANNOUNCED)
        await writer.drain()
        await reader.readexactly(_PREFACE)
        while True:
            head = await reader.readexactly(_HEAD)
            length, stream = int.from_bytes(head[:3], "big"), head[5:9]
            if length > _LARGEST:
                return
            await reader.readexactly(length)
            if head[3] == _HEADERS:
                answer = len(_REFUSED).to_bytes(3, "big") + bytes([_HEADERS, _END]) + stream
                writer.write(answer + _REFUSED)
                await writer.drain()
                return
