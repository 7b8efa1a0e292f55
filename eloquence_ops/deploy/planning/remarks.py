"""What is worth knowing before a deploy."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import Final

from eloquence_ops.deploy.choices import Choices, api_port
from eloquence_ops.deploy.main_block import more_than_serving
from eloquence_ops.deploy.planning.files import written_bytes
from eloquence_ops.deploy.planning.shapes import Note, some
from eloquence_ops.deploy.planning.switch import socket_of
from eloquence_ops.deploy.requirements import Requirements
from eloquence_ops.deploy.source import Source
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.settings import Target

_LEAST_FREE_BYTES: Final = 200 * 1024 * 1024


def source_notes(
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
        found.append(Note("private", {"paths": some(private)}))
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


def server_notes(
    target: Target, choices: Choices, survey: Survey, source: Source, launcher: str
) -> list[Note]:
    found = []
    port = api_port(target, choices)
    by = survey.port_open.by or "?"
    hidden = survey.port_open.state == "closed" and (choices.open_port or _is_direct(target, port))
    if hidden and not (choices.open_port and by == "ufw"):
        id_ = "port-closed" if by == "ufw" else "port-by-hand"
        found.append(Note(id_, {"port": port, "by": by, "run": opening(by, port)}))
    need = written_bytes(source, survey) + _LEAST_FREE_BYTES
    if survey.free_bytes is not None and survey.free_bytes < need:
        found.append(Note("disk", {"free": survey.free_bytes // 2**20, "need": need // 2**20}))
    for name in (target.api_unit, socket_of(target.api_unit)):
        unit = survey.units.get(name)
        for path, _ in unit.drop_ins if unit else ():
            found.append(Note("drop-in", {"unit": name, "path": path}))
    if another_launcher(launcher, survey):
        found.append(Note("launcher", {}))
    if survey.unfinished:
        found.append(Note("unfinished", {}))
    return found


def another_launcher(launcher: str, survey: Survey) -> bool:
    """Whether the API would be served by another program than it is; one made by hand has none."""
    digest = hashlib.sha256(launcher.encode()).hexdigest()
    return survey.launcher is not None and survey.launcher != digest


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
