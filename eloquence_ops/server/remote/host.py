"""What several subjects need, read once: the first that asks reads it, the others wait for it."""

from __future__ import annotations

import os
import threading
from typing import Callable, Generic, NamedTuple, TypeVar

from eloquence_ops.server.remote import (
    environment_file,
    given_secrets,
    installation,
    listeners,
    livekit_config,
    masking,
    processes,
    proxy,
    units,
)
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.listeners import Sockets
from eloquence_ops.server.remote.processes import Process
from eloquence_ops.server.remote.proxy import Configuration
from eloquence_ops.server.remote.reading import Unreadable, read_text
from eloquence_ops.server.remote.units import Unit

T = TypeVar("T")


class Parameters(NamedTuple):
    """What is asked; no secret is in it."""

    nonce: str
    deadline_s: float
    api_unit: str
    livekit_unit: str
    remote_dir: str
    asgi_app: str


class Once(Generic[T]):
    """A value that is computed when it is first asked for; its failure is every asker's."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._found: list[T] = []
        self._problem: Unreadable | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._problem is not None:
                raise self._problem
            if not self._found:
                try:
                    self._found.append(self._compute())
                except Unreadable as problem:
                    self._problem = problem
                    raise
            return self._found[0]


class Host:
    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.processes: Once[dict[int, Process]] = Once(processes.every)
        self.units: Once[dict[str, Unit]] = Once(lambda: units.show(self.unit_names))
        self.socket_gaps = Gaps()
        self.sockets: Once[Sockets] = Once(
            lambda: listeners.sockets(self.processes(), self.socket_gaps)
        )
        self.proxy_gaps = Gaps()
        self.proxies: Once[list[Configuration]] = Once(
            lambda: proxy.every(self.units_or_none(), self.processes(), self.proxy_gaps)
        )

    @property
    def unit_names(self) -> list[str]:
        return [self.parameters.api_unit, self.parameters.livekit_unit, *proxy.UNITS]

    def units_or_none(self) -> dict[str, Unit]:
        """Empty where systemd does not answer: files lie in their usual places then."""
        try:
            return self.units()
        except Unreadable:
            return {}

    @property
    def api(self) -> Unit | None:
        return self.units_or_none().get(self.parameters.api_unit)

    @property
    def livekit(self) -> Unit | None:
        return self.units_or_none().get(self.parameters.livekit_unit)

    @property
    def livekit_path(self) -> str:
        return livekit_config.path_of(self.livekit)

    @property
    def environment_path(self) -> str:
        return os.path.join(self.parameters.remote_dir, installation.ENVIRONMENT)

    def environment_paths(self) -> list[str]:
        named = [path for path, _ in self.api.environment_files] if self.api is not None else []
        return list(dict.fromkeys([self.environment_path, *named]))

    def required_environment_paths(self) -> list[str]:
        """Those without which the unit does not start."""
        named = self.api.environment_files if self.api is not None else []
        return [path for path, optional in named if not optional]

    def masker(self) -> masking.Masker:
        """Knows the values that this server's own files call secret, as far as they can be read."""
        return masking.Masker(
            [*self._environment_secrets(), *self._livekit_secrets(), *self._given_secrets()]
        )

    def _environment_secrets(self) -> list[str]:
        found = []
        for path in self.environment_paths():
            try:
                text = read_text(path)
            except Unreadable:
                continue
            for variable in environment_file.parse(text):
                found += masking.secrets_in(variable.name, variable.value)
        return found

    def _given_secrets(self) -> list[str]:
        """Those that stand in no file of theirs, only in a unit or with a process."""
        found: list[str] = []
        for unit in self.units_or_none().values():
            found += given_secrets.in_words(unit.arguments, exact=False)
            found += given_secrets.in_variables(unit.variables)
        try:
            running = self.processes()
        except Unreadable:
            return found
        asked = {unit.number("MainPID") for unit in self.units_or_none().values()}
        for process in running.values():
            if process.pid in asked or processes.runs_api(process, self.parameters.asgi_app):
                found += given_secrets.in_words(process.arguments)
                found += given_secrets.in_variables(process.variables)
        return found

    def _livekit_secrets(self) -> list[str]:
        try:
            document = livekit_config.load(self.livekit_path)
        except Unreadable:
            return []
        found = list(
            livekit_config.key_pairs(livekit_config.section(document.value, "keys")).values()
        )
        try:
            found += livekit_config.load_keys(document).values()
        except Unreadable:
            pass
        return found + given_secrets.in_settings(document.value)
