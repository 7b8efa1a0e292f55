"""An API made for what it asks of whom: who is let in with which key, and what it opens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import build_target
from tests.checks.test_what_answers import JSON, KEY, NOBODY, SESSION

Keys = Callable[[str | None], bool]
DEFAULT = "default-key"


def anybody(_key: str | None) -> bool:
    return True


def any_key(key: str | None) -> bool:
    return key is not None


def only(*keys: str) -> Keys:
    return lambda key: key in keys


@dataclass
class GuardedApi:
    """`opens_to`, `closes_for`: whose key is good for what. `looks_at_bodies` false: a session
    opens with whatever was sent, as that of a handler that reads its body by hand. `hides_get`: GET
    shows nothing of the route. `answers`: the body of a session that opens, instead of one."""

    opens_to: Keys
    closes_for: Keys = anybody
    looks_at_bodies: bool = False
    hides_get: bool = False
    answers: str | None = None
    open: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                lines = head.split("\r\n")
                method, path, _ = lines[0].split(" ")
                pairs = (line.split(": ", 1) for line in lines[1:] if ": " in line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, text = self._answer(method, path, headers.get("x-api-key"), body)
                sent = {**JSON, "allow": "POST"}
                fields = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
                length = f"content-length: {len(text.encode())}\r\n\r\n"
                writer.write(f"HTTP/1.1 {status} X\r\n{fields}{length}{text}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str, key: str | None, body: bytes) -> tuple[int, str]:
        self.asked.append((method, key))
        if method == "OPTIONS":
            return 200, ""
        if method == "DELETE":
            if not self.closes_for(key):
                return 401, '{"detail":"Invalid API key"}'
            there = path.rpartition("/")[2] in self.open
            self.open.discard(path.rpartition("/")[2])
            return (200, "{}") if there else (404, '{"detail":"Session not found"}')
        if path != "/api/sessions":
            return 404, '{"detail":"Not Found"}'
        if method == "GET":
            return (200, "[]") if self.hides_get else (405, '{"detail":"Method Not Allowed"}')
        return self._opened(key, body)

    def _opened(self, key: str | None, body: bytes) -> tuple[int, str]:
        if not self.opens_to(key):
            return 401, '{"detail":"Not authenticated"}'
        if self.looks_at_bodies and not isinstance(json.loads(body), dict):
            return 422, '{"detail":[{"loc":["body"],"msg":"a dictionary"}]}'
        name = f"s-{next(self._numbers)}"
        self.open.add(name)
        return 200, SESSION.replace("s-1", name) if self.answers is None else self.answers


def examined(
    api: GuardedApi, *, read_only: bool = False, proves_key: bool = True, key: str | None = KEY
) -> Result:
    """check-api on it."""

    async def inside() -> Result:
        server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            plan = Plan(
                target=build_target(
                    "t", {"api": f"http://127.0.0.1:{port}", "connect_to": NOBODY}, origin=str
                ),
                areas=frozenset({"api"}),
                environ={},
                redactor=Redactor(Secret(KEY)),
                api_key=Secret(key) if key else None,
                read_only=read_only,
                proves_key=proves_key,
                timeout_s=3,
            )
            recording = await Execution(plan, "check-api").carry_out()
        return examine(recording, catalogue())

    return asyncio.run(inside())
