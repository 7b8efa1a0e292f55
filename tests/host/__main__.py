"""A test host by hand: `python -m tests.host [FAULT...]` gives a shell on it, and ends it after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.host.faults import FAULTS
from tests.host.hosts import hosts
from tests.host.machine import Host
from tests.real import require


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        sys.exit(f"There is no fault {unknown[0]}; there are {', '.join(FAULTS)}.")
    with hosts(Path(require("livekit-server"))) as boot, boot() as host:
        for name in names:
            FAULTS[name](host)
        print(_told(host), flush=True)
        subprocess.run(host.entering("bash", "--login"), check=False)


def _told(host: Host) -> str:
    client = f"ip netns exec {host.client.name}"
    return (
        f"API key: {host.keys.api_key}\n"
        f"From the client beside it: {client} curl http://{host.address}:8083/\n"
        f"{client} ssh -i {host.key_path} -o UserKnownHostsFile={host.known_hosts} "
        f"{host.ssh_target}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
