"""A websocket over a `Channel`: `websockets` does the protocol, the road and the bounds are ours.

Neither the environment's proxy nor a redirect has a say, and compression is not offered: what
comes is as large as it looks.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections import deque
from typing import Final, NoReturn
from urllib.parse import quote

from websockets.client import ClientProtocol
from websockets.exceptions import (
    InvalidStatus,
    NegotiationError,
    PayloadTooBig,
    WebSocketException,
)
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import WebSocketURI

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.probes.channel import Channel
from eloquence_ops.probes.http_request import USER_AGENT, without_zone
from eloquence_ops.secrets import Secret

LARGEST_MESSAGE_BYTES: Final = 256 * 1024
MOST_BYTES: Final = 512 * 1024
"""All that may come over one connection, the answer to the handshake included."""
MOST_FRAMES: Final = 2000
"""Of the smallest frames, bytes alone would let a peer send more than there is time to read."""

_AT_ONCE: Final = 16 * 1024
_BODY_SHOWN: Final = 4 * 1024
# What a server hands out as a token may be anything; in a header a line break begins another one.
_FIT_FOR_A_HEADER: Final = re.compile(r"[\x21-\x7e]+")
_MESSAGES: Final = (Opcode.BINARY, Opcode.TEXT, Opcode.CONT)


class Refused(Exception):
    """The answer to the handshake is HTTP and not 101. `body` holds the peer's words."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class NotWebsocket(Exception):
    """What came is neither a refusal nor a websocket; the text may hold the peer's words."""


class Ended(Exception):
    """The peer has ended the connection; the text is its reason, if it gave one."""


FAULTS: Final = (OSError, Refused, NotWebsocket, Ended)
"""What a peer or the network can make happen; all else is our defect."""


class Websocket:
    """An open one. The caller sets the deadlines and closes the channel."""

    def __init__(self, channel: Channel, endpoint: Endpoint, path: str) -> None:
        self._channel = channel
        self._protocol = ClientProtocol(
            _uri(endpoint, path), max_size=LARGEST_MESSAGE_BYTES, logger=_silent()
        )
        self._host = without_zone(endpoint.authority)
        self._frames: deque[Frame] = deque()
        self._left, self._frames_left, self._at_end = MOST_BYTES, MOST_FRAMES, False

    @classmethod
    async def open(
        cls, channel: Channel, endpoint: Endpoint, path: str, bearer: Secret
    ) -> Websocket:
        """The handshake, with the token in a header: a query would end up in logs.

        `path` is put behind the endpoint's own. Raises one of `FAULTS`.
        """
        if _FIT_FOR_A_HEADER.fullmatch(bearer.reveal()) is None:
            raise NotWebsocket("the token holds characters that HTTP does not allow")
        websocket = cls(channel, endpoint, path)
        await websocket._shake_hands(bearer)
        return websocket

    async def receive(self) -> bytes:
        """The next message, of text or bytes. Raises one of `FAULTS`."""
        message = bytearray()
        while True:
            while not self._frames:
                self._look_for_an_end()
                await self._take_in()
            frame = self._frames.popleft()
            if frame.opcode not in _MESSAGES:
                continue
            message += frame.data
            if frame.fin:
                return bytes(message)

    async def send(self, message: bytes) -> None:
        """Raises `OSError`, or `Ended` where the connection is closing."""
        try:
            self._protocol.send_binary(message)
        except WebSocketException as error:
            raise Ended(str(error)) from None
        await self._flush()

    async def _shake_hands(self, bearer: Secret) -> None:
        request = self._protocol.connect()
        # Where there is a redirection, the name stays the endpoint's own.
        del request.headers["Host"]
        request.headers["Host"] = self._host
        request.headers["User-Agent"] = USER_AGENT
        request.headers["Authorization"] = f"Bearer {bearer.reveal()}"
        self._protocol.send_request(request)
        await self._flush()
        while not await self._take_in():
            self._look_for_an_end()

    async def _take_in(self) -> bool:
        """Reads once and sorts what came; whether the handshake's answer was in it."""
        data = await self._channel.receive(min(_AT_ONCE, self._left))
        self._left -= len(data)
        if data:
            self._protocol.receive_data(data)
        else:
            self._at_end = True
            self._protocol.receive_eof()
        # A peer that has left takes no farewell; what it had sent before counts.
        with contextlib.suppress(OSError):
            await self._flush()
        answered = False
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frames.append(event)
                self._frames_left -= 1
            else:
                answered = isinstance(event, Response)
        if (failure := self._protocol.handshake_exc) is not None:
            _refuse(failure, at_end=self._at_end)
        return answered

    def _look_for_an_end(self) -> None:
        """Raises what the connection came to, if it is over; messages before that come first."""
        broken = self._protocol.parser_exc
        if broken is not None and not isinstance(broken, EOFError):
            raise NotWebsocket(_broken(broken))
        if self._at_end or self._protocol.close_expected():
            said = self._protocol.close_rcvd
            raise Ended((said and said.reason) or "the server closed the connection")
        if self._left <= 0 or self._frames_left <= 0:
            raise NotWebsocket(f"more than {MOST_BYTES} bytes or {MOST_FRAMES} frames came")

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # the empty one means: end our half, which closing does
                await self._channel.send(data)


def _refuse(failure: Exception, *, at_end: bool) -> NoReturn:
    if isinstance(failure, InvalidStatus):
        response = failure.response
        raise Refused(response.status_code, bytes(response.body or b"")[:_BODY_SHOWN])
    cause = failure.__cause__
    if at_end and isinstance(cause, EOFError):
        raise Ended("the server closed the connection before it answered")
    if isinstance(failure, NegotiationError):
        raise NotWebsocket("the answer to the handshake takes what was not offered")
    raise NotWebsocket(f"the answer to the handshake is no websocket's: {cause or failure}")


def _broken(error: Exception) -> str:
    """What a message broke: our bound, or the protocol, in the library's words."""
    if isinstance(error, PayloadTooBig):
        return f"a message of more than {LARGEST_MESSAGE_BYTES} bytes came"
    return f"what came breaks the websocket protocol: {error}"


def _uri(endpoint: Endpoint, path: str) -> WebSocketURI:
    own = quote(endpoint.path, safe="%/?@!$&'()*+,;=:-._~")
    before, _, query = path.partition("?")
    return WebSocketURI(endpoint.secure, endpoint.host, endpoint.port, own + before, query)


def _silent() -> logging.Logger:
    """The library logs a handshake's headers, token and all, where somebody asks for its logs."""
    logger = logging.Logger("eloquence-websocket", logging.CRITICAL + 1)
    logger.propagate = False
    return logger
