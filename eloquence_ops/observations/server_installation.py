"""The API's folder on the server, and the Python that runs it."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.observations.base import Record
from eloquence_ops.observations.server import Bytes, Moment, ServerObservation


class InstalledFile(Record):
    """`exists` is None where a folder above hides it. `readable_by_service`: by owner, group and
    mode of it and of the folders above; access control lists are not looked at."""

    path: str
    exists: bool | None
    kind: Literal["", "file", "folder"] = ""
    bytes: Bytes | None = None
    modified_at: Moment | None = None
    mode: str = ""
    owner: str = ""
    readable_by_service: bool | None = None


class EnvironmentVariable(Record):
    """Its name and never its value. `ignored_by_systemd`: `EnvironmentFile=` skips this line, and
    writes it into the journal."""

    name: str
    empty: bool
    line: int
    ignored_by_systemd: Literal["", "export", "space-before-equals"] = ""


class Environment(Record):
    variables: tuple[EnvironmentVariable, ...]
    windows_line_ends: bool = False


class KeyAgreement(Record):
    """Whether LiveKit has the key pair that the API signs tokens with; compared on the server.

    `secret_same` is None where LiveKit does not have that key.
    """

    name_known: bool
    secret_same: bool | None


class Interpreter(Record):
    """`venv` is None for the system's own Python."""

    path: str
    venv: str | None
    exists: bool


class RequiredPackage(Record):
    """A line of requirements.txt. `unknown`: it has a marker, or a version none can compare."""

    name: str
    wanted: str
    installed: str
    state: Literal["ok", "missing", "wrong-version", "unknown"]


class Packages(Record):
    """`installed` counts all packages in `folders`. `other_lines` of requirements.txt ask for
    something else than a package by its name: a URL, another file."""

    folders: tuple[str, ...]
    installed: int
    other_lines: tuple[int, ...]
    requirements: tuple[RequiredPackage, ...]


class ServerInstallation(ServerObservation):
    """`files` are the folder itself and what must lie in it. `interpreter` is the one of the unit's
    command, whatever `python3` may be elsewhere."""

    kind: Literal["server.installation"] = "server.installation"
    folder: str
    service_user: str
    files: tuple[InstalledFile, ...]
    adapters: tuple[str, ...] | None = None
    environment: Environment | None = None
    livekit_keys: KeyAgreement | None = None
    interpreter: Interpreter | None = None
    packages: Packages | None = None

    def file(self, name: str) -> InstalledFile | None:
        """By its name in the folder: `api.py`, `.env.local`; empty for the folder itself."""
        path = f"{self.folder.rstrip('/')}/{name}".rstrip("/")
        return next((entry for entry in self.files if entry.path == path), None)
