"""Which files of a release are others than those that are there, and what they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eloquence_ops.deploy.planning.shapes import FileChanges
from eloquence_ops.deploy.source import Entry, Source
from eloquence_ops.deploy.survey import Survey

_BLOCK: Final = 4096


def file_changes(wanted: Sequence[Entry], survey: Survey, shared: Sequence[str]) -> FileChanges:
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
    removed = [path for path in sorted(there) if path not in here and not within(path, shared)]
    return FileChanges(tuple(added), tuple(changed), tuple(removed))


def within(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def to_send(wanted: Sequence[Entry], survey: Survey) -> tuple[Entry, ...]:
    there = {sha for _, sha, _, _, link in survey.files if link is None}
    found: dict[str, Entry] = {}
    for entry in wanted:
        # A content that stands in several places travels once.
        if entry.link is None and entry.sha256 not in there:
            found.setdefault(entry.sha256, entry)
    return tuple(found.values())


def written_bytes(source: Source, survey: Survey) -> int:
    """By the release, which has every file of its own, and by the copy of what is adopted; packages
    and what they are made from come on top."""
    sizes = [entry.size for entry in source.entries]
    if survey.layout == "flat":
        sizes += [size for _, _, size, *_ in survey.files]
    return sum(sizes) + _BLOCK * len(sizes)
