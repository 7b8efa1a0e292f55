"""Clients of the API that never stop asking: a program of its own, with nothing but Python.

Beside the tests and not in them: what a test does at the same time must delay no client. Every
request is one attempt; what fails has failed, and nothing is asked twice. Settings are JSON on the
first line of its standard input; when that ends, what happened is printed as JSON.
"""

from __future__ import annotations

import collections
import http.client
import json
import os
import sys
import threading
import time
from typing import Any

_BODY = json.dumps({"user_id": "load", "language": "fr"}).encode()
_SESSIONS = "/api/sessions"


class Client(threading.Thread):
    """One client: GET, open a session, close it, and again; at its own pace."""

    def __init__(self, number: int, settings: dict[str, Any], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._number, self._stop_asking = number, stop
        self._place = (settings["host"], settings["port"])
        self._kept, self._key = settings["kept"], settings["key"]
        self._every_s = settings["clients"] / settings["rate"]
        self._first_s = number / settings["rate"]
        self._connection: http.client.HTTPConnection | None = None
        self.answered: collections.Counter[str] = collections.Counter()
        self.failures: list[dict[str, Any]] = []
        self.connections = 0
        self.longest_s = self.idle_s = 0.0
        self.versions: set[str] = set()

    def run(self) -> None:
        due = time.monotonic() + self._first_s
        session = ""
        while not self._stop_asking.wait(self._idle(due)):
            # Who was kept waiting asks more often until it has caught up: the rate is the users'.
            due += self._every_s
            if session:
                self._ask("DELETE", f"{_SESSIONS}/{session}")
                session = ""
            elif self.answered["GET"] > self.answered["POST"]:
                session = str((self._ask("POST", _SESSIONS) or {}).get("session_id", ""))
            else:
                answer = self._ask("GET", "/") or {}
                self.versions |= {answer["v"]} if "v" in answer else set()
        self._forget()

    def _idle(self, due: float) -> float:
        """How long it has nothing to ask, which is added up."""
        seconds = max(0.0, due - time.monotonic())
        self.idle_s += seconds
        return seconds

    def _ask(self, method: str, path: str) -> dict[str, Any] | None:
        """The answer's JSON, or None where there was not the one that should be."""
        begun, reused = time.monotonic(), self._connection is not None
        what, parsed = "", None
        try:
            status, body = self._exchange(method, path)
            parsed = json.loads(body) if status == 200 else None
            what = "" if isinstance(parsed, dict) else f"status {status}"
        except ValueError:
            what = "not JSON"
        except (OSError, http.client.HTTPException) as error:
            what = _named(error)
        took = time.monotonic() - begun
        self.longest_s = max(self.longest_s, took)
        if what:
            self._forget()
            self.failures.append(
                {
                    "what": what,
                    "request": method,
                    "reused": reused,
                    "client": self._number,
                    "at": round(time.time(), 3),
                    "took_s": round(took, 3),
                }
            )
        # A session that could not be opened counts as asked for, so that the turn goes on.
        self.answered[method] += 1
        if not self._kept:
            self._forget()
        return parsed

    def _exchange(self, method: str, path: str) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._place, timeout=10)
            self.connections += 1
            self._connection.connect()
        headers = {"Connection": "keep-alive" if self._kept else "close"}
        if method != "GET":
            headers |= {"X-API-Key": self._key, "Content-Type": "application/json"}
        self._connection.request(method, path, _BODY if method == "POST" else None, headers)
        response = self._connection.getresponse()
        status, body = response.status, response.read()
        if response.will_close:
            self._forget()
        return status, body

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _named(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead)):
        return "closed early"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    return f"{type(error).__name__}: {error}"


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    settings["key"] = os.environ["API_KEY"]
    stop = threading.Event()
    clients = [Client(number, settings, stop) for number in range(settings["clients"])]
    begun = time.monotonic()
    for client in clients:
        client.start()
    while not all(sum(client.answered.values()) for client in clients):
        time.sleep(0.02)
    print("ready", flush=True)
    sys.stdin.read()
    seconds = time.monotonic() - begun
    stop.set()
    for client in clients:
        client.join(15)
    print(
        json.dumps(
            {
                "seconds": round(seconds, 3),
                "requests": sum(sum(client.answered.values()) for client in clients),
                "connections": sum(client.connections for client in clients),
                "idle_s": round(sum(client.idle_s for client in clients), 3),
                "longest_s": round(max(client.longest_s for client in clients), 3),
                "versions": sorted(set().union(*(client.versions for client in clients))),
                "failures": [failure for client in clients for failure in client.failures],
            }
        )
    )


if __name__ == "__main__":
    main()
