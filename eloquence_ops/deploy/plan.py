"""What a deploy would change: a function of settings, source and the server's facts. Pure."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from eloquence_ops.deploy.choices import Choices, api_port
from eloquence_ops.deploy.main_block import more_than_serving
from eloquence_ops.deploy.requirements import PackageChange, Requirements, changes
from eloquence_ops.deploy.source import Entry, Source
from eloquence_ops.deploy.survey import Environment, Listener, Record, Survey, Unit
from eloquence_ops.settings import Target

FLAT: Final = "flat"
"""The id of a hand-made installation's own environment."""
_SHORT: Final = 8
_BLOCK: Final = 4096
_LEAST_FREE_BYTES: Final = 200 * 1024 * 1024
_OLDEST_SYSTEMD: Final = 247  # LoadCredential and the socket options that the units use

Gap = Literal["none", "first-move", "other-socket", "restart"]
"""Whether requests are refused for a moment: never behind the socket; once on the way to it or to
another one, or without one (`--bind`) at each restart."""


class Rendered(Protocol):
    """What would lie in /etc/systemd/system; the candidate's units, and the launcher."""

    @property
    def units(self) -> Mapping[str, str]: ...
    @property
    def candidate(self) -> Mapping[str, str]: ...
    @property
    def serve(self) -> str: ...


@dataclass(frozen=True)
class LiveKitFiles:
    """None: left as it is. `keys_change`: the key pair is another one than lies there."""

    unit: str | None = None
    yaml: str | None = None
    yaml_path: str = "/etc/livekit.yaml"
    key_file: str = "/etc/livekit-keys.yaml"
    user: str = "root"
    keys_change: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A remark for the person: `deploy.note-<id>` in the phrases, and what it is filled with."""

    id: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class FileChanges:
    """By content; a file that moved is one removed and one added."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True)
class TextChange:
    """A unit or a file of configuration; `diff` as `diff -u` shows it, without secrets."""

    name: str
    kind: Literal["new", "changed", "removed"]
    diff: tuple[str, ...]


