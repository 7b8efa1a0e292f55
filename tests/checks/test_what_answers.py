"""What is said of things that answer at the API's address, and who is given the key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import Result, examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.secrets import Redactor, Secret
from eloquence_ops.settings import build_target

# The neighbours of an API that is not met: whatever this machine serves there is left alone.
NOBODY = tuple(f"127.0.0.1:{port}=127.0.0.1:1" for port in (80, 443, 8083, 8443))
KEY = "the-key-of-this-test"
Answer = tuple[int, dict[str, str], str]
JSON = {
    "content-type": "application/json",
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, DELETE",
    "access-control-allow-headers": "X-API-Key, Content-Type",
}
HTML = {"content-type": "text/html"}
SESSION = json.dumps(
    {
        "session_id": "s-1",
        "room_name": "eloquence-s-1",
        # Room eloquence-s-1, roomJoin, signed as a-key, valid until 2100.
        "token": "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhLWtleSIsImV4cCI6NDEwMjQ0NDgwMCwidmlkZ"
        "W8iOnsicm9vbSI6ImVsb3F1ZW5jZS1zLTEiLCJyb29tSm9pbiI6dHJ1ZX19.c2ln",
        "url": "ws://127.0.0.1:9",
    }
)


NO_KEY: Answer = (401, JSON, '{"detail":"Not authenticated"}')


@dataclass
class Fake:
    """A server that answers as it is told, and remembers who sent it the key. `wants_key`: it
    refuses a POST without it."""

    answer: Callable[[str, str], Answer]
    wants_key: bool = False
    with_key: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                await reader.readexactly(int(headers.get("content-length", "0")))
                if KEY in head.decode():
                    self.with_key.append(f"{method} {path}")
                if self.wants_key and method == "POST" and KEY not in head.decode():
                    status, more, body = NO_KEY
                else:
                    status, more, body = self.answer(method, path)
                raw = body.encode()
                fields = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                writer.write(
                    f"HTTP/1.1 {status} X\r\n{fields}content-length: {len(raw)}\r\n\r\n".encode()
                    + raw
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


def examined(
    answer: Callable[[str, str], Answer], *, wants_key: bool = False
) -> tuple[Result, list[str]]:
    async def inside() -> tuple[Result, list[str]]:
        fake = Fake(answer, wants_key)
        server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            plan = Plan(
                target=build_target(
                    "t", {"api": f"http://127.0.0.1:{port}", "connect_to": NOBODY}, origin=str
                ),
                areas=frozenset({"api"}),
                environ={},
                redactor=Redactor(Secret(KEY)),
                api_key=Secret(KEY),
                timeout_s=3,
            )
            recording = await Execution(plan, "check-api").carry_out()
        return examine(recording, catalogue()), fake.with_key

    return asyncio.run(inside())


def named(result: Result) -> set[str]:
    return {entry.cause.id for entry in result.diagnosis.causes}


def everywhere(status: int, headers: dict[str, str], body: str) -> Callable[[str, str], Answer]:
    return lambda _method, _path: (status, headers, body)


def guarded() -> Callable[[str, str], Answer]:
    """Middleware that refuses before any route is looked at, documentation included."""
    ended: set[str] = set()
    opened = count(1)

    def answer(method: str, path: str) -> Answer:
        if method == "OPTIONS":
            return 200, JSON, ""
        if method == "POST" and path == "/api/sessions":
            return 200, JSON, SESSION.replace("s-1", f"s-{next(opened)}")
        if method == "DELETE":
            status = 404 if path in ended else 200
            ended.add(path)
            return status, JSON, "{}"
        return NO_KEY

    return answer


def test_an_api_behind_its_own_authentication_is_healthy_and_gets_the_key() -> None:
    result, with_key = examined(guarded(), wants_key=True)
    assert result.verdict == "healthy"
    assert {"POST /api/sessions", "DELETE /api/sessions/s-1"} <= set(with_key)


UNCLEAR = {
    "lists sessions, documents nothing": everywhere(200, JSON, "[]"),
    "a slash at the end": everywhere(307, {"location": "/api/sessions/"}, ""),
    "an error on every path": everywhere(500, {"server": "uvicorn"}, "Internal Server Error"),
    "too many requests": everywhere(429, HTML, "slow down"),
    "a captive portal": everywhere(511, HTML, "<h1>log in</h1>"),
    "Cloudflare's own error": everywhere(530, {"cf-ray": "1", **HTML}, "error 1033"),
    "a challenge": everywhere(403, {"server": "cloudflare", **HTML}, "Just a moment..."),
}


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
def test_what_does_not_show_itself_is_no_other_service_and_gets_no_key(
    answer: Callable[[str, str], Answer],
) -> None:
    result, with_key = examined(answer)
    assert "api-wrong-service" not in named(result)
    assert result.verdict in ("undetermined", "broken")
    assert with_key == []


def test_a_redirect_to_another_scheme_is_named_and_gets_no_key() -> None:
    result, with_key = examined(everywhere(301, {"location": "https://127.0.0.1/"}, ""))
    assert named(result) == {"api-method-rewritten"}
    assert with_key == []


def test_a_page_for_everything_is_another_service_and_gets_no_key() -> None:
    result, with_key = examined(everywhere(200, HTML, "<h1>It works</h1>"))
    assert named(result) == {"api-wrong-service"}
    assert with_key == []


def test_livekit_at_the_apis_address_is_told_as_livekit() -> None:
    def livekit(_method: str, path: str) -> Answer:
        return (200, {}, "OK") if path == "/" else (404, {}, "404 page not found\n")

    result, with_key = examined(livekit)
    assert named(result) == {"api-wrong-service"}
    (finding,) = result.diagnosis.causes[0].explains
    assert finding.evidence["author"] == "livekit"
    assert with_key == []


def test_the_applications_own_503_is_not_blamed_on_a_proxy() -> None:
    result, _ = examined(everywhere(503, JSON, '{"status":"unavailable"}'))
    assert not named(result) & {"api-not-running", "proxy-wrong-upstream", "api-breaks-off"}
    assert result.verdict == "undetermined"


def test_a_proxy_that_finds_the_api_stopped_only_below_api_is_seen() -> None:
    def shared(_method: str, path: str) -> Answer:
        page = "<hr><center>nginx/1.22.1</center>"
        return (502 if path.startswith("/api/") else 404, HTML, page)

    result, with_key = examined(shared)
    assert "api-not-running" in named(result)
    assert with_key == []


def test_an_app_that_refuses_a_wrong_key_is_the_callers_matter() -> None:
    def refusing(method: str, path: str) -> Answer:
        if path == "/api/sessions" and method == "GET":
            return 405, {"allow": "POST", **JSON}, '{"detail":"Method Not Allowed"}'
        if method == "OPTIONS":
            return 200, JSON, ""
        if method == "POST":
            return 401, JSON, '{"detail":"Invalid API key"}'
        return 404, JSON, '{"detail":"Not Found"}'

    result, with_key = examined(refusing)
    assert named(result) == {"api-key-rejected"}
    assert with_key == ["POST /api/sessions"]
