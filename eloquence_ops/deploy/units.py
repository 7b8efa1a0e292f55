"""The units that a deploy installs, as text. Pure, but for reading the templates.

A folder of the user's own may hold templates of the same names: theirs are used then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import jinja2

from eloquence_ops import datafiles

Activation = Literal["socket", "bind"]

SERVICE: Final = "eloquence-api.service.j2"
SOCKET: Final = "eloquence-api.socket.j2"
LIVEKIT_SERVICE: Final = "livekit.service.j2"
LIVEKIT_YAML: Final = "livekit.yaml.j2"
LAUNCHER: Final = "serve.py"
_OURS: Final = frozenset({"current", "releases", "shared", "environments", "wheels"})
_ENVIRONMENTS: Final = frozenset({".venv", "venv"})
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the units are rendered for; all of it from the settings and the server's facts.

    `listen`: addresses, the port apart. `shares_socket`: the server's API has its socket unit
    already, so that the candidate can take the public connections over from it.
    """

    api_unit: str
    remote_dir: str
    release: str
    user: str
    group: str
    asgi_app: str = "api:app"
    port: int = 8083
    activation: Activation = "socket"
    listen: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104  # as the guide has it
    shared_paths: tuple[str, ...] = ()
    shares_socket: bool = False
    service_text: str | None = None
    """The source's own unit, where it is used in the place of ours."""

    @property
    def stem(self) -> str:
        return self.api_unit.removesuffix(".service")

    @property
    def socket_unit(self) -> str:
        return f"{self.stem}.socket"

    @property
    def candidate_unit(self) -> str:
        return f"{self.stem}-candidate.service"

    @property
    def candidate_socket(self) -> str:
        return f"{self.stem}-candidate.socket"

    @property
    def current(self) -> str:
        return f"{self.remote_dir}/current"

    @property
    def release_dir(self) -> str:
        return f"{self.remote_dir}/releases/{self.release}"

    @property
    def environment_file(self) -> str:
        return f"{self.remote_dir}/shared/.env.local"


@dataclass(frozen=True, slots=True)
class Rendered:
    """Texts by the names of their units; `serve` is the launcher that the units start."""

    units: Mapping[str, str]
    candidate: Mapping[str, str]
    serve: str


def render(wanted: Wanted, templates: Path | None = None) -> Rendered:
    """Raises `jinja2.TemplateError` for a template of the user's that cannot be rendered."""
    load = _loader(templates)
    service = wanted.service_text or load(SERVICE).render(_values(wanted))
    units = {wanted.api_unit: service}
    if wanted.activation == "socket":
        units[wanted.socket_unit] = load(SOCKET).render(_values(wanted))
    return Rendered(units, candidate(wanted, service), _text(LAUNCHER, templates))


@dataclass(frozen=True, slots=True)
class LiveKit:
    """What LiveKit is installed as; its keys lie in a file of their own, and not in these texts."""

    unit: str
    yaml: str


def render_livekit(
    *,
    binary: str,
    user: str,
    yaml_path: str,
    key_file: str,
    media_ports: tuple[int, int],
    is_behind_nat: bool,
    templates: Path | None = None,
) -> LiveKit:
    """`binary`, `yaml_path` and `key_file` are paths on the server. `is_behind_nat`: its own
    address is a private one, and it must ask what it is called outside."""
    load = _loader(templates)
    values = {
        "binary": binary,
        "user": user,
        "yaml_path": yaml_path,
        "key_file": key_file,
        "is_behind_nat": is_behind_nat,
        "first_port": media_ports[0],
        "last_port": media_ports[1],
    }
    return LiveKit(load(LIVEKIT_SERVICE).render(values), load(LIVEKIT_YAML).render(values))


