"""Units, and what they wrote into the journal."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import Moment, ServerObservation


class EnvironmentFile(Record):
    """`optional`: the unit starts without it."""

    path: str
    optional: bool


class UnitState(ServerObservation):
    """A unit as `systemctl show` tells it; the states are systemd's own words.

    `name` is what was asked for, `id` what it is (an alias leads elsewhere). `restarts` counts the
    automatic ones since it was last started by hand. `ended` says how the main process of the
    last run ended, empty while it runs: with `exited` the status is an exit code, else a
    signal. `command` has its secrets masked. LiveKit exits with 0 when its configuration is wrong:
    then `active_state` is `inactive` and `result` is `success`, and only the journal says why.
    """

    kind: Literal["server.unit"] = "server.unit"
    name: str
    id: str
    load_state: str
    active_state: str
    sub_state: str
    unit_file_state: str
    result: str
    start_limit_hit: bool
    restarts: int | None
    restart: str
    type: str
    main_pid: int | None
    last_main_pid: int | None
    ended: Literal["", "exited", "killed", "dumped"]
    exit_status: int | None
    command: str
    user: str
    working_directory: str
    environment_files: tuple[EnvironmentFile, ...]
    fragment_path: str
    drop_ins: tuple[str, ...]
    needs_daemon_reload: bool
    sockets: tuple[str, ...]
    file_limit: int | None
    active_since: Moment | None
    inactive_since: Moment | None
    started_at: Moment | None


class RecognisedLine(Record):
    """A line that says what is the matter. `found` is its name in the table of patterns.

    `place` is `file:line` of the innermost frame, where it ends a Python traceback.
    `of_last_run`: written by the unit's latest run, not by an earlier one.
    """

    at: Moment
    found: str
    text: str
    place: str = ""
    of_last_run: bool = False


class JournalLine(Record):
    """`priority` is syslog's: 3 is an error, 6 information. `source` is who wrote it."""

    at: Moment
    priority: int
    source: str
    text: str


class UnitJournal(ServerObservation):
    """The last lines of a unit in this boot. `decisive` is the one that says most of why.

    `recognised` holds each text once, at its latest. `runs` counts the starts among the lines read.
    """

    kind: Literal["server.journal"] = "server.journal"
    unit: str
    lines_read: int
    first_at: Moment | None
    runs: int
    decisive: RecognisedLine | None
    recognised: tuple[RecognisedLine, ...]
    last: tuple[JournalLine, ...]


class KernelLog(ServerObservation):
    """The kernel's recognised lines of this boot: processes killed for memory, disks that fail.

    `ring`: journald does not keep them here, as in a container, and they were read from the kernel
    itself. Then they may be about the neighbours of this server too.
    """

    kind: Literal["server.kernel"] = "server.kernel"
    recognised: tuple[RecognisedLine, ...]
    source: Literal["journal", "ring"] = "journal"
