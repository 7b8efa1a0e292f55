"""What was deleted from an installation, and when; what a rotated log still knows."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from eloquence_ops.server.remote import changes, source_folders
from eloquence_ops.server.remote.gaps import Gaps

NEEDED = ["api.py", "adapters", ".env.local"]
LONG_AGO = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Installed, and started once, a while ago; the time of an inode cannot be set, so each entry
    seems to have come now: the folders have to look younger or older than that."""
    root = tmp_path / "backend"
    for name in ("api.py", "adapters/livekit.py", "adapters/voice.py", ".env.local"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    for name in ("livekit", "voice"):
        (root / "adapters" / "__pycache__").mkdir(exist_ok=True)
        (root / "adapters" / "__pycache__" / f"{name}.cpython-311.pyc").touch()
    return root


def later(folder: Path, seconds: int = 60) -> None:
    """As if this had happened so long after everything there had come."""
    at = time.time() + seconds
    os.utime(folder, (at, at))


def deleted(folder: Path, needed: list[str] | None = None) -> object:
    found = source_folders.deleted(str(folder), needed or [])
    return None if found is None else found["gone"]


def test_a_settings_file_that_was_deleted(folder: Path) -> None:
    (folder / ".env.local").unlink()
    later(folder)
    assert deleted(folder, NEEDED) == [".env.local"]


def test_a_folder_that_was_deleted(folder: Path) -> None:
    shutil.rmtree(folder / "adapters")
    later(folder)
    assert deleted(folder, NEEDED) == ["adapters"]


def test_a_module_that_was_deleted_is_known_by_its_bytecode(folder: Path) -> None:
    (folder / "adapters" / "voice.py").unlink()
    later(folder / "adapters")
    assert deleted(folder / "adapters") == ["voice.py"]


def test_what_came_in_last_says_nothing_of_what_went_before(folder: Path) -> None:
    (folder / ".env.local").unlink()
    (folder / "log").touch()
    assert deleted(folder, NEEDED) is None


def test_a_folder_that_lacks_nothing(folder: Path) -> None:
    later(folder)
    assert deleted(folder, NEEDED) is None


def test_the_time_is_told_with_the_files(folder: Path) -> None:
    (folder / ".env.local").unlink()
    os.utime(folder, (LONG_AGO, LONG_AGO))
    gaps = Gaps()
    found = changes.facts({}, gaps, {str(folder): NEEDED, "/no/such": NEEDED})
    assert isinstance(found["files"], list)
    (entry,) = found["files"]
    assert (entry["what"], entry["modified_at"], entry["gone"]) == (
        "folder",
        LONG_AGO,
        [".env.local"],
    )
    assert "/no/such" not in {gap["fact"] for gap in gaps.entries}


def test_the_python_files_of_an_installation(folder: Path) -> None:
    for name in (".venv/a.py", "venv/a.py", "own/pyvenv.cfg", "own/a.py", "a/b/c/d/e.py", "a/f.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "loop").symlink_to(folder)
    found = source_folders.walk(str(folder))
    names = [os.path.relpath(path, folder) for path in found.files]
    assert names == ["api.py", "a/f.py", "adapters/livekit.py", "adapters/voice.py"]
    assert [os.path.relpath(path, folder) for path in found.folders] == [
        ".",
        "a",
        "adapters",
        "a/b",
        "a/b/c",
    ]


def test_many_files_are_bounded(folder: Path) -> None:
    for at in range(300):
        (folder / f"m{at}.py").touch()
    assert len(source_folders.walk(str(folder)).files) == 200


def test_a_folder_that_is_not_there() -> None:
    assert source_folders.walk("/no/such") == ([], [])


@pytest.mark.parametrize("size", ["", "x" * 600_000])
def test_the_log_of_dpkg_is_read_back_into_the_rotated_one(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as the new one is longer than what is read, the old one is too old."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    line = f"{stamp} upgrade nginx:amd64 1 2\n"
    (tmp_path / "dpkg.log.1").write_text(line)
    (tmp_path / "dpkg.log").write_text(f"{size}\n" + line.replace("nginx", "openssl"))
    monkeypatch.setattr(changes, "DPKG_LOG", str(tmp_path / "dpkg.log"))
    found = changes.facts({}, Gaps())["packages"]
    assert isinstance(found, list)
    names = [entry["name"] for entry in found]
    assert names == (["openssl"] if size else ["nginx", "openssl"])