def candidate(wanted: Wanted, service: str) -> dict[str, str]:
    """The units under which a release proves itself, out of the text of the service that it will
    run as: the same settings, on a socket that nobody else can reach."""
    sockets = [wanted.candidate_socket]
    if wanted.shares_socket and wanted.activation == "socket":
        sockets.append(wanted.socket_unit)
    command = " ".join(map(word, [*_command(wanted, wanted.release_dir), "--public-on-signal"]))
    own = {
        "Type": "notify",
        "NotifyAccess": "main",
        "NonBlocking": "true",
        "ExecStart": command,
        "Restart": "no",
        "Sockets": " ".join(sockets),
    }
    lines: list[str] = []
    section = ""
    for line in _joined(service):
        if line.startswith("["):
            section = line
            if section == "[Service]":
                lines += [line, *(f"{name}={value}" for name, value in own.items())]
            elif section == "[Unit]":
                lines += [line, f"Description=A release of {wanted.api_unit} that is tried"]
            continue
        name = line.partition("=")[0].strip()
        if section == "[Service]" and name not in own:
            lines.append(line.replace(path(wanted.current), path(wanted.release_dir)))
    socket = (
        "[Socket]\n"
        f"ListenStream=/run/{wanted.candidate_unit.removesuffix('.service')}.sock\n"
        "SocketMode=0600\n"
        "FileDescriptorName=private\n"
        "RemoveOnStop=true\n"
        f"Service={wanted.candidate_unit}\n"
    )
    return {wanted.candidate_unit: "\n".join(lines) + "\n", wanted.candidate_socket: socket}


def in_release(text: str, remote_dir: str) -> str:
    """A unit that was written for the guide's one folder, its paths leading into the release."""

    def within(found: re.Match[str]) -> str:
        first, _, rest = (found[1] or "").partition("/")
        if first in _OURS:
            return found[0]
        if first in _ENVIRONMENTS:
            return "/".join(filter(None, (remote_dir, "current/.eloquence/environment", rest)))
        return "/".join(filter(None, (remote_dir, "current", found[1])))

    pattern = rf"(?<![\w./-]){re.escape(remote_dir)}(?:/([^\s\"';:]*)|(?=[\s\"';:]|$))"
    return re.sub(pattern, within, text, flags=re.MULTILINE)


def _joined(text: str) -> list[str]:
    """Lines of a unit without comments, those that go on by a backslash as one."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and line.strip()[0] not in "#;"]


def _command(wanted: Wanted, folder: str) -> list[str]:
    python = f"{folder}/.eloquence/environment/bin/python"
    return [python, f"{folder}/.eloquence/serve.py", wanted.asgi_app]


def _values(wanted: Wanted) -> dict[str, object]:
    command = _command(wanted, wanted.current)
    if wanted.activation == "bind":
        command += ["--bind", _address(wanted.listen[0], wanted.port)]
    return {
        "api_unit": wanted.api_unit,
        "socket_unit": wanted.socket_unit,
        "activation": wanted.activation,
        "user": wanted.user,
        "group": wanted.group,
        "release_dir": wanted.current,
        "environment_file": wanted.environment_file,
        "command": command,
        "writable": [f"{wanted.remote_dir}/shared/{name}" for name in wanted.shared_paths],
        "listen": [_address(address, wanted.port) for address in wanted.listen],
    }


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def word(text: str) -> str:
    """One word of a command as systemd reads it: systemd.service(5), COMMAND LINES."""
    escaped = text.replace("%", "%%").replace("$", "$$")
    if _PLAIN_WORD.fullmatch(escaped):
        return escaped
    escaped = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def path(text: str) -> str:
    """A path that is a setting's whole value: only `%` means something there."""
    return text.replace("%", "%%")


def _text(name: str, templates: Path | None) -> str:
    own = templates / name if templates else None
    found = own if own and own.is_file() else datafiles.folder("templates") / name
    return found.read_text(encoding="utf-8")


def _loader(templates: Path | None) -> Callable[[str], jinja2.Template]:
    folders = [*([templates] if templates else []), datafiles.folder("templates")]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # units are no HTML
    )
    environment.filters.update(word=word, path=path)
    return environment.get_template
