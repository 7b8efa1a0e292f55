"""The proxies: which files configure them, what they serve, when they last read those files."""

from __future__ import annotations

import os
from typing import NamedTuple

from eloquence_ops.server.remote import certificate_keys, nginx_config, other_proxies
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.processes import Process
from eloquence_ops.server.remote.reading import read_text
from eloquence_ops.server.remote.units import Unit

UNITS = ("nginx.service", "caddy.service", "haproxy.service")


class Configuration(NamedTuple):
    """One proxy's, as plain data, and what others go on to read: files, certificates, logs.

    `keys` are files of certificates, each with the file of its key.
    """

    described: dict[str, object]
    files: list[str]
    certificates: list[str]
    keys: list[tuple[str, str]]
    access_logs: list[str]
    error_logs: list[str]


def every(units: dict[str, Unit], processes: dict[int, Process], gaps: Gaps) -> list[Configuration]:
    found = []
    for name, default, load in (
        ("nginx", nginx_config.MAIN, _nginx),
        ("caddy", other_proxies.CADDY, _caddy),
        ("haproxy", other_proxies.HAPROXY, _haproxy),
    ):
        unit = units.get(name + ".service")
        path = _configured(unit, default)
        if not os.path.exists(path):
            continue
        with gaps.around(name):
            configuration = load(path, gaps)
            configuration.described.update(
                name=name,
                path=path,
                files=[{"path": file, "bytes": _size(file)} for file in configuration.files[:100]],
                loaded_at=_loaded_at(name, processes),
                disk_changed_at=max(map(_changed_at, configuration.files), default=None),
            )
            found.append(configuration)
    return found


def _configured(unit: Unit | None, default: str) -> str:
    """The file named in the unit's command."""
    words = unit.arguments if unit is not None else []
    for option, value in zip(words, words[1:]):
        if option in ("-c", "-f", "--config", "-config") and value.startswith("/"):
            return value
    return default


def _nginx(path: str, gaps: Gaps) -> Configuration:
    directives, files = nginx_config.load(path, gaps)
    return Configuration(
        {"sites": nginx_config.sites(directives)},
        files,
        _absolute(nginx_config.values(directives, "ssl_certificate"), os.path.dirname(path)),
        _absolute_pairs(nginx_config.key_pairs(directives), os.path.dirname(path)),
        _logs(nginx_config.values(directives, "access_log"), "/var/log/nginx/access.log"),
        _logs(nginx_config.values(directives, "error_log"), "/var/log/nginx/error.log"),
    )


def _caddy(path: str, _gaps: Gaps) -> Configuration:
    text = read_text(path)
    sites = other_proxies.caddy_sites(text, path)
    logs = [log for log in other_proxies.caddy_logs(text) if log.startswith("/")]
    keys = other_proxies.caddy_keys(text)
    return Configuration({"sites": sites}, [path], _certificates(sites), keys, logs[:5], [])


def _haproxy(path: str, _gaps: Gaps) -> Configuration:
    sites = other_proxies.haproxy_sites(read_text(path), path)
    files = _certificates(sites)
    keys = [(file, certificate_keys.of_combined(file)) for file in dict.fromkeys(files)]
    found = [(file, key) for file, key in keys if key]
    return Configuration({"sites": sites}, [path], files, found, [], [])


def _certificates(sites: list[dict[str, object]]) -> list[str]:
    found: list[str] = []
    for site in sites:
        names = site["certificates"]
        found += names if isinstance(names, list) else []
    return [name for name in found if name.startswith("/")]


def _absolute(paths: list[str], folder: str) -> list[str]:
    return [os.path.join(folder, path) for path in dict.fromkeys(paths) if _is_file(path)]


def _absolute_pairs(pairs: list[tuple[str, str]], folder: str) -> list[tuple[str, str]]:
    return [
        (os.path.join(folder, certificate), os.path.join(folder, key))
        for certificate, key in pairs
        if _is_file(certificate) and _is_file(key)
    ]


def _is_file(value: str) -> bool:
    """Not a certificate or key itself, one for each name, nor one in a module or a store."""
    return "$" not in value and not value.startswith(("data:", "engine:", "store:"))


def _logs(paths: list[str], default: str) -> list[str]:
    """Files only: not `off`, not syslog, not one for each host."""
    named = [path for path in dict.fromkeys(paths) if path.startswith("/") and "$" not in path]
    return [path for path in named or [default] if not path.startswith("/dev/")][:5]


def _loaded_at(name: str, processes: dict[int, Process]) -> float | None:
    """When the running proxy read its configuration: a reload gives it new workers."""
    of_name = [process for process in processes.values() if process.name == name]
    pids = {process.pid for process in of_name}
    workers = [process.started_at for process in of_name if process.parent in pids]
    return max(workers or [process.started_at for process in of_name], default=None)


def _changed_at(path: str) -> int:
    try:
        return int(os.stat(path).st_mtime)
    except OSError:
        return 0


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None
