"""The sessions that are open, in memory."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Session:
    """One open session."""

    session_id: str
    user_id: str
    room_name: str


class Sessions:
    """All open sessions, by id."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    def open(self, user_id: str) -> Session:
        session_id = str(uuid.uuid4())
        session = Session(session_id, user_id, f"eloquence-{session_id}")
        self._open[session_id] = session
        return session

    def close(self, session_id: str) -> bool:
        """Whether it was open."""
        return self._open.pop(session_id, None) is not None
