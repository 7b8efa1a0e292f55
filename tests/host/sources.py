"""Sources to deploy: the payload as a developer has it, with one change or one fault in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.host.layout import API_UNIT, MORE_PACKAGES, PAYLOAD

Change = Callable[[Path], None]

# Every instance knows a session that another one opened: under load two of them answer in turn
# while a release is switched, and the payload's own keeps them in memory.
_SIGNED_SESSIONS: Final = '''\
"""Sessions that any instance can close: the id says who opened it."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass

from adapters.settings import settings


@dataclass(frozen=True)
class Session:
    """One open session."""

    session_id: str
    user_id: str
    room_name: str


class Sessions:
    """All sessions that were opened with this API's key."""

    def open(self, user_id: str) -> Session:
        name = str(uuid.uuid4())
        return Session(f"{name}.{_signature(name)}", user_id, f"eloquence-{name}")

    def close(self, session_id: str) -> bool:
        """Whether it was opened here."""
        name, _, signature = session_id.partition(".")
        return hmac.compare_digest(signature.encode(), _signature(name).encode())


def _signature(name: str) -> str:
    return hmac.new(settings.api_key.encode(), name.encode(), hashlib.sha256).hexdigest()[:16]
'''
_DIES: Final = """\
import os
import threading

threading.Timer(5, os._exit, (3,)).start()
"""


def source(folder: Path, *changes: Change) -> Path:
    """The payload in a new folder, changed."""
    shutil.copytree(PAYLOAD, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for change in changes:
        change(folder)
    return folder


# --- Changes -------------------------------------------------------------------------------------


def signed_sessions(folder: Path) -> None:
    (folder / "adapters/sessions.py").write_text(_SIGNED_SESSIONS, encoding="utf-8")


def version(text: str) -> Change:
    """What `GET /` says of itself: which release answers."""

    def change(folder: Path) -> None:
        _replace(folder / "api.py", '"status": "running"', f'"status": "running", "v": "{text}"')

    return change


def one_package_more(folder: Path) -> None:
    path = folder / "requirements.txt"
    path.write_text(path.read_text(encoding="utf-8") + MORE_PACKAGES[0] + "\n", encoding="utf-8")


def many_files(count: int) -> Change:
    """So many more, each a module of a few kilobytes that is like no other."""

    def change(folder: Path) -> None:
        for number in range(count):
            place = folder / f"scenarios/part{number % 20:02}/scenario_{number}.py"
            place.parent.mkdir(parents=True, exist_ok=True)
            lines = (f"LINE_{line} = {hash((number, line))!r}\n" for line in range(100))
            place.write_text(f'"""Scenario {number}."""\n\n{"".join(lines)}', encoding="utf-8")

    return change


# --- Faults --------------------------------------------------------------------------------------


def crashes_at_import(folder: Path) -> None:
    _before(folder / "api.py", "raise RuntimeError('the model could not be loaded')\n")


def dies_after_5_s(folder: Path) -> None:
    _before(folder / "api.py", _DIES)


def answers_500(folder: Path) -> None:
    broken = "session: Session = sessions.open(body.user_id, body.nickname)"
    _replace(folder / "api.py", "session: Session = sessions.open(body.user_id)", broken)


def answers_404(folder: Path) -> None:
    _replace(folder / "api.py", '"/api/sessions', '"/api/v2/sessions')


def impossible_requirement(folder: Path) -> None:
    path = folder / "requirements.txt"
    path.write_text(path.read_text(encoding="utf-8") + "eloquence-unheard-of==9.9\n", "utf-8")


def too_large(folder: Path) -> None:
    """150 MiB that no compression makes smaller."""
    with (folder / "model.bin").open("wb") as file:
        for _ in range(150):
            file.write(os.urandom(2**20))


def unit_with_a_typo(folder: Path) -> None:
    """In the unit that the source brings along."""
    _replace(folder / API_UNIT, "Restart=always", "Restrat=always")


def _before(path: Path, text: str) -> None:
    path.write_text(text + path.read_text(encoding="utf-8"), encoding="utf-8")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} has changed: {old} is not there"
    path.write_text(text.replace(old, new), encoding="utf-8")
