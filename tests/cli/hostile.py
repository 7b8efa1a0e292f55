"""Servers that know our secrets and put them wherever we might show them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from livekit.api import AccessToken, VideoGrants

from tests.cli.labs import Message, Receive, Send


@dataclass
class Hostile:
    """An API or a LiveKit (`answers_sessions`) on one port.

    `opens` sessions full of secrets, or refuses the key with an error page full of them. What was
    sent to it and the tokens it made up are secrets as well, and echoed from then on.
    """

    secrets: list[str]
    opens: bool = True
    tokens: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)

    def token(self) -> str:
        grants = VideoGrants(room_join=True, room="marked-room-in-token")
        made = AccessToken("marked-issuer", "marked-signing-secret-0123456789abcdef")
        text = made.with_identity("marked-identity").with_grants(grants).to_jwt()
        self.tokens.append(text)
        return text

    def page(self, received: Iterable[str] = ()) -> str:
        shown = [form for secret in (*self.secrets, *self.tokens) for form in forms(secret)]
        return "\n".join((*shown, *received, f"{'.' * 1990} {self.secrets[0]}"))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        self.asked.append(f"{method} {path}")
        headers = [f"{name.decode()}: {value.decode()}" for name, value in scope["headers"]]
        body = (await receive()).get("body", b"").decode()
        if method == "POST":
            self.posted.append(body)
        match method, path:
            case "GET", "/openapi.json":
                await self._send(send, 200, self.openapi())
            case "GET", "/api/sessions" | "/api/session/start":
                await self._send(send, 405, {"detail": self.page(headers)}, allow="POST")
            case "POST", "/api/sessions" if self.opens:
                await self._send(send, 200, self.session(scope["server"][1]))
            case "POST", "/api/sessions":
                await self._send(send, 401, {"detail": self.page([*headers, body])})
            case "GET", "/":
                await self._send(send, 302, self.page(headers))
            case _:
                await self._send(send, 500, self.page(headers))

    def openapi(self) -> dict[str, Any]:
        key = self.secrets[0]
        return {
            "info": {"title": f"title {key} {quote(key, safe='')}"},
            "paths": {"/api/sessions": {"post": {}}, f"/echo/{key}": {"get": {}}},
        }

    def session(self, port: int) -> dict[str, Any]:
        key, token = self.secrets[0], self.token()
        return {
            "session_id": f"id {key} {token[-20:]}",
            "room_name": f"room {key} {base64.b64encode(key.encode()).decode()}",
            "token": token,
            "url": f"ws://127.0.0.1:{port}/{quote(key, safe='')}",
            f"field {key}": key,
        }

    async def _send(self, send: Send, status: int, content: object, **more: str) -> None:
        key = self.secrets[0]
        text = content if isinstance(content, str) else json.dumps(content)
        headers = {
            "content-type": "text/plain" if isinstance(content, str) else "application/json",
            "server": f"nginx {key}",
            "location": f"https://user:{quote(key, safe='')}@elsewhere.test/?key={key}",
            "set-cookie": f"session={key}; path=/",
            "www-authenticate": f'Basic realm="{key}"',
            "x-api-key": key,
            "authorization": f"Bearer {self.tokens[-1] if self.tokens else key}",
            **more,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": text.encode()})


def forms(secret: str) -> set[str]:
    """A secret as it is, and as it is commonly encoded."""
    raw = secret.encode()
    return {
        secret,
        secret.lower(),
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        json.dumps(secret)[1:-1],
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
