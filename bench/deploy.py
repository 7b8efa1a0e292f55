"""deploy beside the guide's deployment by a script, by pyinfra and by Ansible.

On the tests' host, a real Debian with systemd, with 0 and 50 ms of added round trip: the first
deploy of an application of 500 files to a bare server, one changed file, and nothing. The peers
restart the API and wait until it answers (`bench/deploy_peers.py`); deploy proves the release on a
socket of its own, switches without a gap, and can go back. With its watch of a few seconds, and
without (`--watch 0`).
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.delay import longer_way
from bench.deploy_peers import Job, by_ansible, by_pyinfra, by_script, require_rsync
from bench.peers import from_pypi
from bench.timing import Figure, show
from tests.host.deploying import deploy
from tests.host.hosts import BootHost, hosts
from tests.host.sources import many_files, source
from tests.host.states import ENV_LOCAL, bare
from tests.real import require_host

_FILES: Final = 500
_ROUNDS: Final = 3
_SCRIPT, _PYINFRA, _ANSIBLE = "rsync and ssh, a script", "pyinfra, rsync", "Ansible, synchronize"
_OURS, _WATCHED = "eloquence deploy --watch 0", "eloquence deploy"
_STAGES: Final = (
    f"first deploy of {_FILES} files, bare server",
    "one changed file",
    "nothing changed",
)
Deploy = Callable[[Job], None]


def _ours(*more: str) -> Deploy:
    def once(job: Job) -> None:
        done = deploy(
            job.host,
            job.source,
            *("--env-file", str(job.env_local), "--no-public-check", *more),
            server=f"ubuntu@127.0.0.1:{job.port}",
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return once


TOOLS: Final[dict[str, Deploy]] = {
    _SCRIPT: by_script,
    _PYINFRA: by_pyinfra,
    _ANSIBLE: by_ansible,
    _OURS: _ours("--watch", "0"),
    _WATCHED: _ours(),
}


@dataclass
class Figures:
    """Seconds by stage and tool."""

    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, stage: str, tool: str, seconds: float) -> None:
        self.seconds.setdefault(stage, {}).setdefault(tool, []).append(seconds)

    def of(self, stage: str) -> dict[str, Figure]:
        return {tool: Figure(tuple(each)) for tool, each in self.seconds[stage].items()}


def main() -> None:
    """Goals: a third of the faster of pyinfra and Ansible, and 1.5 times the script."""
    require_rsync()
    from_pypi("pyinfra")
    from_pypi("ansible-playbook", package="ansible")
    with hosts(Path(require_host())) as boot_host:
        for round_trip_ms in (0, 50):
            figures = Figures()
            for _ in range(_ROUNDS):
                for tool, once in TOOLS.items():
                    _measure(boot_host, round_trip_ms / 1000, tool, once, figures)
            for stage in _STAGES:
                _compare(f"{stage}, {round_trip_ms} ms of added round trip", figures.of(stage))


def _measure(
    boot_host: BootHost, round_trip_s: float, tool: str, once: Deploy, figures: Figures
) -> None:
    """All stages, on a host of its own."""
    with _bare_host(boot_host, round_trip_s) as job:
        for stage in _STAGES:
            if stage == _STAGES[1]:
                with (job.source / "api.py").open("a", encoding="utf-8") as file:
                    file.write("\n# changed\n")
            begun = time.perf_counter()
            once(job)
            figures.add(stage, tool, time.perf_counter() - begun)


@contextlib.contextmanager
def _bare_host(boot_host: BootHost, round_trip_s: float) -> Iterator[Job]:
    with (
        boot_host() as host,
        tempfile.TemporaryDirectory() as name,
        contextlib.ExitStack() as stack,
    ):
        bare(host)
        folder = Path(name)
        env_local = folder / "env.local"
        env_local.write_text(host.read(ENV_LOCAL), encoding="utf-8")
        env_local.chmod(0o600)
        # The relay's thread is made there, and stays there.
        with host.client.entered():
            port = stack.enter_context(longer_way(22, round_trip_s, host.address))
        yield Job(host, port, source(folder / "source", many_files(_FILES)), env_local, folder)


def _compare(title: str, figures: dict[str, Figure]) -> None:
    show(f"{title} (whole processes; ratio to the script)", figures, _OURS, _SCRIPT)
    faster = min(figures[_PYINFRA].median, figures[_ANSIBLE].median)
    for ours in (_OURS, _WATCHED):
        to_script = figures[ours].median / figures[_SCRIPT].median
        to_tools = figures[ours].median / faster
        missed = "" if to_tools <= 1 / 3 and to_script <= 1.5 else "   goal missed"
        print(f"  {ours}: {to_tools:.2f} of the faster tool, {to_script:.2f} of the script{missed}")
