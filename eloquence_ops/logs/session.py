"""One session's lines among all: followed through its ids, which are learnt from the lines. Pure.

The backend gives a session a UUID and calls its room `eloquence-<that UUID>`; LiveKit gives the
room (`RM_…`), each participant (`PA_…`), each track (`TR_…`) and each job of an agent (`AJ_…`) ids
of its own, and writes them together with the room's name. What may also be another session's is
never learnt: users, identities, and whatever stands in a line that speaks of two sessions.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from eloquence_ops.logs.entry import Fields
from eloquence_ops.logs.json_fields import loaded

_MOST_SIDS: Final = 2_000
_LONGEST_LEARNT_FROM: Final = 64 * 1024  # characters
_MOST_TOKENS: Final = 8

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ENDS_IN_UUID: Final = re.compile(rf"(?:.*-)?({_UUID})", re.S)
# What stands before is looked at afterwards: an expression that begins with a letter is found fast.
_ROOM_BY_ITS_LOOKS: Final = re.compile(rf"eloquence-{_UUID}(?![\w-])")
_SID: Final = re.compile(r"(?:RM|PA|TR|AJ)_[A-Za-z0-9]{6,40}(?![\w-])")

# `key=value`, `"key": "value"`, the same escaped in a string of JSON, `{key: value}` of Dart.
_NAMED: Final = re.compile(
    r"(?:([sS]ession_?[iI][dD]|SESSION_ID)|[rR]oom(?:_?[nN]ame)?|ROOM(?:_NAME)?)"
    r"\\{0,3}[\"']?\s{0,3}[:=]\s{0,3}\\{0,3}[\"']?([\w@][\w.@-]{0,127})"
)
_WORDS: Final = frozenset({"null", "none", "nil", "undefined", "true", "false"})
_SHORTEST_NAME: Final = 8  # a shorter one may as well be an ordinary word of other lines

_TOKEN: Final = re.compile(
    r"(?:(?<![\w-])|(?<=%3D)|(?<=%20))eyJ[\w-]{8,2048}\.(eyJ[\w-]{8,8192})\.[\w-]", re.ASCII
)


class SessionFollower:
    """`given_id`: the session's id, its room's name, or one of LiveKit's ids in it."""

    def __init__(self, given_id: str) -> None:
        self._names: dict[str, bool] = {}  # True: a UUID, unlike any other wherever it stands
        self._sids: set[str] = set()
        self._session: str | None = None
        self._room: str | None = None
        if _SID.fullmatch(given_id):
            self._sids.add(given_id)
            return
        self._keep_name(given_id)
        if _ROOM_BY_ITS_LOOKS.fullmatch(given_id):
            self._room = given_id
        elif re.fullmatch(_UUID, given_id):
            self._session = given_id

    def belongs(self, text: str, fields: Fields = ()) -> bool:
        """Whether a line (or an entry) is of the session; learns from it if so."""
        rooms = _rooms_of_tokens(text) if "eyJ" in text else set[str]()
        if not self._holds(text, fields) and not any(self._holds(room, ()) for room in rooms):
            return False
        self._learn(text[:_LONGEST_LEARNT_FROM], rooms)
        return True

    @property
    def known(self) -> int:
        """How many of LiveKit's ids it knows: with more of them, lines from before may be its."""
        return len(self._sids)

    def may_turn_out(self, text: str) -> bool:
        """Whether a line that does not belong yet may once more of the ids are known."""
        return "_" in text and _SID.search(text) is not None

    def _holds(self, text: str, fields: Fields) -> bool:
        if any(_stands_in(text, name, is_uuid) for name, is_uuid in self._names.items()):
            return True
        if self._sids and "_" in text and not self._sids.isdisjoint(_sids_in(text)):
            return True
        # A line of JSON may have written its characters as escapes.
        return any(value in self._names or value in self._sids for _, value in fields)

    def _learn(self, text: str, rooms: set[str]) -> None:
        sids = _sids_in(text)
        may_teach = (
            not sids <= self._sids
            or (self._session is None and ("ession" in text or "ESSION" in text))
            or (self._room is None and ("oom" in text or "OOM" in text or bool(rooms)))
        )
        if not may_teach:
            return
        sessions, named_rooms = _names_in(text)
        rooms = rooms | named_rooms
        room_sids = {sid for sid in sids if sid.startswith("RM_")}
        if max(len(sessions), len(rooms), len(room_sids)) > 1:
            return
        if self._speaks_of_another(sessions, rooms):
            return
        self._session = self._session or self._learnt(sessions)
        self._room = self._room or self._learnt(rooms)
        is_of_known_room = self._room in rooms or not room_sids.isdisjoint(self._sids)
        if is_of_known_room and len(self._sids) + len(sids) <= _MOST_SIDS:
            self._sids |= sids

    def _speaks_of_another(self, sessions: set[str], rooms: set[str]) -> bool:
        return any(
            known is not None and not named <= {known}
            for known, named in ((self._session, sessions), (self._room, rooms))
        )

    def _learnt(self, names: set[str]) -> str | None:
        """The one name of the line, if it is fit to be looked for in other lines."""
        for name in names:
            is_distinct = (
                len(name) >= _SHORTEST_NAME
                and any(character.isdigit() for character in name)
                and not name.isdecimal()
            )
            if name in self._names or is_distinct:
                self._keep_name(name)
                return name
        return None

    def _keep_name(self, name: str) -> None:
        uuid = _ENDS_IN_UUID.fullmatch(name)
        if uuid is not None:
            self._names[uuid[1]] = True
        self._names[name] = uuid is not None


def _stands_in(text: str, name: str, is_uuid: bool) -> bool:
    """As a word of its own: `room-1` does not stand in `room-12`. A UUID also stands in a longer
    name that ends in it."""
    place = text.find(name) if name else -1
    while place >= 0:
        end = place + len(name)
        if not _is_of_word(text[end : end + 1]) and (
            not _is_of_word(before := text[place - 1 : place])
            or (is_uuid and before in {"-", "_"})
            or text[place - 2 : place - 1] == "\\"  # `\n` in a string of JSON
            or (place > 2 and text[place - 3] == "%")  # `%3D` in an address
        ):
            return True
        place = text.find(name, place + 1)
    return False


def _sids_in(text: str) -> set[str]:
    return {
        found[0]
        for found in _SID.finditer(text)
        if not _is_of_word(text[found.start() - 1 : found.start()])
    }


def _names_in(text: str) -> tuple[set[str], set[str]]:
    """Of sessions and of rooms."""
    sessions: set[str] = set()
    rooms = set(_ROOM_BY_ITS_LOOKS.findall(text))
    for found in _NAMED.finditer(text):
        name = found[2].rstrip(".")
        is_key = not text[found.start() - 1 : found.start()].isalnum()
        if is_key and name.lower() not in _WORDS and not _SID.fullmatch(name):
            (sessions if found[1] else rooms).add(name)
    return sessions, rooms


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character in {"_", "-"}


def _rooms_of_tokens(text: str) -> set[str]:
    """The rooms that the access tokens in a line are for. The tokens are not verified, and nothing
    else of them is looked at."""
    rooms: set[str] = set()
    for count, token in enumerate(_TOKEN.finditer(text)):
        if count >= _MOST_TOKENS:
            break
        payload = token[1]
        try:
            claims = loaded(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode())
        except ValueError:
            continue
        video = claims.get("video") if claims else None
        room = video.get("room") if isinstance(video, dict) else None
        if isinstance(room, str) and room:
            rooms.add(room)
    return rooms
