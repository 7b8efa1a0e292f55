"""Everything that a plan needs to know of a server, read at once; changes nothing."""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import pwd
import re
import shutil
import sys
import time

from eloquence_ops.deploy.remote import installed, livekit, locking, ports, systemd
from eloquence_ops.deploy.remote.identity import identity
from eloquence_ops.deploy.remote.place import TRANSIENT, UNITS, Place
from eloquence_ops.deploy.remote.tree import OWN, listing
from eloquence_ops.server.remote import environment_file, listeners, masking, processes
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.masking import Masker
from eloquence_ops.server.remote.reading import Unreadable, read_bytes, read_text

PROTOCOL = 1
_LIVEKIT_KEYS = "livekit-keys.yaml"
_LIVEKIT_CONFIG = re.compile(r"--config[ =](\S+)")


def facts(place: Place, nonce: str) -> dict[str, object]:
    shown = systemd.show(place.api_unit, place.socket_unit, place.livekit_unit)
    masker = masker_of(place)
    user = service_user(place, shown[place.api_unit])
    layout = place.layout()
    current = place.current_release()
    found: dict[str, object] = {
        "protocol": PROTOCOL,
        "is_root": os.geteuid() == 0,
        "privileged": os.geteuid() == 0,
        "python": platform.python_version(),
        "implementation": "cp" if sys.implementation.name == "cpython" else "pp",
        "machine": platform.machine(),
        "glibc": platform.libc_ver()[1] or None,
        "systemd": _systemd_version(),
        "uv": shutil.which("uv", path=systemd.environment()["PATH"] + ":/root/.local/bin"),
        "venv": _has_venv(),
        "now": round(time.time(), 3),
        "user": user,
        "layout": layout,
        "current": current,
        "releases": installed.records(place),
        "files": _files(place, layout, current),
        "units": {
            name: _unit(properties, masker)
            for name, properties in shown.items()
            if properties.get("LoadState") == "loaded"
        },
        "livekit": _livekit(shown[place.livekit_unit], masker, nonce),
        "listener": listener(place),
        "environments": installed.environments(place, shown[place.api_unit]),
        "wheels": installed.wheels(place),
        "env_local": _env_local(place, nonce),
        "env_example": _env_example(place, layout, current),
        "launcher": _launcher(place, current),
        "free_bytes": _free(place),
        "writable": _writable(place),
        "firewall": ports.facts(),
    }
    found.update(locking.facts(place))
    return found


def service_user(place: Place, api: dict[str, str]) -> dict[str, str]:
    """Whose the service is: of its unit, else the folder's owner, else who logged in."""
    names = [api.get("User", "")]
    try:
        owner = os.stat(place.remote_dir).st_uid
        names.append(pwd.getpwuid(owner).pw_name if owner else "")
    except (OSError, KeyError):
        pass
    names += [os.environ.get("SUDO_USER", ""), pwd.getpwuid(os.getuid()).pw_name]
    # A folder that is to lie in somebody's home is theirs.
    above = os.path.dirname(place.remote_dir)
    if above.startswith("/home/"):
        names.insert(2, above.split("/")[2])
    for name in names:
        if name and (name != "root" or name == names[0]):
            try:
                found = identity(name, api.get("Group", "") if name == names[0] else "")
            except KeyError:
                continue
            return {"name": found.name, "group": found.group}
    return {"name": "root", "group": "root"}


def masker_of(place: Place, more: list[str] | None = None) -> Masker:
    """Knows the values of the API's own `.env.local`."""
    secrets = list(more or [])
    for path in (place.env_local, place.flat_env_local):
        try:
            for entry in environment_file.parse(read_text(path)):
                secrets += masking.secrets_in(entry.name, entry.value)
        except Unreadable:
            continue
    return Masker(secrets)


def _unit(properties: dict[str, str], masker: Masker) -> dict[str, object]:
    path = properties.get("FragmentPath", "")
    raw = _raw(path)
    return {
        "text": masker.text(raw.decode("utf-8", "replace")),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "path": path,
        "drop_ins": [
            [path, masker.text(_raw(path).decode("utf-8", "replace"))]
            for path in systemd.drop_ins(properties)
        ],
        "enabled": properties.get("UnitFileState") == "enabled",
        "active": systemd.is_active(properties),
        "sub": properties.get("SubState", ""),
        "result": properties.get("Result", ""),
        "main_pid": systemd.main_pid(properties) or None,
        "n_restarts": int(properties.get("NRestarts") or 0),
        "need_reload": properties.get("NeedDaemonReload") == "yes",
        "exec_start": masker.text(properties.get("ExecStart", "")),
        "user": properties.get("User", ""),
    }


def _raw(path: str) -> bytes:
    try:
        return read_bytes(path) if path else b""
    except Unreadable:
        return b""


def unit_hash(name: str) -> str:
    """Of a unit's text where administrators install them; empty where there is none."""
    for folder in (UNITS, TRANSIENT, "/lib/systemd/system", "/usr/lib/systemd/system"):
        raw = _raw(os.path.join(folder, name))
        if raw:
            return hashlib.sha256(raw).hexdigest()
    return ""


