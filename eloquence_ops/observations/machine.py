"""This machine, as a suspect."""

from __future__ import annotations

from typing import Literal

from eloquence_ops.findings import Family
from eloquence_ops.observations.base import Observation


class MachineNetwork(Observation):
    """Which address families have a route out, and which proxy variables are set.

    `proxy_variables` holds names only (`HTTPS_PROXY`): a value may hold a password.
    """

    kind: Literal["machine.network"] = "machine.network"
    routes: tuple[Family, ...]
    proxy_variables: tuple[str, ...] = ()


class ProxyTrial(Observation):
    """The same harmless request sent through the proxy that the environment names.

    `proxy` is `host:port` without credentials. `not-tried`: a kind of proxy (SOCKS) that the
    probe does not speak; that says nothing of it.
    """

    kind: Literal["machine.proxy-trial"] = "machine.proxy-trial"
    endpoint: str
    variable: str
    proxy: str
    outcome: Literal["answered", "failed", "not-tried"]
    status: int | None = None
    detail: str = ""


class MachineClock(Observation):
    """Whether this machine's kernel says that its clock follows a time server; None where it does
    not tell (another system than Linux, a container)."""

    kind: Literal["machine.clock"] = "machine.clock"
    synchronised: bool | None
