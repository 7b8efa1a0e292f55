"""Talking with the server's program: one link, one command, frames there and events back.

A lost link changes nothing on the server: it is made again, and what happened meanwhile is asked
for by number.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets as randomness
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eloquence_ops.deploy import program, wire
from eloquence_ops.deploy.failures import DeployRefused, WentOn
from eloquence_ops.deploy.job import Request
from eloquence_ops.deploy.wire import Event, Events, NotEvents
from eloquence_ops.secrets import Secret
from eloquence_ops.server import sudo
from eloquence_ops.server.errors import HostKeyRefused, LinkError
from eloquence_ops.server.link import Link, Running
from eloquence_ops.server.threads import in_thread
from eloquence_ops.untrusted import one_line

Connect = Callable[[], Awaitable[Link]]
Confirm = Callable[[], Awaitable[str | None]]
"""None: it is good. A text: why it is not."""

ANSWER_S: Final = 60.0
_LIFE_EVERY_S: Final = 5.0
_WAITS_S: Final = 10.0  # the program waits twice as long for the next word
_FIRST_WAIT_S: Final = 0.3
_LONGEST_WAIT_S: Final = 5.0
_GIVE_UP_S: Final = 600.0
_NOT_FOUND: Final = ("python3: command not found", "python3: not found", "python3: No such file")


class Watcher(Protocol):
    """Who shows what happens."""

    def event(self, event: Event) -> None: ...
    def note(self, phrase_id: str, **values: object) -> None: ...
    def sent(self, size: int) -> None: ...


@dataclass
class Server:
    """One server: the link is made when it is needed, and again when it was lost."""

    host: str
    connect: Connect
    password: Secret | None = None
    _link: Link | None = None
    _kept: tuple[Dialogue, float] | None = None

    async def link(self) -> Link:
        if self._link is None:
            self._link = await self.connect()
        return self._link

    async def drop(self) -> None:
        self._kept = None
        if self._link is not None:
            link, self._link = self._link, None
            with contextlib.suppress(LinkError):
                await link.close()

    async def begin(
        self, request: Mapping[str, Any], secrets: Mapping[str, Secret | None] | None = None
    ) -> Dialogue:
        """Raises `LinkError`."""
        if (kept := await self._taken()) is not None:
            await kept.send_raw(wire.request(kept.nonce, request) + wire.secrets(secrets or {}))
            return kept
        nonce = randomness.token_hex(8)
        text = program.source()
        sent = text + wire.request(nonce, request) + wire.secrets(secrets or {})
        prepared = sudo.as_root(program.command(len(text)), self.password, sent)
        running = await (await self.link()).start(prepared.command, stdin=prepared.stdin)
        return Dialogue(self.host, running, Events(nonce))

    def keep(self, dialogue: Dialogue) -> None:
        """The program that has answered a survey waits for a while for what comes of it."""
        self._kept = dialogue, time.monotonic()

    async def _taken(self) -> Dialogue | None:
        """The one that was kept; None where there is none, or it does not wait any more."""
        if self._kept is None:
            return None
        (dialogue, since), self._kept = self._kept, None
        if time.monotonic() - since < _WAITS_S:
            return dialogue
        await dialogue.close()
        return None

    async def ask(
        self,
        request: Mapping[str, Any],
        secrets: Mapping[str, Secret | None] | None = None,
        *,
        timeout_s: float = ANSWER_S,
    ) -> Event:
        """The one event that answers. Raises `LinkError`."""
        dialogue = await self.begin(request, secrets)
        try:
            async with asyncio.timeout(timeout_s):
                async for event in dialogue.events():
                    return event
        except TimeoutError:
            raise LinkError("deploy.mute", host=self.host, seconds=f"{timeout_s:g}") from None
        finally:
            await dialogue.close()
        raise dialogue.not_begun()


class Dialogue:
    """The server's program while it runs."""

    def __init__(self, host: str, running: Running, events: Events) -> None:
        self._host, self._running, self._events = host, running, events
        self._writing = asyncio.Lock()

    async def events(self) -> AsyncIterator[Event]:
        """Until the program ends. Raises `LinkLost`, and `LinkError` for what is no answer."""
        begun = False
        try:
            while data := await self._running.read():
                for event in self._events.feed(data):
                    begun = True
                    yield event
        except NotEvents:
            raise LinkError("deploy.garbled", host=self._host, what="—") from None
        if not begun:
            raise self.not_begun()

    async def send(self, kind: str, payload: bytes = b"") -> None:
        await self.send_raw(wire.frame(kind, payload))

    async def send_raw(self, frames: bytes) -> None:
        # A frame goes out in pieces, as the link takes them: others wait until it is whole.
        async with self._writing:
            await self._running.write(frames)

    async def close(self) -> None:
        await self._running.close()

    @property
    def nonce(self) -> str:
        return self._events.nonce

    @property
    def privilege(self) -> sudo.Went:
        """How it ran as root, as far as it was told."""
        return sudo.went(self._running.said())

    def not_begun(self) -> LinkError:
        went = self.privilege
        said = one_line(went.stderr or self._events.noise.encode(), limit=300)
        if any(words in said for words in _NOT_FOUND):
            return LinkError("deploy.no-python", host=self._host)
        if refused := not_root(went, self._host):
            return refused
        return LinkError("deploy.not-begun", host=self._host, said=said or "—")


