"""A run of the real stack with four sessions at once, as files; and whose line each one is.

`python -m tests.logs.record_session` (as root) renews `tests/logs/recordings/`: the journals of the
API, LiveKit and the coach as `journalctl --output=json` gives them, nginx's two logs, and what two
phones logged. `whose.json` says of each line to which session it belongs.

The recorded secrets are not the host's, which die with it anyway: the tokens carry the same claims,
signed anew with a key of this module's (those that were refused as well), and the API's key,
LiveKit's key and its secret are replaced.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from livekit.protocol import rtc
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from eloquence_ops.endpoints import a_label
from eloquence_ops.logs import journal
from eloquence_ops.probes.room import farewell
from tests.host.hosts import hosts
from tests.host.layout import AGENT_UNIT, API_NAME, API_UNIT, LIVEKIT_NAME, LIVEKIT_UNIT
from tests.host.machine import Host
from tests.real import require

FOLDER: Final = Path(__file__).parent / "recordings"
JOURNALS: Final = {"api": API_UNIT, "livekit": LIVEKIT_UNIT, "agent": AGENT_UNIT}
NGINX: Final = ("access", "error")
_API: Final = f"https://{a_label(API_NAME)}/api/sessions"
_LIVEKIT: Final = f"wss://{a_label(LIVEKIT_NAME)}"
_DEPARTURE_S: Final = 30
_THROW_AWAY: Final = "a-key-that-signs-nothing-but-this-recording"
_KEY_OF_RECORDING: Final = "APIrecorded0key"
_JWT: Final = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")


@dataclass
class Session:
    """One session: what the API answered, and what LiveKit told us afterwards."""

    letter: str
    user: str
    session_id: str
    room_name: str
    token: str
    sids: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)

    def ids(self) -> set[str]:
        """Whatever tells that a line is of this session; of tokens what is signed, for one was
        sent with another signature."""
        signed = {token.rpartition(".")[0] for token in (self.token, *self.tokens)}
        return {self.session_id, self.room_name} | self.sids | signed


class Phone:
    """The log of one phone. Each line is of the session for which the app wrote it."""

    def __init__(self, *, android: bool) -> None:
        self._android = android
        self.lines: list[str] = []
        self.owners: list[str] = []

    def prints(self, session: Session | None, line: str) -> None:
        """What the app prints itself."""
        self._write(session, line)

    def dies(self, session: Session, *lines: str) -> None:
        """What Dart says of an exception that nobody caught; `flutter run` puts nothing before."""
        self.lines += lines
        self.owners += [session.letter] * len(lines)

    def livekit(self, session: Session, *lines: str) -> None:
        """What livekit_client logs, laid out as in its example app: `HH:mm:ss: message`."""
        for line in lines:
            self._write(session, f"{datetime.now(UTC):%H:%M:%S}: {line}")

    def _write(self, session: Session | None, line: str) -> None:
        now = datetime.now(UTC)
        if self._android:
            head = f"{now:%m-%d %H:%M:%S}.{now.microsecond // 1000:03d}  4711  4768 I flutter : "
        else:
            head = "flutter: "
        self.lines.append(head + line)
        self.owners.append(session.letter if session else "")


@dataclass
class Stage:
    """The host, and what happens to the sessions on it."""

    host: Host
    rooms: contextlib.ExitStack
    sessions: list[Session] = field(default_factory=list)

    def open(self, phone: Phone, user: str) -> Session:
        asked = {"user_id": user, "language": "fr", "scenario_id": "job-interview"}
        done = self.host.curl(
            *("--fail", "-A", "Dart/3.5 (dart:io)", "-H", f"X-API-Key: {self.host.keys.api_key}"),
            *("--json", json.dumps(asked), _API),
        )
        answer = json.loads(done.stdout)
        session = Session(
            "ABCDEFG"[len(self.sessions)],
            user,
            answer["session_id"],
            answer["room_name"],
            answer["token"],
        )
        self.sessions.append(session)
        phone.prints(session, f"{_now()} [SessionApi] POST {_API}")
        said = f"200 session_id={session.session_id} room_name={session.room_name}"
        phone.prints(session, f"{_now()} [SessionApi] {said}")
        return session

    def delete(self, phone: Phone, session: Session) -> int:
        done = self.host.curl(
            *("-A", "Dart/3.5 (dart:io)", "-H", f"X-API-Key: {self.host.keys.api_key}"),
            *("-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE"),
            f"{_API}/{session.session_id}",
        )
        said = f"DELETE /api/sessions/{session.session_id} {done.stdout}"
        phone.prints(session, f"{_now()} [SessionApi] {said}")
        return int(done.stdout)

    def join(self, phone: Phone, session: Session, token: str | None = None) -> ClientConnection:
        query = f"access_token={token or session.token}&auto_subscribe=1&protocol=15"
        address = f"{_LIVEKIT}/rtc?{query}&sdk=flutter&version=2.5.0&os=android"
        phone.livekit(
            session,
            "Engine ConnectionState disconnected -> connecting",
            f"SignalClient connecting with url: {address}",
        )
        context = ssl.create_default_context(cafile=str(self.host.ca_path))
        room = self.rooms.enter_context(
            connect(
                address,
                sock=socket.create_connection((self.host.address, 443), timeout=5),
                ssl=context,
                server_hostname=a_label(LIVEKIT_NAME),
                user_agent_header="Dart/3.5 (dart:io)",
            )
        )
        self.hear(phone, session, room, 0.6)
        return room

    def hear(self, phone: Phone, session: Session, room: ClientConnection, seconds: float) -> None:
        """What LiveKit says for a while, as the app logs it; its ids are the session's."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                said = room.recv(timeout=left)
            except TimeoutError:
                return
            if isinstance(said, bytes):
                self._take(phone, session, rtc.SignalResponse.FromString(said))

    def _take(self, phone: Phone, session: Session, said: rtc.SignalResponse) -> None:
        match said.WhichOneof("message"):
            case "join":
                join = said.join
                session.sids |= {join.room.sid, join.participant.sid}
                session.sids |= {other.sid for other in join.other_participants}
                phone.livekit(
                    session,
                    "[SignalEvent] Instance of 'SignalJoinResponseEvent'",
                    f"[RoomEvent] RoomConnectedEvent(room: Room(name: {join.room.name}, "
                    f"sid: {join.room.sid}), metadata: null)",
                    f"LocalParticipant(sid: {join.participant.sid}, "
                    f"identity: {join.participant.identity})",
                )
            case "update":
                for other in said.update.participants:
                    if other.identity == session.user:
                        continue
                    session.sids |= {other.sid, other.identity.removeprefix("agent-")}
                    phone.livekit(
                        session,
                        f"[RoomEvent] ParticipantConnectedEvent(participant: RemoteParticipant("
                        f"sid: {other.sid}, identity: {other.identity}))",
                    )
            case "refresh_token":
                session.tokens.add(said.refresh_token)
                phone.livekit(session, "Server refreshed the token")
            case "leave":
                phone.livekit(session, "[SignalEvent] Instance of 'SignalLeaveEvent'")
            case _:
                pass


