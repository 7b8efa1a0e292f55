"""Recordings of runs against a real host, for causes that nothing less shows.

`python -m tests.host.recordings [CAUSE...]` (as root) renews `tests/recordings/host-CAUSE.json`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.host.examining import PUBLIC, causes, directly, doctor
from tests.host.faults import FAULTS
from tests.host.hosts import BootHost, hosts
from tests.real import require

RECORDINGS: Final = Path(__file__).resolve().parents[1] / "recordings"


@dataclass(frozen=True)
class Showing:
    """What is made on a host, and whether its API is examined at its own port, past nginx."""

    fault: str
    past_nginx: bool = False


SHOWING: Final[dict[str, Showing]] = {
    "api-crash-looping": Showing("api-syntax-error"),
    "api-dependency-missing": Showing("api-package-missing"),
    "api-env-missing": Showing("api-env-missing"),
    "api-files-missing": Showing("api-adapters-missing"),
    "api-loopback-only": Showing("api-on-loopback-alone", past_nginx=True),
    "api-packages-differ": Showing("api-package-outdated"),
    "api-port-taken": Showing("api-port-taken"),
    "api-started-by-hand": Showing("api-started-by-hand"),
    "app-legacy-endpoints": Showing("old-apps-call"),
    "cert-key-mismatch": Showing("certificate-key-mismatch"),
    "cert-not-reloaded": Showing("certificate-not-reloaded"),
    "firewall-on-server": Showing("ufw-denies-api", past_nginx=True),
    "livekit-config-pending": Showing("livekit-yaml-edited"),
    "livekit-config-wrong": Showing("livekit-refuses-its-yaml"),
    "livekit-crash-looping": Showing("livekit-program-missing"),
    "livekit-not-installed": Showing("livekit-not-installed"),
    "livekit-secret-short": Showing("livekit-secret-short"),
    "server-clock-not-kept": Showing("clock-not-kept"),
    "server-disk-filling": Showing("disk-nearly-full"),
    "server-disk-full": Showing("disk-full-for-logs"),
    "server-disk-read-only": Showing("disk-read-only"),
    "server-file-limit": Showing("files-nearly-used-up"),
    "server-memory-short": Showing("memory-short"),
    "server-out-of-memory": Showing("api-killed-for-memory"),
    "systemd-reload-needed": Showing("api-unit-not-reloaded"),
    "unit-not-enabled": Showing("api-not-enabled"),
}
"""By the cause that it shows, `certain` and alone."""


def record(boot_host: BootHost, cause: str, path: Path) -> dict[str, str]:
    """One run on a host of its own, from both vantages; the causes that it chose."""
    showing = SHOWING[cause]
    with boot_host() as host:
        FAULTS[showing.fault](host)
        target = directly(host) if showing.past_nginx else PUBLIC
        return causes(doctor(host, "--record", str(path), target=target))


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in SHOWING]
    if unknown:
        sys.exit(f"No host shows {unknown[0]}; there are {', '.join(SHOWING)}.")
    with hosts(Path(require("livekit-server"))) as boot_host:
        for name in names or SHOWING:
            chosen = record(boot_host, name, RECORDINGS / f"host-{name}.json")
            print(f"{name}: {chosen}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
