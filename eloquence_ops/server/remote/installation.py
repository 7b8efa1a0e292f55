"""What is installed in the API's folder, and whether the service's user can read it."""

from __future__ import annotations

import grp
import hmac
import os
import pwd
import stat

from eloquence_ops.server.remote import environment_file, interpreter, livekit_config, versions
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.processes import user_name
from eloquence_ops.server.remote.reading import Unreadable, listing, read_text, reason_of
from eloquence_ops.server.remote.units import Unit

ENVIRONMENT = ".env.local"
FILES = ("", "api.py", "adapters", "requirements.txt", ENVIRONMENT)
_MOST_REQUIREMENTS = 300
_MOST_ADAPTERS = 60


class Service:
    """The user that a unit runs as, for asking what that user can read."""

    def __init__(self, unit: Unit | None) -> None:
        self.name = _user(unit)
        self.uid, self.groups = _identity(self.name, unit)

    @property
    def is_known(self) -> bool:
        return self.uid is not None

    def can_read(self, path: str) -> bool | None:
        """By owner, group and mode of the file and of every folder above it; access lists are not
        looked at. None where it cannot be told."""
        if not self.is_known:
            return None
        if self.uid == 0:
            return True
        try:
            status = os.stat(path)
            wanted = 5 if stat.S_ISDIR(status.st_mode) else 4
            if not self._may(status, wanted):
                return False
            folder = os.path.dirname(os.path.realpath(path))
            while True:
                if not self._may(os.stat(folder), 1):
                    return False
                if folder == "/":
                    return True
                folder = os.path.dirname(folder)
        except OSError:
            return None

    def _may(self, status: os.stat_result, wanted: int) -> bool:
        of_others = 3 if status.st_gid in self.groups else 0
        shift = 6 if status.st_uid == self.uid else of_others
        return (status.st_mode >> shift) & wanted == wanted


def _user(unit: Unit | None) -> str:
    """A dynamic user is named like the unit, and exists while that runs only."""
    if unit is None:
        return "root"
    if unit.get("DynamicUser") == "yes":
        return unit.get("User") or unit.id.rpartition(".")[0]
    return unit.get("User") or "root"


def _identity(name: str, unit: Unit | None) -> tuple[int | None, set[int]]:
    try:
        user = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OSError):
        return None, set()
    groups = {user.pw_gid} | {entry.gr_gid for entry in grp.getgrall() if name in entry.gr_mem}
    named = [unit.get("Group"), *unit.get("SupplementaryGroups").split()] if unit else []
    for group in filter(None, named):
        try:
            groups.add(int(group) if group.isdigit() else grp.getgrnam(group).gr_gid)
        except KeyError:
            continue
    return user.pw_uid, groups


def file_facts(path: str, service: Service) -> dict[str, object]:
    """`exists` is None where a folder above keeps us from seeing."""
    found: dict[str, object] = {"path": path}
    try:
        status = os.stat(path)
    except OSError as error:
        found["exists"] = False if reason_of(error) == "not-found" else None
        return found
    found.update(
        exists=True,
        kind="folder" if stat.S_ISDIR(status.st_mode) else "file",
        bytes=status.st_size,
        modified_at=int(status.st_mtime),
        mode="{:04o}".format(stat.S_IMODE(status.st_mode)),
        owner=user_name(status.st_uid),
        readable_by_service=service.can_read(path),
    )
    return found


def facts(folder: str, api: Unit | None, livekit: Unit | None, gaps: Gaps) -> dict[str, object]:
    service = Service(api)
    if not service.is_known:
        gaps.note("readable_by_service", "not-found", "no user {}".format(service.name))
    found: dict[str, object] = {
        "folder": folder,
        "service_user": service.name,
        "files": [file_facts(os.path.join(folder, name).rstrip("/"), service) for name in FILES],
    }
    with gaps.around("adapters", missing_is_known=True):
        found["adapters"] = _adapters(folder)
    with gaps.around("environment", missing_is_known=True):
        found["environment"] = environment_file.facts(read_text(os.path.join(folder, ENVIRONMENT)))
    with gaps.around("livekit_keys"):
        found["livekit_keys"] = _keys_agree(_environment(folder, api), livekit)
    _interpreter_facts(found, folder, api, gaps)
    return found


