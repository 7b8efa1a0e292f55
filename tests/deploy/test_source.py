"""What of a folder is deployed, and what never is."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.deploy import source, wire
from eloquence_ops.deploy.source import Entry, SourceChanged, SourceRefused
from eloquence_ops.deploy.wire import Member

HOSTILE = (
    "a file with spaces",
    "a 'quoted\" name",
    "two\nlines",
    "$(touch pwned)",
    "-rf",
    "été",
    "caf\udce9",  # Latin-1, no UTF-8
    "back\\slash",
    "x" * 200,
)


def write(root: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def paths(root: Path) -> list[str]:
    return [entry.path for entry in source.read(root).entries]


@pytest.mark.parametrize(
    ("ignore", "kept"),
    [
        ("", ["api.py", "data/a.log", "data/keep.log", "docs/a.md", "notes.log"]),
        ("*.log", ["api.py", "docs/a.md"]),
        ("/notes.log", ["api.py", "data/a.log", "data/keep.log", "docs/a.md"]),
        ("*.log\n!keep.log", ["api.py", "data/keep.log", "docs/a.md"]),
        # What is in a folder that was left out cannot be taken back in, as in git.
        ("data/\n!data/keep.log", ["api.py", "docs/a.md", "notes.log"]),
        ("data/*\n!data/keep.log", ["api.py", "data/keep.log", "docs/a.md", "notes.log"]),
        ("**/a.*\n# comment\n\n", ["api.py", "data/keep.log", "notes.log"]),
    ],
)
@pytest.mark.parametrize("file", [".gitignore", ".eloquenceignore"])
def test_ignore_files_are_read_as_git_reads_them(
    tmp_path: Path, file: str, ignore: str, kept: list[str]
) -> None:
    write(tmp_path, "api.py", "data/a.log", "data/keep.log", "docs/a.md", "notes.log")
    (tmp_path / file).write_text(ignore, encoding="utf-8")
    assert [path for path in paths(tmp_path) if not path.startswith(".")] == kept


def test_eloquenceignore_decides_after_gitignore_and_the_deeper_file_first(tmp_path: Path) -> None:
    write(tmp_path, "model.bin", "deep/a.txt", "deep/b.txt")
    (tmp_path / ".gitignore").write_text("*.bin\n*.txt\n", encoding="utf-8")
    (tmp_path / ".eloquenceignore").write_text("!model.bin\n", encoding="utf-8")
    (tmp_path / "deep/.gitignore").write_text("!a.txt\n", encoding="utf-8")
    shown = [path for path in paths(tmp_path) if "ignore" not in path]
    assert shown == ["deep/a.txt", "model.bin"]


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.local", ".env.production", "deep/.ENV.local", "server.key", "cert.pem"),
        *("id_rsa", "id_ed25519", "id_ed25519.pub", "deep/id_deploy", "store.p12"),
        *(".git/config", ".venv/bin/python", "venv/lib/x.py", "__pycache__/api.pyc", "api.pyc"),
        *(".pytest_cache/x", ".mypy_cache/x", "node_modules/x/index.js", ".eloquence/record.json"),
    ],
)
def test_what_is_private_or_made_is_never_sent_whatever_an_ignore_file_says(
    tmp_path: Path, path: str
) -> None:
    write(tmp_path, "api.py", path)
    (tmp_path / ".eloquenceignore").write_text(f"!{path}\n!*\n", encoding="utf-8")
    assert path not in paths(tmp_path)


@pytest.mark.parametrize("path", [".env.example", "id_tokens.py", "keys.py", "monkey", "pem/a.py"])
def test_what_only_sounds_private_is_sent(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert paths(tmp_path) == [path]


def test_a_private_key_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, "api.py")
    write(tmp_path, "deploy_key", text="-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    read = source.read(tmp_path)
    assert [entry.path for entry in read.entries] == ["api.py"]
    assert [(left.path, left.reason) for left in read.left_out] == [("deploy_key", "private")]


def test_an_environment_is_known_by_its_file_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "api.py", "my-environment/pyvenv.cfg", "my-environment/bin/python")
    assert paths(tmp_path) == ["api.py"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside"])
def test_a_link_out_of_the_tree_is_refused_by_name(tmp_path: Path, target: str) -> None:
    root = tmp_path / "source"
    write(root, "a/b")
    (root / "a-link").symlink_to(target)
    with pytest.raises(SourceRefused, match="a-link"):
        source.read(root)


def test_a_link_that_leaves_through_another_one_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "source"
    write(root, "deep/er/b")
    (root / "inside").symlink_to("deep/er")
    (root / "leaves").symlink_to("inside/../../../outside")
    with pytest.raises(SourceRefused, match="leaves"):
        source.read(root)


def test_a_link_within_the_tree_stays_a_link(tmp_path: Path) -> None:
    write(tmp_path, "a/b", "api.py")
    (tmp_path / "a/link").symlink_to("../api.py")
    (tmp_path / "nowhere").symlink_to("not-there-yet")
    links = {e.path: e.link for e in source.read(tmp_path).entries if e.link is not None}
    assert links == {"a/link": "../api.py", "nowhere": "not-there-yet"}


def test_a_pipe_and_a_socket_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, "api.py")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceRefused, match="pipe"):
        source.read(tmp_path)
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        with pytest.raises(SourceRefused, match="sock"):
            source.read(tmp_path)


def test_names_of_every_kind_arrive_as_they_are(tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        (tmp_path / name).write_bytes(b"%d" % number)
    read = source.read(tmp_path)
    assert {entry.path for entry in read.entries} == set(HOSTILE)
    members = [Member(f"files/{entry.path}", entry, read.root) for entry in read.entries]
    archive = unpacked(wire.tar_frames(members, source.chunks))
    assert archive == {f"files/{name}": b"%d" % number for number, name in enumerate(HOSTILE)}


def unpacked(frames: Iterator[bytes]) -> dict[str, bytes]:
    """The stream as Python's own tarfile reads it."""
    data = io.BytesIO()
    for frame in frames:
        head, _, payload = frame.partition(b"\n")
        kind, length = head.split()
        assert kind == b"d"
        assert int(length) == len(payload)
        data.write(payload)
    data.seek(0)
    found = {}
    with tarfile.open(fileobj=data, mode="r:gz", errors="surrogateescape") as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