def _files(place: Place, layout: str, current: str | None) -> list[list[object]]:
    if layout == "releases" and current:
        return [list(entry) for entry in listing(place.release(current))]
    if layout == "flat":
        return [list(entry) for entry in listing(place.remote_dir, flat=True)]
    return []


def _livekit(unit: dict[str, str], masker: Masker, nonce: str) -> dict[str, object]:
    """`keys_digest` is keyed as that of `.env.local`, of the file of keys that a deploy makes."""
    binary = shutil.which("livekit-server", path=systemd.environment()["PATH"])
    match = _LIVEKIT_CONFIG.search(unit.get("ExecStart", ""))
    path = match.group(1).strip("\"'") if match else "/etc/livekit.yaml"
    text = _raw(path).decode("utf-8", "replace")
    keys = _raw(os.path.join(os.path.dirname(path), _LIVEKIT_KEYS))
    return {
        "keys_digest": hmac.new(nonce.encode(), keys, "sha256").hexdigest() if keys else None,
        "binary": binary,
        "version": _livekit_version(binary),
        "yaml": masker.text(text) if text else None,
        "yaml_sha256": hashlib.sha256(_raw(path)).hexdigest() if text else None,
        "user": unit.get("User") or ("root" if unit.get("LoadState") == "loaded" else None),
        "yaml_path": path,
        "address": ports.address(),
        "rooms": livekit.rooms(path) if systemd.is_active(unit) else None,
    }


def _livekit_version(binary: str | None) -> str | None:
    if binary is None:
        return None
    said = systemd.run([binary, "--version"], 5.0).stdout
    match = re.search(r"\d+\.\d+\.\d+", said)
    return match.group(0) if match else None


def listener(place: Place) -> dict[str, object] | None:
    """Who holds the API's port; a socket unit is held by systemd itself."""
    every = processes.every()
    sockets = listeners.sockets(every, Gaps())
    for entry in sockets.listeners:
        if entry.protocol == "tcp" and entry.port == place.port:
            held = [pid for pid in sorted(sockets.holders.get(entry.inode, ())) if pid in every]
            # systemd holds it beside the service that it passed it to.
            own = [pid for pid in held if pid != 1]
            if not own:
                # Of an idle socket systemd is the only holder: never a process to be stopped.
                unit = _socket_unit(place.port) if held else None
                return {"pid": None, "command": "", "unit": unit, "user": "root" if held else ""}
            process = every[own[0]]
            return {
                "pid": process.pid,
                "command": " ".join(masking.without_values(process.arguments))[:300],
                "unit": process.unit or None,
                "user": processes.user_name(process.uid),
            }
    return None


def _socket_unit(port: int) -> str | None:
    """The unit by which systemd holds a port."""
    done = systemd.ask("list-sockets", "--all", "--no-pager", "--no-legend")
    for line in done.stdout.split("\n"):
        words = line.split()
        if len(words) > 1 and words[0].endswith(":{}".format(port)):
            return words[1]
    return None


def _env_example(place: Place, layout: str, current: str | None) -> list[str] | None:
    """The variables that the installed release says it needs; null where it does not say."""
    folder = place.release(current) if current else place.remote_dir
    if layout == "none":
        return None
    for name in (".env.example", ".env.template"):
        try:
            found = environment_file.parse(read_text(os.path.join(folder, name)))
        except Unreadable:
            continue
        return sorted({entry.name for entry in found})
    return None


def _env_local(place: Place, nonce: str) -> dict[str, object] | None:
    """`digest` tells whether a file is the same, to whoever has it, and nothing to others."""
    for path in (place.env_local, place.flat_env_local):
        try:
            status = os.stat(path)
            raw = read_bytes(path)
            keys = [entry.name for entry in environment_file.parse(read_text(path))]
        except (OSError, Unreadable):
            continue
        return {
            "keys": sorted(set(keys)),
            "mode": "{:04o}".format(status.st_mode & 0o7777),
            "owner": processes.user_name(status.st_uid),
            "digest": hmac.new(nonce.encode(), raw, "sha256").hexdigest(),
        }
    return None


def _launcher(place: Place, current: str | None) -> str | None:
    """The hash of what the current release is served by; None where it is not known."""
    raw = _raw(os.path.join(place.release(current), OWN, "serve.py")) if current else b""
    return hashlib.sha256(raw).hexdigest() if raw else None


def _existing(path: str) -> str:
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    return path


def _free(place: Place) -> int:
    status = os.statvfs(_existing(place.remote_dir))
    return status.f_bavail * status.f_frsize


def _writable(place: Place) -> bool:
    """Whether the disk takes writing at all; root may everything else."""
    path = _existing(place.remote_dir)
    return not os.statvfs(path).f_flag & os.ST_RDONLY and os.access(path, os.W_OK)


def _systemd_version() -> int:
    match = re.match(r"systemd (\d+)", systemd.ask("--version").stdout)
    return int(match.group(1)) if match else 0


def _has_venv() -> bool:
    """Debian keeps what `venv` needs in a package of its own."""
    import importlib.util

    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
