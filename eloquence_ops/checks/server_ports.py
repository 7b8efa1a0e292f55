"""Who has the API's port on the server: its unit, somebody's shell, another program, nobody?"""

from __future__ import annotations

import re
from typing import Final

from eloquence_ops.checks import published_ports, services
from eloquence_ops.checks.fingerprints import author, is_foreign
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.checks.server_http import answer_at
from eloquence_ops.checks.services import Service
from eloquence_ops.endpoints import ip_address
from eloquence_ops.findings import Evidence
from eloquence_ops.observations import ServerProcesses
from eloquence_ops.observations.server_sockets import Process

# Where what a person starts in a shell is counted: the session, the user's own manager, a scope of
# tmux, or sshd itself where no session is made. A container may be in no unit at all.
_SHELLS: Final = re.compile(
    r"(?:session-.*\.scope|user@.*\.service|(?:tmux|run|screen)-.*\.scope|sshd?\.service)"
)
_AT_REST: Final = frozenset({"absent", "stopped", "not-started"})
_IN_VAIN: Final = frozenset({"crash-looping", "failed"})
_MINUTE: Final = "%Y-%m-%d %H:%M UTC"


@check(
    "server.api-port",
    feeds=("facts",),
    outcomes={
        "ok": "port addresses process",
        "nobody": "port",
        "published": "port to",
        "published-unknown": "port to",
        "loopback-only": "port address",
        "taken": "port process pid unit",
        "by-hand": "port pid user folder since",
        "other": "port process pid unit",
        "holder-hidden": "port",
        "place-unknown": "unit",
    },
)
def api_port(_server: str, seen: Seen) -> Judgement:
    """Who listens where the unit's command makes the API listen, and for whom."""
    service = services.api(seen)
    if service is None or service.listeners is None:
        return
    if not service.port_known:
        yield Verdict("place-unknown", {"unit": service.name})
    elif not service.listeners and (to := published_ports.leads_to(service.port, seen)):
        yield _of_container(service.port, to, seen)
    elif not service.listeners:
        yield Verdict("nobody", {"port": service.port})
    elif not service.holders:
        yield Verdict("holder-hidden", {"port": service.port})
    else:
        yield _held_by_another(service, seen) or _reach(service, seen)


def _of_container(port: int, to: str, seen: Seen) -> Verdict:
    """Docker without its proxy: no process listens, and the port answers all the same."""
    answer = answer_at("api", port, seen)
    is_api = answer is not None and author(answer) == "app" and not is_foreign(answer)
    return Verdict("published" if is_api else "published-unknown", {"port": port, "to": to})


def _held_by_another(service: Service, seen: Seen) -> Verdict | None:
    """None where it is the API's own unit, or another way to run the API."""
    if service.has_port:
        return None
    first, processes = service.holders[0], seen.one(ServerProcesses)
    told = _told(service, first, processes)
    if not any(entry.process.pid == first.pid for entry in (processes.api if processes else ())):
        return _by_its_answer(service, told, seen)
    if _SHELLS.fullmatch(first.unit):
        return Verdict("by-hand", _told_of_shell(service, first))
    # Another unit, or a container, runs the API: that is in the way only of a unit that wants to.
    return Verdict("taken", told) if service.state in _IN_VAIN else None


def _by_its_answer(service: Service, told: Evidence, seen: Seen) -> Verdict | None:
    """Of a process in which nobody recognises the API: it may be one all the same, in a container
    or behind a wrapper, where the unit does not want the port."""
    if service.state not in _AT_REST:
        return Verdict("taken", told)
    answer = answer_at("api", service.port, seen)
    if answer is None:
        return Verdict("other", told)
    if is_foreign(answer):
        return Verdict("taken", told)
    return None if author(answer) == "app" else Verdict("other", told)


def _told(service: Service, process: Process, processes: ServerProcesses | None) -> Evidence:
    """What can be stopped: a container or a unit rather than its process."""
    published = processes.published_by_docker if processes else ()
    inside = next((entry.to for entry in published if entry.port == service.port), None)
    of_docker = inside is not None and process.name == "docker-proxy"
    return {
        "port": service.port,
        "process": process.name,
        "pid": process.pid,
        "unit": f"Docker, {inside}" if of_docker else process.unit or process.command,
    }


def _told_of_shell(service: Service, process: Process) -> Evidence:
    return {
        "port": service.port,
        "pid": process.pid,
        "user": process.user,
        "folder": process.cwd or "?",
        "since": process.started_at.strftime(_MINUTE),
    }


def _reach(service: Service, seen: Seen) -> Verdict:
    """Whether those who are sent straight to this port can come to it."""
    addresses = tuple(entry.address for entry in service.listeners or ())
    if all(map(_is_loopback, addresses)) and _leads_straight_here(service, seen):
        return Verdict("loopback-only", {"port": service.port, "address": addresses[0]})
    process = service.holders[0].name
    return Verdict("ok", {"port": service.port, "addresses": addresses, "process": process})


def _leads_straight_here(service: Service, seen: Seen) -> bool:
    """Behind a proxy the API rightly listens for its own machine only."""
    api = seen.target.api
    if api is None or api.port != service.port or seen.scope(api.host) == "loopback":
        return False
    asked = (seen.exchange(api, purpose) for purpose in ("sessions-get", "root"))
    return not any(entry and entry.outcome == "answered" for entry in asked)


def _is_loopback(address: str) -> bool:
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return found is not None and (mapped or found).is_loopback
