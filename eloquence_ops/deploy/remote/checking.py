"""Whether a release answers as it should, asked on the server itself: see `Service`."""

from __future__ import annotations

import http.client
import json
import socket

from eloquence_ops.deploy.remote.why import Failed

TIMEOUT_S = 10.0
_MOST_BYTES = 64 * 1024
_SESSIONS = "/api/sessions"
_FIELDS = ("session_id", "room_name", "token", "url")
_BODY = {"user_id": "eloquence-deploy", "language": "fr"}


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(self._path)


class Service:
    """The API at a Unix socket, or at an address of this machine."""

    def __init__(
        self, where: str | tuple[str, int], api_key: str, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._where, self._key, self._timeout_s = where, api_key, timeout_s

    def _connection(self) -> http.client.HTTPConnection:
        if isinstance(self._where, str):
            return _Unix(self._where, self._timeout_s)
        return http.client.HTTPConnection(*self._where, timeout=self._timeout_s)

    def answers(self) -> None:
        """`/` is answered, by no error of the server's. Raises `Failed`."""
        connection = self._connection()
        try:
            self._ask(connection, "GET", "/")
        finally:
            connection.close()

    def works(self) -> bool:
        """Whether a session can be opened and closed; raises `Failed` where not. Without a key:
        that the route is there and refuses (then the answer is False).

        One connection for both, since two instances may serve one socket, and an API may keep its
        sessions in memory.
        """
        self.answers()
        connection = self._connection()
        try:
            status, body = self._ask(connection, "POST", _SESSIONS, _BODY)
            if not self._key and status in (401, 403, 422):
                return False
            if status not in (200, 201):
                raise Failed("answer", status=status, path="POST " + _SESSIONS, body=body)
            session = _session(status, body)
            path = "{}/{}".format(_SESSIONS, session)
            status, body = self._ask(connection, "DELETE", path)
            if status not in (200, 202, 204):
                raise Failed("answer", status=status, path="DELETE " + _SESSIONS, body=body)
        finally:
            connection.close()
        return True

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        headers = {"User-Agent": "eloquence/deploy", "Host": "localhost"}
        if self._key and path.startswith(_SESSIONS):
            headers["X-API-Key"] = self._key
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            sent = json.dumps(body).encode("ascii") if body is not None else None
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            said = answer.read(_MOST_BYTES).decode("utf-8", "replace")
        except socket.timeout:
            what = "{} {}: no answer in {:g} s".format(method, path, self._timeout_s)
            raise Failed("timeout", what, path="{} {}".format(method, path)) from None
        except (OSError, http.client.HTTPException) as error:
            what = "{}: {}".format(type(error).__name__, error)
            raise Failed("answer", what, path="{} {}".format(method, path)) from None
        if answer.status >= 500:
            raise Failed(
                "answer", status=answer.status, path="{} {}".format(method, path), body=said
            )
        return answer.status, said


def _session(status: int, body: str) -> str:
    """Its id, out of the four fields that the app needs. Raises `Failed`."""
    try:
        found = json.loads(body)
        missing = [name for name in _FIELDS if not found[name]]
        if not missing and "/" not in str(found["session_id"]):
            return str(found["session_id"])
    except (ValueError, KeyError, TypeError):
        pass
    what = "not the fields " + ", ".join(_FIELDS)
    # The answer may hold a token: it is not told.
    raise Failed("answer", what, status=status, path="POST " + _SESSIONS)