def needed(asgi_app: str) -> list[str]:
    """What must lie in the folder, for the application that the guide installs."""
    return ["api.py", "adapters"] if asgi_app.partition(":")[0] == "api" else []


def _adapters(folder: str) -> list[str]:
    names = listing(os.path.join(folder, "adapters"))
    return [name for name in names if name.endswith(".py")][:_MOST_ADAPTERS]


def _environment(folder: str, api: Unit | None) -> dict[str, str]:
    """What the API's unit sets from files, the later one winning; where it names none, the API
    reads its `.env.local` itself. Raises `Unreadable`."""
    found: dict[str, str] = {}
    named = api.environment_files if api is not None else []
    for path, optional in named or [(os.path.join(folder, ENVIRONMENT), False)]:
        try:
            text = read_text(path)
        except Unreadable as error:
            if optional and error.reason == "not-found":
                continue
            raise
        found.update((entry.name, entry.value) for entry in environment_file.parse(text))
    return found


def _keys_agree(values: dict[str, str], livekit: Unit | None) -> dict[str, object]:
    """Whether the API signs with a key pair that LiveKit has; told without telling either."""
    name, secret = values.get("LIVEKIT_API_KEY", ""), values.get("LIVEKIT_API_SECRET", "")
    if not name or not secret:
        raise Unreadable("not-found", "LIVEKIT_API_KEY or LIVEKIT_API_SECRET")
    pairs = livekit_config.load_keys(livekit_config.load(livekit_config.path_of(livekit)))
    same = hmac.compare_digest(pairs[name].encode(), secret.encode()) if name in pairs else None
    return {"name_known": name in pairs, "secret_same": same}


def _interpreter_facts(found: dict[str, object], folder: str, api: Unit | None, gaps: Gaps) -> None:
    with gaps.around("interpreter"):
        used = _interpreter(api)
        found["interpreter"] = {"path": used.path, "venv": used.home, "exists": used.exists}
        if used.exists:
            with gaps.around("packages"):
                found["packages"] = _packages(used, os.path.join(folder, "requirements.txt"))


def _interpreter(api: Unit | None) -> interpreter.Interpreter:
    """The Python of the unit's command. Raises `Unreadable`."""
    if api is None or not api.arguments:
        raise Unreadable("not-found", "the unit has no command")
    working = api.get("WorkingDirectory").lstrip("-!~") or "/"
    used = interpreter.of_command(api.arguments, working)
    if used is None:
        raise Unreadable("not-understood", os.path.basename(api.arguments[0]))
    return used


def import_folders(api: Unit | None) -> list[str]:
    """Where the API's Python takes its packages from. Raises `Unreadable`."""
    return interpreter.site_packages(_interpreter(api))


def _packages(used: interpreter.Interpreter, requirements: str) -> dict[str, object]:
    folders = interpreter.site_packages(used)
    if not folders:
        raise Unreadable("not-found", "site-packages of " + used.path)
    have = interpreter.installed(folders)
    found: dict[str, object] = {"folders": folders[:10], "installed": len(have)}
    wanted, other_lines = versions.parse_requirements(read_text(requirements))
    found["other_lines"] = other_lines[:40]
    found["requirements"] = [
        {
            "name": entry.name,
            "wanted": entry.wanted,
            "installed": have.get(entry.name, ""),
            "state": _state(entry, have.get(entry.name)),
        }
        for entry in wanted[:_MOST_REQUIREMENTS]
    ]
    return found


def _state(requirement: versions.Requirement, version: str | None) -> str:
    if version is None:
        return "unknown" if requirement.has_marker else "missing"
    verdict = versions.satisfies(version, requirement.clauses)
    if verdict is None or (verdict is False and requirement.has_marker):
        return "unknown"
    return "ok" if verdict else "wrong-version"
