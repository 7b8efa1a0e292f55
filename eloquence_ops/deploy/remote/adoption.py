"""A flat installation, made by hand as the guide has it, becomes the first release.

What lies in the folder is copied; the original goes on serving until the new release has proved
itself, and only then, and only where nobody else uses it, are the originals removed.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from typing import cast

from eloquence_ops.deploy.remote import installed, systemd
from eloquence_ops.deploy.remote.identity import Identity, acting_as
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import UNITS, Place
from eloquence_ops.deploy.remote.tree import OWN, Entry, hash_of, hash_of_link, listing
from eloquence_ops.deploy.remote.writing import link, remove, write, write_json
from eloquence_ops.server.remote import processes

_LARGEST_ENVIRONMENT = 1024 * 1024


def make_folders(place: Place, who: Identity, ledger: Ledger) -> None:
    """The folders beside the releases, the service's user's."""
    if os.lstat(place.remote_dir).st_uid != who.uid:
        ledger.will_own(place.remote_dir)
        os.chown(place.remote_dir, who.uid, who.gid, follow_symlinks=False)
    for path in (place.releases, place.shared, place.environments):
        if not os.path.isdir(path):
            ledger.will_make(path)
            with acting_as(who):
                os.mkdir(path, 0o755)


def adopt(
    place: Place,
    who: Identity,
    ledger: Ledger,
    api: dict[str, str],
    before: dict[str, object],
    serve: str,
) -> str:
    """The name of the release that the flat installation is now."""
    now = round(time.time(), 3)
    entries = listing(place.remote_dir, flat=True)
    # It was there before the release that adopts it, whose name may be some seconds old by now.
    name = time.strftime("%Y%m%d-%H%M%S", time.gmtime(_last_change(place, entries))) + "-adopted"
    folder = place.release(name)
    ledger.will_make(folder)
    environment = installed.flat_environment(place, api)
    with acting_as(who):
        copy(place.remote_dir, folder, entries)
        own = os.path.join(folder, OWN)
        os.mkdir(own, 0o755)
        write(os.path.join(own, "serve.py"), serve.encode("utf-8"))
        os.symlink("../../shared/.env.local", os.path.join(folder, ".env.local"))
    if environment is not None:
        _take_environment(place, who, ledger, environment)
        with acting_as(who):
            os.symlink("../../../environments/" + installed.FLAT, os.path.join(own, "environment"))
    move_env_local(place, who, ledger)
    texts, drop_ins = _units(place, api)
    record: dict[str, object] = {
        "id": name,
        "made_at": now,
        "by": who.name,
        "commit": None,
        "tool": None,
        "source_digest": None,
        "requirements_digest": None,
        "environment": installed.FLAT if environment else None,
        "adopted": True,
        "activation": "bind" if texts else "socket",
        "good_at": now if before["serves"] else None,
        "units": texts,
        "drop_ins": drop_ins,
        "enabled": cast("dict[str, bool]", before["enabled"]).get(place.api_unit, False),
    }
    ledger.will_make(installed.record_path(place, name))
    installed.write_record(place, name, record)
    hidden = ("units", "drop_ins")
    shown = {key: value for key, value in record.items() if key not in hidden}
    with acting_as(who):
        write_json(os.path.join(own, "record.json"), shown, 0o644)
    ledger.set(adopted=name)
    return name


def _last_change(place: Place, entries: list[Entry]) -> float:
    paths = [os.path.join(place.remote_dir, entry.path) for entry in entries]
    return max((os.lstat(path).st_mtime for path in paths if os.path.lexists(path)), default=0.0)


def _take_environment(place: Place, who: Identity, ledger: Ledger, home: str) -> None:
    """A venv knows its own path: it stays where it is, and is named."""
    named = os.path.join(place.environments, installed.FLAT)
    if not os.path.lexists(named):
        ledger.will_make(named)
        inside = home.startswith(place.remote_dir + "/")
        target = os.path.relpath(home, place.environments) if inside else home
        with acting_as(who):
            os.symlink(target, named)


def move_env_local(place: Place, who: Identity, ledger: Ledger) -> None:
    """To `shared/`; where it was, a link leads there, so that everybody finds it as before."""
    flat, shared = place.flat_env_local, place.env_local
    if os.path.isfile(flat) and not os.path.islink(flat) and not os.path.exists(shared):
        # It may be readable for root alone, as systemd reads it.
        handle = os.open(flat, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            data = os.read(handle, _LARGEST_ENVIRONMENT)
        finally:
            os.close(handle)
        ledger.will_replace(shared)
        ledger.will_replace(flat)
        with acting_as(who):
            write(shared, data, 0o600)
            link(flat, "shared/.env.local")
    elif not os.path.lexists(flat):
        ledger.will_replace(flat)
        with acting_as(who):
            link(flat, "shared/.env.local")


def _units(place: Place, api: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The unit that it was served by and its drop-ins, word for word; empty where there is none."""
    path = api.get("FragmentPath", "")
    if not path.startswith(UNITS + "/"):
        return {}, {}
    drop_ins = {name: _text(name) for name in systemd.drop_ins(api) if name.startswith(UNITS)}
    return {place.api_unit: _text(path)}, drop_ins