def _now() -> str:
    """Dart's `DateTime.now()`."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"


def play(stage: Stage, anna: Phone, ben: Phone) -> None:
    """Anna's phone has two sessions at once, of one user; Ben's has one that breaks, and one that
    never came to a room."""
    anna.prints(None, f"{_now()} [App] started")
    ben.prints(None, f"{_now()} [App] started")
    a = stage.open(anna, "user-anna")
    b = stage.open(ben, "user-ben")
    room_a = stage.join(anna, a)
    c = stage.open(anna, "user-anna")
    room_b = stage.join(ben, b)
    d = stage.open(ben, "user-dora")
    room_c = stage.join(anna, c)
    with contextlib.suppress(WebSocketException):
        stage.join(ben, d, d.token[:-6] + "AAAAAA")
    ben.livekit(d, "Engine ConnectionState connecting -> disconnected")
    # The coach comes to each room.
    for phone, session, room in ((anna, a, room_a), (ben, b, room_b), (anna, c, room_c)):
        stage.hear(phone, session, room, 3.5)
    anna.livekit(c, "ping config timeout: 20, interval: 10")
    # Ben's phone loses its network, and comes back with the same token.
    room_b.socket.shutdown(socket.SHUT_RDWR)
    ben.livekit(b, "SignalClient did disconnect ConnectionState.connected")
    ben.dies(
        b,
        f"[ERROR:flutter/runtime/dart_vm_initializer.cc(41)] Unhandled Exception: "
        f"LiveKit Exception: [ConnectException] room {b.room_name} was lost",
        "#0      SignalClient.connect (package:livekit_client/src/core/signal_client.dart:148:9)",
        "<asynchronous suspension>",
        "#1      SessionController.join (package:eloquence/session/session_controller.dart:88:7)",
        "<asynchronous suspension>",
    )
    stage.delete(ben, d)
    back_b = stage.join(ben, b)
    for phone, session, room in ((anna, a, room_a), (ben, b, back_b)):
        room.send(farewell())
        stage.delete(phone, session)
        phone.livekit(session, "[RoomEvent] RoomDisconnectedEvent(reason: clientInitiated)")
    assert stage.delete(anna, a) == 404  # twice: the API does not know it any more
    stage.host.shell(f"systemctl stop {API_UNIT}")
    assert stage.delete(anna, c) == 502
    stage.host.shell(f"systemctl start {API_UNIT}")
    stage.host.wait_until_healthy()
    assert stage.delete(anna, c) == 404
    room_c.send(farewell())
    # LiveKit closes a room some time after the last has left it, and the coach goes with it.
    time.sleep(_DEPARTURE_S)


def collect(host: Host, phones: dict[str, Phone]) -> dict[str, list[str]]:
    """The lines of each log, as they are."""
    found = {}
    for name, unit in JOURNALS.items():
        words = " ".join(f"'{word}'" for word in journal.words([unit]))
        found[f"{name}.json"] = host.shell(f"journalctl --no-pager {words}").stdout.splitlines()
    for name in NGINX:
        found[f"nginx-{name}.log"] = host.read(f"/var/log/nginx/{name}.log").splitlines()
    return found | {f"{name}.log": phone.lines for name, phone in phones.items()}


def owners(lines: list[str], sessions: list[Session]) -> list[str]:
    """Of the lines of a server's log: who is named in it; a POST is the next session's that opens.

    Raises `AssertionError` where a line names two.
    """
    found, opened = [], 0
    for line in lines:
        named = {session.letter for session in sessions if any(x in line for x in session.ids())}
        assert len(named) <= 1, line
        if not named and "POST /api/sessions" in line:
            named, opened = {sessions[opened].letter}, opened + 1
        found.append(named.pop() if named else "")
    return found


class Swap:
    """Takes the host's secrets out: the same for the same."""

    def __init__(self, host: Host) -> None:
        self._words = {
            host.keys.api_key: "api-key-of-the-recording",
            host.keys.livekit_key: _KEY_OF_RECORDING,
            host.keys.livekit_secret: "secret-of-the-recording",
        }

    def text(self, text: str) -> str:
        text = _JWT.sub(lambda found: self.token(found[0]), text)
        for secret, word in self._words.items():
            text = text.replace(secret, word)
        return text

    def token(self, token: str) -> str:
        """With the same claims but the issuer, signed with another key."""
        head, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claims["iss"] = _KEY_OF_RECORDING
        compact = json.dumps(claims, separators=(",", ":")).encode()
        packed = base64.urlsafe_b64encode(compact).rstrip(b"=").decode()
        signed = f"{head}.{packed}"
        signature = hmac.digest(_THROW_AWAY.encode(), signed.encode(), hashlib.sha256)
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def record(host: Host) -> None:
    phones = {"anna": Phone(android=True), "ben": Phone(android=False)}
    with host.client.entered(), contextlib.ExitStack() as rooms:
        stage = Stage(host, rooms)
        play(stage, phones["anna"], phones["ben"])
    logs = collect(host, phones)
    whose: dict[str, Any] = {"lines": {}, "sessions": {}}
    for name, lines in logs.items():
        phone = phones.get(name.removesuffix(".log"))
        whose["lines"][name] = phone.owners if phone else owners(lines, stage.sessions)
    for session in stage.sessions:
        whose["sessions"][session.letter] = {
            "user": session.user,
            "session_id": session.session_id,
            "room_name": session.room_name,
            "sids": sorted(session.sids),
        }
    FOLDER.mkdir(exist_ok=True)
    swap = Swap(host)
    for name, lines in logs.items():
        text = "".join(f"{line}\n" for line in lines)
        (FOLDER / name).write_text(swap.text(text), encoding="utf-8")
    text = "\n".join(_laid_out(whose))
    (FOLDER / "whose.json").write_text(text + "\n", encoding="utf-8")


def _laid_out(whose: dict[str, Any]) -> Iterator[str]:
    """Letters on one line: the shape of a log is seen at a glance."""
    yield '{"lines": {'
    rows = [f'"{name}": {json.dumps(owners)}' for name, owners in whose["lines"].items()]
    yield ",\n".join(rows)
    yield "},"
    yield f'"sessions": {json.dumps(whose["sessions"], indent=1)}}}'


def main() -> None:
    with hosts(Path(require("livekit-server"))) as boot_host, boot_host() as host:
        record(host)
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