@dataclass(frozen=True)
class Packages:
    """`reuse` is the environment that serves again; otherwise one is built. `why`: a word of
    `deploy.packages-…`."""

    why: str
    reuse: str | None = None
    changes: tuple[PackageChange, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`send`: the paths whose content the server does not have. `refusals`: why it is not done;
    the first is said. `source_unit`: how ours differs from the one that the source brings along."""

    release: str
    survey: Survey
    files: FileChanges
    send: tuple[Entry, ...]
    units: tuple[TextChange, ...]
    texts: Mapping[str, str]
    packages: Packages
    gap: Gap
    livekit: LiveKitFiles | None = None
    livekit_restarts: bool = False
    adopts: bool = False
    takes_over: Listener | None = None
    nothing: bool = False
    notes: tuple[Note, ...] = ()
    refusals: tuple[Note, ...] = ()
    source_unit: TextChange | None = None

    @property
    def send_bytes(self) -> int:
        return sum(entry.size for entry in self.send)


def make(
    target: Target,
    choices: Choices,
    source: Source,
    survey: Survey,
    rendered: Rendered,
    requirements: Requirements | None,
    release: str,
    livekit: LiveKitFiles | None = None,
) -> Plan:
    """Every difference between what is there and what is wanted."""
    files = _files(source.entries, survey, target.shared_paths)
    texts = dict(rendered.units)
    own_unit = source.text(target.api_unit) if source.entry(target.api_unit) else None
    units = _text_changes(texts, survey.units)
    if (gone := socket_of(target.api_unit)) in survey.units and gone not in texts:
        units = (*units, _change(gone, survey.units[gone].text, None))
    livekit_changes = _livekit_changes(target, livekit, survey)
    packages = _packages(source, requirements, survey, choices)
    restarts_livekit = bool(livekit_changes)
    builds = packages.reuse is None
    # A `-` before the file would have systemd start the service without it.
    needs_env = "\nEnvironmentFile=/" in texts.get(target.api_unit, "")
    adopts = survey.layout == "flat"
    held = _held_by_stranger(target, survey)
    notes = [
        *_source_notes(target, choices, source, requirements, own_unit, texts),
        *_server_notes(target, choices, survey, source),
    ]
    nothing = not (
        files
        or units
        or livekit_changes
        or adopts
        or packages.reuse is None
        or held
        or survey.unfinished
        or opens_port(choices, survey)
        or not _serves(target, survey, choices)
    )
    return Plan(
        release=release,
        survey=survey,
        files=files,
        send=_to_send(source.entries, survey),
        units=(*units, *livekit_changes),
        texts=texts,
        packages=packages,
        gap=_gap(target, choices, survey, texts),
        livekit=livekit,
        livekit_restarts=restarts_livekit,
        adopts=adopts,
        takes_over=held,
        nothing=nothing,
        notes=tuple(notes),
        source_unit=_source_unit(target, choices, own_unit, texts),
        refusals=(
            *_refusals(
                target, choices, survey, own_unit, held, restarts_livekit, builds, needs_env
            ),
            *_shared_in_source(target, source),
            *_no_room(target, source, survey),
        ),
    )


def release_id(now: float, digest: str, commit: str | None) -> str:
    """`YYYYMMDD-HHMMSS-<commit or digest>`, in UTC by the server's clock: sorts as it happened."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{(commit or digest)[:_SHORT]}"


def socket_of(api_unit: str) -> str:
    return api_unit.removesuffix(".service") + ".socket"


# Files


def _files(wanted: Sequence[Entry], survey: Survey, shared: Sequence[str]) -> FileChanges:
    """What the application writes in `shared` is none of the release's files."""
    there = {path: (sha, mode & 0o111 != 0, link) for path, sha, _, mode, link in survey.files}
    here = {entry.path: entry for entry in wanted}
    added, changed = [], []
    for entry in wanted:
        if entry.path not in there:
            added.append(entry.path)
            continue
        sha, executable, link = there[entry.path]
        if entry.link is not None or link is not None:
            is_same = entry.link == link
        else:
            is_same = (sha, executable) == (entry.sha256, entry.mode & 0o111 != 0)
        if not is_same:
            changed.append(entry.path)
    removed = [path for path in sorted(there) if path not in here and not _within(path, shared)]
    return FileChanges(tuple(added), tuple(changed), tuple(removed))


def _within(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _to_send(wanted: Sequence[Entry], survey: Survey) -> tuple[Entry, ...]:
    there = {sha for _, sha, _, _, link in survey.files if link is None}
    found: dict[str, Entry] = {}
    for entry in wanted:
        # A content that stands in several places travels once.
        if entry.link is None and entry.sha256 not in there:
            found.setdefault(entry.sha256, entry)
    return tuple(found.values())


# Units


def _text_changes(wanted: Mapping[str, str], there: Mapping[str, Unit]) -> tuple[TextChange, ...]:
    found = []
    for name, text in wanted.items():
        unit = there.get(name)
        before = unit.text if unit else None
        if before is not None and _is_same(before, unit.sha256 if unit else None, text):
            continue
        found.append(_change(name, before, text))
    return tuple(found)


def _is_same(masked: str, digest: str | None, text: str) -> bool:
    return hashlib.sha256(text.encode()).hexdigest() == digest if digest else masked == text


def _change(name: str, before: str | None, after: str | None) -> TextChange:
    kind: Literal["new", "changed", "removed"] = (
        "new" if before is None else "removed" if after is None else "changed"
    )
    lines = difflib.unified_diff(
        (before or "").splitlines(),
        (after or "").splitlines(),
        f"server/{name}" if before is not None else "/dev/null",
        f"new/{name}" if after is not None else "/dev/null",
        lineterm="",
    )
    return TextChange(name, kind, tuple(lines))


def _livekit_changes(
    target: Target, wanted: LiveKitFiles | None, survey: Survey
) -> tuple[TextChange, ...]:
    if wanted is None:
        return ()
    found: list[TextChange] = []
    if wanted.unit is not None:
        found += _text_changes({target.livekit_unit: wanted.unit}, survey.units)
    if wanted.yaml is not None:
        there = survey.livekit
        if there.yaml is None or not _is_same(there.yaml, there.yaml_sha256, wanted.yaml):
            found.append(_change(wanted.yaml_path, there.yaml, _without_keys(wanted.yaml)))
        if wanted.keys_change:
            kind: Literal["new", "changed"] = "changed" if there.keys_digest else "new"
            found.append(TextChange(wanted.key_file, kind, ()))
    return tuple(found)


def _without_keys(yaml: str) -> str:
    """`keys:` holds secrets: the names stay, as the server's masking leaves them."""
    lines, inside = [], False
    for line in yaml.splitlines():
        if inside and line[:1] in (" ", "\t") and ":" in line:
            line = f"{line.partition(':')[0]}: ***"  # noqa: PLW2901  # the line as it is shown
        else:
            inside = line.rstrip() == "keys:"
        lines.append(line)
    return "\n".join(lines) + "\n"


# Packages


def _packages(
    source: Source, wanted: Requirements | None, survey: Survey, choices: Choices
) -> Packages:
    current = survey.record
    before = survey.environment(current.environment if current else None)
    if wanted is None:
        # Nothing is said of packages: those that serve now serve again.
        return Packages("unsaid", before.id) if before else Packages("first")
    differing = changes(wanted, before.packages if before else ())
    if choices.refresh_packages:
        return Packages("refresh", None, differing)
    if survey.layout == "flat" and _is_flat_one(source, wanted, survey):
        return Packages("same", FLAT)
    for record in _newest_first(survey, current):
        environment = survey.environment(record.environment)
        if environment and record.requirements_digest == wanted.digest:
            if not _same_python(environment, survey):
                return Packages("python", None, differing)
            return Packages("same", environment.id)
    return Packages("changed" if before else "first", None, differing)


def _is_flat_one(source: Source, wanted: Requirements, survey: Survey) -> bool:
    """Whether the hand-made installation's own environment was made from the same file."""
    here = source.entry(wanted.path)
    there = {path: sha for path, sha, *_ in survey.files}.get(wanted.path)
    return here is not None and here.sha256 == there and survey.environment(FLAT) is not None


def _newest_first(survey: Survey, current: Record | None) -> list[Record]:
    good = [record for record in survey.releases if record.good_at is not None]
    others = sorted(good, key=lambda record: record.id, reverse=True)
    return [*([current] if current else []), *others]


def _same_python(environment: Environment, survey: Survey) -> bool:
    """By 3.11 and not by 3.11.2: an environment follows its interpreter's mending."""
    if not environment.python or not survey.python:
        return True
    return environment.python.split(".")[:2] == survey.python.split(".")[:2]


# What happens to what serves


def _serves(target: Target, survey: Survey, choices: Choices) -> bool:
    """Whether the current release is good, and systemd has and runs what it should."""
    record = survey.record
    if record is None or record.good_at is None:
        return False
    names = [target.api_unit]
    if choices.activation == "socket":
        names.insert(0, socket_of(target.api_unit))
    for name in names:
        unit = survey.units.get(name)
        if unit is None or not unit.active or unit.need_reload:
            return False
    return bool(survey.units[names[0]].enabled)


def _gap(target: Target, choices: Choices, survey: Survey, texts: Mapping[str, str]) -> Gap:
    socket, service = map(survey.units.get, (socket_of(target.api_unit), target.api_unit))
    listens = socket is not None and bool(socket.active)
    if not (listens or survey.listener or (service and service.active)):
        return "none"
    if choices.activation == "bind":
        return "restart"
    if not listens:
        return "first-move"
    return "none" if keeps_socket(target, survey, texts) else "other-socket"


def keeps_socket(target: Target, survey: Survey, texts: Mapping[str, str]) -> bool:
    """Whether systemd holds the very socket that is wanted: then it goes on holding it. What is
    another one, if only in an option, is made anew; comments are no matter."""
    name = socket_of(target.api_unit)
    socket = survey.units.get(name)
    if socket is None or not socket.active or name not in texts:
        return False
    return _meaning(socket.text or "") == _meaning(texts[name])


def _meaning(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "#;"]


def _held_by_stranger(target: Target, survey: Survey) -> Listener | None:
    """Who has the API's port without being the API's unit."""
    held = survey.listener
    if held is None:
        return None
    stem = target.api_unit.removesuffix(".service")
    # A candidate is what a deploy left behind that died with nobody to put it in order.
    own = {target.api_unit, socket_of(target.api_unit), f"{stem}-candidate.service"}
    if held.unit in own:
        return None
    unit = survey.units.get(target.api_unit)
    if unit and unit.main_pid and unit.main_pid == held.pid:
        return None
    return held


def _refusals(
    target: Target,
    choices: Choices,
    survey: Survey,
    own_unit: str | None,
    held: Listener | None,
    restarts_livekit: bool,
    builds: bool,
    needs_env: bool,
) -> list[Note]:
    found = []
    if choices.unit_from_source and own_unit is None:
        found.append(Note("no-unit", {"unit": target.api_unit}))
    if survey.systemd is None or survey.systemd < _OLDEST_SYSTEMD:
        found.append(Note("systemd", {"found": survey.systemd or "–", "least": _OLDEST_SYSTEMD}))
    if needs_env and survey.env_local is None and not choices.brings_env:
        found.append(Note("no-env", {"folder": target.remote_dir}))
    if not survey.writable:
        found.append(Note("read-only", {"folder": target.remote_dir}))
    if builds and not survey.venv and survey.uv is None:
        found.append(Note("no-venv", {}))
    if held is not None and not choices.take_over:
        found.append(
            Note(
                "port-taken",
                {
                    "port": api_port(target, choices),
                    "pid": held.pid or "–",
                    "command": held.command or held.unit or "–",
                    "user": held.user or "–",
                },
            )
        )
    if choices.with_livekit and survey.livekit.binary is None:
        found.append(Note("no-livekit", {}))
    rooms = survey.livekit.rooms
    if restarts_livekit and rooms != 0 and not choices.force and _livekit_runs(target, survey):
        found.append(Note("rooms", {"rooms": "?" if rooms is None else rooms}))
    return found


def _shared_in_source(target: Target, source: Source) -> list[Note]:
    shared = target.shared_paths
    found = [entry.path for entry in source.entries if _within(entry.path, shared)]
    return [Note("shared-in-source", {"paths": _some(found)})] if found else []


def _no_room(target: Target, source: Source, survey: Survey) -> list[Note]:
    free, need = survey.free_bytes, _written_bytes(source, survey)
    if free is None or free >= need:
        return []
    values = {"folder": target.remote_dir, "free": free // 2**20, "need": need // 2**20 + 1}
    return [Note("no-room", values)]


def _livekit_runs(target: Target, survey: Survey) -> bool:
    unit = survey.units.get(target.livekit_unit)
    return unit is not None and bool(unit.active)


# Remarks


def _source_notes(
    target: Target,
    choices: Choices,
    source: Source,
    requirements: Requirements | None,
    own_unit: str | None,
    texts: Mapping[str, str],
) -> list[Note]:
    found = []
    private = [left.path for left in source.left_out if left.reason == "private"]
    if private:
        found.append(Note("private", {"paths": _some(private)}))
    module = target.asgi_app.partition(":")[0].replace(".", "/")
    text = source.text(f"{module}.py")
    if text is None and not source.entry(f"{module}/__init__.py"):
        found.append(Note("no-app", {"app": target.asgi_app, "file": f"{module}.py"}))
    if text is not None and (lost := more_than_serving(text)):
        found.append(Note("main-block", {"file": f"{module}.py", "lines": " · ".join(lost)}))
    if requirements is None:
        found.append(Note("no-requirements", {}))
    if own_unit is not None and not choices.unit_from_source:
        differ = difflib.ndiff(own_unit.splitlines(), texts.get(target.api_unit, "").splitlines())
        lost_lines = sum(line.startswith("- ") for line in differ)
        found.append(Note("source-unit", {"unit": target.api_unit, "lines": lost_lines}))
    if choices.unit_from_source and own_unit not in (None, texts.get(target.api_unit)):
        found.append(Note("unit-paths", {"unit": target.api_unit}))
    return found


def _source_unit(
    target: Target, choices: Choices, own_unit: str | None, texts: Mapping[str, str]
) -> TextChange | None:
    """From the unit that the source brings along to the one that is used instead."""
    ours = texts.get(target.api_unit)
    if own_unit is None or choices.unit_from_source or own_unit == ours:
        return None
    return _change(target.api_unit, own_unit, ours)


def _server_notes(target: Target, choices: Choices, survey: Survey, source: Source) -> list[Note]:
    found = []
    port = api_port(target, choices)
    by = survey.port_open.by or "?"
    hidden = survey.port_open.state == "closed" and (choices.open_port or _is_direct(target, port))
    if hidden and not (choices.open_port and by == "ufw"):
        id_ = "port-closed" if by == "ufw" else "port-by-hand"
        found.append(Note(id_, {"port": port, "by": by, "run": opening(by, port)}))
    need = _written_bytes(source, survey) + _LEAST_FREE_BYTES
    if survey.free_bytes is not None and survey.free_bytes < need:
        found.append(Note("disk", {"free": survey.free_bytes // 2**20, "need": need // 2**20}))
    for name in (target.api_unit, socket_of(target.api_unit)):
        unit = survey.units.get(name)
        for path, _ in unit.drop_ins if unit else ():
            found.append(Note("drop-in", {"unit": name, "path": path}))
    if survey.unfinished:
        found.append(Note("unfinished", {}))
    return found


def _written_bytes(source: Source, survey: Survey) -> int:
    """By the release, which has every file of its own, and by the copy of what is adopted; packages
    and what they are made from come on top."""
    sizes = [entry.size for entry in source.entries]
    if survey.layout == "flat":
        sizes += [size for _, _, size, *_ in survey.files]
    return sum(sizes) + _BLOCK * len(sizes)


def opens_port(choices: Choices, survey: Survey) -> bool:
    """Whether a rule is to be added: to ufw, which keeps it; other rules are left to a person."""
    port_open = survey.port_open
    return choices.open_port and port_open.state == "closed" and port_open.by == "ufw"


def opening(by: str, port: int) -> str:
    """The command by which a person opens the port."""
    if by == "ufw":
        return f"sudo ufw prepend allow {port}/tcp"
    if by == "nftables":
        return f"sudo nft insert rule inet filter input tcp dport {port} accept"
    return f"sudo iptables -I INPUT -p tcp --dport {port} -j ACCEPT"


def _is_direct(target: Target, port: int) -> bool:
    """Whether the API's own port is the address that people use."""
    return target.api is None or target.api.port == port


def _some(paths: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(paths[:most])
    return shown if len(paths) <= most else f"{shown}, …"
