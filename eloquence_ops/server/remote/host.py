"""What several subjects need, read once: the first that asks reads it, the others wait for it."""

from __future__ import annotations

import os
import threading
from typing import Callable, Generic, NamedTuple, TypeVar

from eloquence_ops.server.remote import (
    environment_file,
    installation,
    listeners,
    livekit_config,
    masking,
    processes,
    proxy,
    units,
    yaml_subset,
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

    def masker(self) -> masking.Masker:
        """Knows the values that this server's own files call secret, as far as they can be read."""
        return masking.Masker([*self._environment_secrets(), *self._livekit_secrets()])

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
        return found + _named_secrets(document.value)


def _named_secrets(value: yaml_subset.Value) -> list[str]:
    """Whatever a configuration keeps under a secret's name, at any depth: `redis.password`."""
    found: list[str] = []
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                # `webhook.api_key` is the name of a key pair, as is each name under `keys`.
                found += [] if name == "api_key" else masking.secrets_in(name, inner)
            else:
                found += _named_secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            found += _named_secrets(inner)
    return found
