"""`--session` on a recorded run of the real stack: that session's lines, and no other's.

`recordings/` was written by `python -m tests.logs.record_session`, and `whose.json` says of each
line to which of the four sessions it belongs: by the ids that the API and LiveKit gave each one,
in the phones' logs by the app itself. The real command reads it; journalctl is a program that
prints the recorded entries.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.command import run

FOLDER: Final = Path(__file__).parent / "recordings"
WHOSE: Final[dict[str, Any]] = json.loads((FOLDER / "whose.json").read_text(encoding="utf-8"))
SESSIONS: Final[dict[str, Any]] = WHOSE["sessions"]
UNITS: Final = {"api": "eloquence-api", "livekit": "livekit", "agent": "eloquence-agent"}
SOURCES: Final = {
    **{unit: f"{name}.json" for name, unit in UNITS.items()},
    "nginx-access.log": "nginx-access.log",
    "nginx-error.log": "nginx-error.log",
    "ben.log": "ben.log",
    "app": "anna.log",
}
"""What each log is called in the stream, and the file that it was recorded in."""
# Nothing in these tells which session they are about: the request that opens one has no id yet, and
# livekit_client does not say in which room something happens to it.
NAMELESS: Final = (
    "POST /api/sessions",
    "[SessionApi] POST",
    "Engine ConnectionState",
    "'SignalJoinResponseEvent'",
    "SignalClient did disconnect",
    "ping config timeout",
    "Server refreshed the token",
    "RoomDisconnectedEvent",
    "'SignalLeaveEvent'",
)
_JOURNALCTL: Final = """#!/bin/sh
for word; do
  case $word in --unit=*) unit=${word#--unit=} ;; esac
done
case $unit in
"""

Entry = dict[str, Any]


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    rows = "".join(f"  {unit}) cat '{FOLDER}/{name}.json' ;;\n" for name, unit in UNITS.items())
    for name, text in (
        ("journalctl", f"{_JOURNALCTL}{rows}esac\n"),
        ("sudo", "#!/bin/sh\nexit 1\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def shown(bin_folder: Path, *words: str, lang: str = "en") -> list[Entry]:
    """The entries that the real command shows of the recording."""
    files: list[str | Path] = []
    for name in SOURCES:
        files += ["--file", FOLDER / name] if name.endswith(".log") else []
    done = run(
        *("tail-logs", "--on-server", "--no-follow", "--lines", "all", "--output", "json"),
        *(word for unit in UNITS.values() for word in ("--unit", unit)),
        *files,
        *("--app-log", str(FOLDER / "anna.log"), "--lang", lang, *words),
        cwd=bin_folder,
        environ={"PATH": f"{bin_folder}:/usr/bin:/bin", "TZ": "UTC"},
    )
    assert (done.code, done.err) == (0, b"")
    entries = [json.loads(line) for line in done.out.splitlines()]
    return [entry for entry in entries if entry["type"] == "entry"]


def told(entry: Entry) -> str:
    """Of a time without a date the day is the one on which it is read."""
    return json.dumps({key: value for key, value in entry.items() if key != "at"})


@pytest.fixture(scope="module")
def everything(bin_folder: Path) -> list[tuple[Entry, str]]:
    """All entries without `--session`, each with whose it is."""
    owners = {name: iter(WHOSE["lines"][file]) for name, file in SOURCES.items()}
    found = []
    for entry in shown(bin_folder):
        lines = entry["message"].count("\n") + 1
        whose = {next(owners[entry["source"]]) for _ in range(lines)}
        assert len(whose) == 1, entry
        found.append((entry, whose.pop()))
    assert not any(list(rest) for rest in owners.values())  # every line is there, once
    return found


def expected(everything: list[tuple[Entry, str]], letter: str) -> list[Entry]:
    return [
        entry
        for entry, owner in everything
        if owner == letter and not any(text in entry["message"] for text in NAMELESS)
    ]


def by_source(entries: list[Entry]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry["source"], []).append(told(entry))
    return found


@pytest.mark.parametrize("letter", SESSIONS)
@pytest.mark.parametrize("kind", ["session_id", "room_name"])
def test_a_session_s_lines_and_no_other_s(
    bin_folder: Path, everything: list[tuple[Entry, str]], letter: str, kind: str
) -> None:
    entries = shown(bin_folder, "--session", SESSIONS[letter][kind])
    assert by_source(entries) == by_source(expected(everything, letter))


@pytest.mark.parametrize(
    ("letter", "sid"), [(letter, sid) for letter in SESSIONS for sid in SESSIONS[letter]["sids"]]
)
def test_one_of_livekit_s_ids_is_followed_from_its_first_line_on(
    bin_folder: Path, everything: list[tuple[Entry, str]], letter: str, sid: str
) -> None:
    entries = shown(bin_folder, "--session", sid)
    its_own = [told(entry) for entry in expected(everything, letter)]
    first = next(place for place, text in enumerate(its_own) if sid in text)
    found = Counter(map(told, entries))
    assert found <= Counter(its_own)
    # And what came in the second before.
    assert found >= Counter(its_own[first:])


def test_a_line_of_whole_seconds_is_recalled_when_its_id_is_told(
    everything: list[tuple[Entry, str]], bin_folder: Path
) -> None:
    """livekit_client's `20:36:00: LocalParticipant(sid: PA_…)` stands before all that LiveKit
    writes in that second, and LiveKit's lines say whose that id is."""
    entries = shown(bin_folder, "--session", SESSIONS["B"]["session_id"])
    texts = [entry["message"] for entry in entries if entry["source"] == "ben.log"]
    assert sum(text.startswith("LocalParticipant(sid: PA_") for text in texts) == 2


def test_the_recording_shows_what_is_hard(everything: list[tuple[Entry, str]]) -> None:
    """Each session in each log; two of one user at once in one file; a trace; a name in a token."""
    where = {(entry["source"], owner) for entry, owner in everything}
    for letter in "ABC":
        assert {
            ("eloquence-api", letter),
            ("livekit", letter),
            ("eloquence-agent", letter),
        } <= where
        assert ("nginx-access.log", letter) in where
    assert {("app", "A"), ("app", "C"), ("ben.log", "B"), ("ben.log", "D")} <= where
    assert ("nginx-error.log", "C") in where
    assert SESSIONS["A"]["user"] == SESSIONS["C"]["user"]
    owners = [owner for entry, owner in everything if entry["source"] == "app" and owner]
    assert sum(one != other for one, other in itertools.pairwise(owners)) > 3
    (trace,) = [entry for entry, _ in everything if "\n#0" in entry["message"]]
    assert trace["level"] == "error"
    texts = (FOLDER / "nginx-access.log").read_text(encoding="utf-8").splitlines()
    assert any("/rtc?access_token=eyJ" in line for line in texts)


def test_no_token_is_shown_and_none_is_of_a_real_key(everything: list[tuple[Entry, str]]) -> None:
    text = "".join(told(entry) for entry, _ in everything)
    assert "access_token=***" in text
    assert "eyJ" not in text
    recorded = "".join(path.read_text(encoding="utf-8") for path in FOLDER.iterdir())
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 500_000
    assert "recorded0key" in recorded
