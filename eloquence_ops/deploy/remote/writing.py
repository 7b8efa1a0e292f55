"""Writing so that a power cut leaves the old or the new, never half of it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil


def write(path: str, data: bytes, mode: int = 0o644) -> None:
    """Replaces a file in one step. Raises `OSError`."""
    draft = "{}.eloquence-{}".format(path, os.getpid())
    remove(draft)  # of somebody who had this pid, and was killed
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fchmod(handle, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(draft, path)
    except BaseException:
        remove(draft)
        raise
    sync_folder(os.path.dirname(path))


def write_json(path: str, value: object, mode: int = 0o600) -> None:
    write(path, json.dumps(value, sort_keys=True).encode("ascii"), mode)


def read_json(path: str) -> dict[str, object] | None:
    """None where there is none that can be read."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(64 * 1024 * 1024))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def link(path: str, target: str) -> None:
    """Makes or replaces a symbolic link in one step."""
    draft = "{}.eloquence-{}".format(path, os.getpid())
    remove(draft)
    os.symlink(target, draft)
    os.rename(draft, path)
    sync_folder(os.path.dirname(path))


def remove(path: str) -> None:
    """A file, a link or a whole folder; one that is not there is no error."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass


def sync_folder(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all_of(path: str) -> None:
    """Everything written to the file system of `path`: one call for hundreds of files."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    finally:
        os.close(handle)