def not_root(went: sudo.Went, host: str) -> LinkError | None:
    """Why a command did not run as root, if it did not."""
    match went.privilege:
        case sudo.Privilege.PASSWORD_MISSING:
            return LinkError("deploy.sudo-password", host=host)
        case sudo.Privilege.NO_SUDO:
            return LinkError("deploy.no-sudo", host=host)
        case sudo.Privilege.REFUSED:
            return sudo.refusal(went.said, host)
    return None


class Apply:
    """One apply, from the request to its end. `frames` are made while they are sent; nothing is
    changed before `ready` has returned.

    `interrupt` may be called from a signal handler: the first time the server is asked to go back,
    the second time it is left to itself.
    """

    def __init__(
        self,
        server: Server,
        request: Request,
        watcher: Watcher,
        *,
        secrets: Mapping[str, Secret | None] | None = None,
        frames: Callable[[], Iterator[bytes]] | None = None,
        ready: Callable[[], Awaitable[None]] | None = None,
        confirm: Confirm | None = None,
    ) -> None:
        self._server, self._request, self._watcher = server, request, watcher
        self._secrets, self._frames = secrets, frames
        self._ready, self._confirm = ready, confirm
        self._dialogue: Dialogue | None = None
        self._seen = 0
        self._launched = False
        self._lost_at: float | None = None
        self._failure: Exception | None = None
        self._answer: tuple[str, bytes] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._deciding: asyncio.Task[None] | None = None
        self._left = asyncio.Event()
        self.interrupted = False

    def interrupt(self) -> None:
        if self.interrupted:
            self._left.set()
            return
        self.interrupted = True
        self._watcher.note("deploy.interrupting")
        self._reply(wire.UNDO, b"interrupted")

    async def run(self) -> Event:
        """The event `ended`. Raises `LinkError`, `SourceChanged`, `WentOn`."""
        following = asyncio.ensure_future(self._to_its_end())
        leaving = asyncio.ensure_future(self._left.wait())
        try:
            await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                raise WentOn("deploy.left", release=self._request["release"])
            ended = following.result()
        finally:
            for task in (following, leaving, *self._tasks):
                task.cancel()
            await asyncio.wait({following, leaving, *self._tasks}, timeout=1.0)
            if self._dialogue is not None:
                await self._dialogue.close()
        if self._failure is not None:
            raise self._failure
        return ended

    async def _to_its_end(self) -> Event:
        self._dialogue = await self._server.begin(self._request, self._secrets)
        self._start(self._upload())
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                ended = await self._listen()
                if ended is not None:
                    return ended
            except (HostKeyRefused, DeployRefused):
                raise
            except LinkError:
                # The first link must have come to something; later ones may fail as they like.
                if not self._seen:
                    raise
            if self._lost_at is None:
                self._lost_at = time.monotonic()
                self._watcher.note("deploy.link-lost")
                wait_s = _FIRST_WAIT_S
            if time.monotonic() - self._lost_at > _GIVE_UP_S:
                raise WentOn("deploy.unreachable", host=self._server.host)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            await self._again()

    async def _again(self) -> None:
        # What decides goes on: the public checks have nothing to do with this link.
        for task in [task for task in self._tasks if task is not self._deciding]:
            task.cancel()
        if self._dialogue is not None:
            await self._dialogue.close()
        await self._server.drop()
        request = {
            **{name: self._request[name] for name in ("api_unit", "livekit_unit", "remote_dir")},
            **{name: self._request[name] for name in ("asgi_app", "port", "host", "release")},
            "verb": "follow",
            "since": self._seen,
        }
        self._dialogue = None
        try:
            self._dialogue = await self._server.begin(request)
        except HostKeyRefused:
            raise
        except LinkError:
            return
        if self._answer is not None:
            await self._dialogue.send(*self._answer)

    async def _listen(self) -> Event | None:
        """None where the program ended, and the apply did not: it is asked for again."""
        dialogue = self._dialogue
        if dialogue is None:
            return None
        self._start(self._live(dialogue))
        async for event in dialogue.events():
            if self._lost_at is not None:
                seconds = f"{time.monotonic() - self._lost_at:.1f}"
                self._watcher.note("deploy.link-again", seconds=seconds)
                self._lost_at = None
            if event["event"] == "nothing":
                if self._launched:
                    raise WentOn("deploy.overtaken", host=self._server.host)
                raise DeployRefused("deploy.cut-before", host=self._server.host)
            self._launched = self._launched or event.get("step") == "lock"
            number = event.get("n")
            # Its end may be told by whoever put the machine in order, who counts anew.
            if isinstance(number, int) and event["event"] != "ended":
                if number < self._seen:
                    continue
                self._seen = number + 1
            self._watcher.event(event)
            if event["event"] == "ended":
                return event
            if event["event"] == "awaiting-confirmation" and self._answer is None:
                self._deciding = self._deciding or self._start(self._decide())
        return None

    async def _decide(self) -> None:
        try:
            reason = await self._confirm() if self._confirm else None
        except Exception as failure:
            # A look that ends so is no proof of anything, and what is not proven goes back.
            self._failure, reason = failure, "not looked at"
        if self._answer is None:
            if reason is None:
                self._reply(wire.CONFIRM, b"")
            else:
                self._reply(wire.UNDO, reason.encode())

    def _reply(self, kind: str, payload: bytes) -> None:
        self._answer = kind, payload
        if self._dialogue is not None:
            self._start(self._dialogue.send(kind, payload))

    async def _live(self, dialogue: Dialogue) -> None:
        while True:
            await asyncio.sleep(_LIFE_EVERY_S)
            await dialogue.send(wire.ALIVE)

    async def _upload(self) -> None:
        dialogue = self._dialogue
        if dialogue is None:
            return
        frames = self._frames() if self._frames else iter(())
        try:
            while (data := await in_thread(lambda: next(frames, None))) is not None:
                if self.interrupted:
                    return
                await dialogue.send_raw(data)
                self._watcher.sent(len(data))
            if self._ready is not None:
                await self._ready()
        except Exception as failure:  # SourceChanged, or whatever reading may raise
            self._failure = failure
            self._reply(wire.UNDO, b"the source changed")
            return
        await dialogue.send(wire.END)

    def _start(self, call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