def _text(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def copy(source: str, folder: str, entries: list[Entry]) -> None:
    """Files and links, with the modes they have. What changed meanwhile is copied as it is then."""
    os.makedirs(folder, 0o755, exist_ok=True)
    for entry in entries:
        where = os.path.join(folder, entry.path)
        os.makedirs(os.path.dirname(where), 0o755, exist_ok=True)
        if entry.target is not None:
            os.symlink(entry.target, where)
            continue
        shutil.copyfile(os.path.join(source, entry.path), where, follow_symlinks=False)
        os.chmod(where, entry.mode & 0o777)


def put_back(place: Place, who: Identity, ledger: Ledger, release: str) -> None:
    """The files of an adopted release where its own unit expects them."""
    for entry in listing(place.release(release)):
        where = os.path.join(place.remote_dir, entry.path)
        if os.path.lexists(where):
            continue
        above = os.path.dirname(entry.path)
        parts = above.split("/") if above else []
        for depth in range(1, len(parts) + 1):
            folder = os.path.join(place.remote_dir, *parts[:depth])
            if not os.path.isdir(folder):
                ledger.will_make(folder)
                with acting_as(who):
                    os.mkdir(folder, 0o755)
        ledger.will_make(where)
        with acting_as(who):
            copy(place.release(release), place.remote_dir, [entry])


def others_that_use(place: Place) -> list[str]:
    """Units and processes beside the API's that work in the folder itself."""
    found = set()
    own = (place.api_unit, place.socket_unit, place.candidate_unit, place.candidate_socket)
    try:
        names = sorted(os.listdir(UNITS))
    except OSError:
        names = []
    for name in names:
        path = os.path.join(UNITS, name)
        if name in own or not name.endswith((".service", ".timer")) or not os.path.isfile(path):
            continue
        text = _text(path)
        if place.remote_dir in text:
            found.add(name)
    for process in processes.every().values():
        if process.cwd == place.remote_dir and process.unit not in own:
            found.add(process.unit or "pid {}".format(process.pid))
    return sorted(found)


def remove_originals(place: Place, who: Identity, release: str) -> list[str]:
    """Those whose content is that of the copy; the others, which are kept, are named."""
    kept = []
    folder = place.release(release)
    folders = set()
    for entry in listing(place.remote_dir, flat=True):
        where = os.path.join(place.remote_dir, entry.path)
        copied = os.path.join(folder, entry.path)
        if _same(entry, copied):
            with acting_as(who):
                remove(where)
            folders.add(os.path.dirname(entry.path))
        else:
            kept.append(entry.path)
    for path in sorted(folders, key=len, reverse=True):
        _remove_empty(place, who, path)
    return kept


def _same(entry: Entry, copied: str) -> bool:
    try:
        if entry.target is not None:
            return hash_of_link(os.readlink(copied)) == entry.sha256
        return stat.S_ISREG(os.lstat(copied).st_mode) and hash_of(copied) == entry.sha256
    except OSError:
        return False


def _remove_empty(place: Place, who: Identity, path: str) -> None:
    """A folder with nothing in it but bytecode, and those above it."""
    while path:
        whole = os.path.join(place.remote_dir, path)
        with acting_as(who):
            remove(os.path.join(whole, "__pycache__"))
            try:
                os.rmdir(whole)
            except OSError:
                return
        path = os.path.dirname(path)
    with acting_as(who):
        remove(os.path.join(place.remote_dir, "__pycache__"))