def test_the_digest_tells_content_names_and_the_right_to_execute(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")
    digests = [source.read(tmp_path).digest]
    (tmp_path / "a").chmod(0o755)
    digests.append(source.read(tmp_path).digest)
    write(tmp_path, "a", text="y")
    digests.append(source.read(tmp_path).digest)
    (tmp_path / "b").rename(tmp_path / "c")
    digests.append(source.read(tmp_path).digest)
    os.utime(tmp_path / "c", (1, 1))
    assert len(set(digests)) == 4
    assert source.read(tmp_path).digest == digests[-1]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("y" * 10),
        lambda path: path.write_text("y" * 9),
        lambda path: path.write_text("y" * 11),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
        lambda path: (path.unlink(), os.mkfifo(path)),  # type: ignore[func-returns-value]
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["other", "shorter", "longer", "gone", "link", "pipe", "folder"],
)
def test_a_file_that_changed_after_it_was_hashed_never_arrives_whole(
    tmp_path: Path, change: object
) -> None:
    write(tmp_path, "api.py", text="x" * 10)
    (entry,) = source.read(tmp_path).entries
    assert callable(change)
    change(tmp_path / "api.py")
    seen: list[bytes] = []
    with pytest.raises(SourceChanged, match=r"api\.py"):
        seen.extend(source.chunks(tmp_path, entry))
    assert len(b"".join(seen)) < 10


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64 * source.CHUNK)
    (entry,) = source.read(tmp_path).entries
    sizes = [len(data) for data in source.chunks(tmp_path, entry)]
    assert max(sizes) <= source.CHUNK
    assert sum(sizes) == entry.size == 64 * source.CHUNK
    frames = wire.tar_frames([Member("files/large", entry, tmp_path)], source.chunks)
    assert max(len(frame) for frame in frames) < 2 * source.CHUNK


@pytest.mark.parametrize("folder", ["nowhere", "file", "empty"])
def test_a_source_that_is_none_is_refused(tmp_path: Path, folder: str) -> None:
    write(tmp_path, "file", "empty/.env")
    with pytest.raises(SourceRefused, match=folder):
        source.read(tmp_path / folder)


def test_an_entry_is_the_same_for_the_same_file(tmp_path: Path) -> None:
    write(tmp_path, "a")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert source.read(tmp_path).entries == (Entry("a", digest, 1, 0o644),)
