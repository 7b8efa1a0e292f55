"""check-punycode-dns of a story's names, from the other namespace, by way of the real servers."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.plan import Plan
from eloquence_ops.run.recording import Recording
from eloquence_ops.secrets import Redactor
from eloquence_ops.settings import build_target
from tests.network.name_servers import RESOLVERS, Story, World, tls_folder, zone_of

_CLONE_NEWNS: Final = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000


def examined(name: str, story: Story, at: World) -> Recording:
    """What was observed, as the command records it."""
    values: dict[str, str | tuple[str, ...]] = {}
    if not story.by_system:
        values["resolver"] = tuple(RESOLVERS[kind] for kind in story.resolvers)
    for key, scheme, host in zip(
        ("api", "livekit"), ("https", "wss"), story.in_settings, strict=False
    ):
        values[key] = f"{scheme}://{_whole(host, name)}"
    if story.certified:
        values["ca"] = str(at.folder / tls_folder(story.shown_at) / "certificate.pem")
    if story.server:
        values["server"] = f"root@{story.server}"
    plan = Plan(
        target=build_target("t", values, origin=str),
        areas=frozenset({"dns"}),
        environ={},
        redactor=Redactor(),
        timeout_s=2.0,
        named=frozenset({"dns"}),
        names=tuple(_whole(host, name) for host in story.names),
    )
    found: list[Recording] = []

    def run() -> None:
        with at.client.entered():
            _see_own_files(_system_files(name, story, at.folder))
            found.append(asyncio.run(Execution(plan, "check-punycode-dns").carry_out()))

    # A thread of its own: a namespace is entered by a thread, and by those that it starts.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def _system_files(name: str, story: Story, folder: Path) -> dict[Path, Path]:
    """What this machine has of the system's files that have to do with names, for the story."""
    own = folder / f"etc-{name}"
    own.mkdir(exist_ok=True)
    lines = ["127.0.0.1 localhost", *(f"{line}.{zone_of(name)}" for line in story.hosts)]
    (own / "hosts").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    servers = [f"nameserver {RESOLVERS[kind]}" for kind in story.resolvers]
    lines = [*servers, "options timeout:1 attempts:1"]
    (own / "resolv.conf").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return {Path("/etc/hosts"): own / "hosts", Path("/etc/resolv.conf"): own / "resolv.conf"}


def _see_own_files(files: Mapping[Path, Path]) -> None:
    """This thread, and those that it starts, see others in the place of these files.

    As `ip netns exec` does for a process: unshare(2), and mount(2) with bind.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.unshare(_CLONE_NEWNS), "unshare")
    _must(libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "mount")
    for place, other in files.items():
        there = str(place.resolve()).encode()
        _must(libc.mount(str(other).encode(), there, None, _MS_BIND, None), str(place))


def _must(code: int, what: str) -> None:
    if code:
        raise OSError(ctypes.get_errno(), what)


def _whole(host: str, name: str) -> str:
    """`api` is one in the zone of the story; what stands behind an @ is the domain itself."""
    own, at, domain = host.partition("@")
    return f"{own}{domain}" if at else f"{host}.{zone_of(name)}"
