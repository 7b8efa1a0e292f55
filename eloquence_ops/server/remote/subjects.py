"""The subjects: what each reads, and from where it takes what others need too."""

from __future__ import annotations

import os
import time
from typing import Callable

from eloquence_ops.server.remote import (
    certificates,
    changes,
    clock,
    firewall,
    installation,
    journal,
    kernel_log,
    listeners,
    livekit_config,
    machine,
    proxy,
    source_folders,
    traffic,
    unit_requests,
    units,
)
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.host import Host

Subject = Callable[[Host, Gaps], object]


def _units(host: Host, gaps: Gaps) -> object:
    return units.facts(host.units(), gaps)


def _listeners(host: Host, gaps: Gaps) -> object:
    found = listeners.facts(host.sockets(), host.processes(), gaps)
    gaps.entries += host.socket_gaps.entries
    return found


def _processes(host: Host, gaps: Gaps) -> object:
    parameters, processes = host.parameters, host.processes()
    if 1 not in processes:
        gaps.note("others", "permission-denied", "/proc hides other users' processes (hidepid)")
    return {
        "api": listeners.api_processes(
            host.sockets(), processes, parameters.asgi_app, parameters.api_unit
        ),
        "published_by_docker": listeners.published_by_docker(processes),
        "seen": len(processes),
    }


def _journal_of(unit: str) -> Subject:
    def facts(host: Host, _gaps: Gaps) -> object:
        name = {"api": host.parameters.api_unit, "livekit": host.parameters.livekit_unit}.get(
            unit, unit
        )
        return journal.described(name, journal.of_unit(name))

    return facts


def _kernel(_host: Host, _gaps: Gaps) -> object:
    return kernel_log.facts()


def _installation(host: Host, gaps: Gaps) -> object:
    return installation.facts(host.parameters.remote_dir, host.api, host.livekit, gaps)


def _livekit_config(host: Host, gaps: Gaps) -> object:
    return livekit_config.facts(host.livekit_path, gaps)


def _proxies(host: Host, gaps: Gaps) -> object:
    found = [configuration.described for configuration in host.proxies()]
    gaps.entries += host.proxy_gaps.entries
    return found


def _certificates(host: Host, gaps: Gaps) -> object:
    configured: dict[str, str] = {}
    for configuration in host.proxies():
        for path in configuration.certificates:
            configured.setdefault(path, str(configuration.described["name"]))
    with gaps.around("turn"):
        if os.path.exists(host.livekit_path):
            turn = livekit_config.section(livekit_config.load(host.livekit_path).value, "turn")
            if isinstance(turn.get("cert_file"), str):
                configured.setdefault(str(turn["cert_file"]), "livekit")
    keys = [pair for configuration in host.proxies() for pair in configuration.keys]
    return certificates.facts(configured, gaps, keys)


def _firewall(_host: Host, gaps: Gaps) -> object:
    return firewall.facts(gaps)


def _machine(host: Host, gaps: Gaps) -> object:
    folders = ["/", host.parameters.remote_dir, "/var/log", "/tmp"]  # noqa: S108  # looked at only
    return machine.facts(folders, host.units_or_none(), gaps)


def _clock(host: Host, gaps: Gaps) -> object:
    return clock.facts({process.name for process in host.processes().values()}, gaps)


def _changes(host: Host, gaps: Gaps) -> object:
    folder = host.parameters.remote_dir
    source = source_folders.walk(folder)
    files = {os.path.join(folder, name): "api" for name in ("api.py", "requirements.txt")}
    files.update((path, "api") for path in source.files)
    files.update((path, "environment") for path in host.environment_paths())
    for unit in host.units_or_none().values():
        files.update((path, "unit") for path in unit.configuration_files)
    files[host.livekit_path] = "livekit"
    for configuration in host.proxies():
        files.update((path, "proxy") for path in configuration.files)
        files.update((path, "certificate") for path in configuration.certificates)
    needed: dict[str, list[str]] = {path: [] for path in source.folders}
    needed.setdefault(folder, []).extend(installation.needed(host.parameters.asgi_app))
    for path in host.required_environment_paths():
        needed.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
    found = changes.facts(files, gaps, needed)
    with gaps.around("python_packages", missing_is_known=True):
        folders = installation.import_folders(host.api)
        found["python_packages"] = changes.python_packages(folders, time.time())
    return found


def _traffic(host: Host, gaps: Gaps) -> object:
    proxies = host.proxies()
    names = [str(entry.described["name"]) for entry in proxies]
    found = traffic.facts(
        {path: name for name, entry in zip(names, proxies) for path in entry.access_logs},
        [path for entry in proxies for path in entry.error_logs],
        gaps,
    )
    # nginx logs to its files alone.
    units = [name + ".service" for name in names if name != "nginx"]
    noted: list[object] = []
    for unit in [host.parameters.api_unit, host.parameters.livekit_unit, *units]:
        with gaps.around(unit):
            noted.append(unit_requests.described(unit, journal.of_day(unit), time.time()))
    found["journals"] = noted
    return found


# Those that wait for a command come first: the others work meanwhile.
SUBJECTS: dict[str, Subject] = {
    "units": _units,
    "journal.api": _journal_of("api"),
    "journal.livekit": _journal_of("livekit"),
    "firewall": _firewall,
    "traffic": _traffic,
    **{"journal." + unit.partition(".")[0]: _journal_of(unit) for unit in proxy.UNITS},
    "journal.kernel": _kernel,
    "listeners": _listeners,
    "processes": _processes,
    "proxies": _proxies,
    "installation": _installation,
    "livekit_config": _livekit_config,
    "certificates": _certificates,
    "machine": _machine,
    "clock": _clock,
    "changes": _changes,
}
