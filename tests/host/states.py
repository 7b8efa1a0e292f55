"""What a server may be like before the first deploy; a booted host is the guide's installation."""

from __future__ import annotations

from typing import Final

from tests.host.layout import AGENT_UNIT, API_UNIT, LIVEKIT_UNIT, REMOTE_DIR
from tests.host.machine import Host

ENV_LOCAL: Final = "/root/.env.local"
"""Where a bare host keeps the settings that its installation had, for a test to push."""


def bare(host: Host) -> None:
    """Debian with its users and python3-venv; nobody has installed anything of ours."""
    units = f"{API_UNIT} {AGENT_UNIT} {LIVEKIT_UNIT}"
    host.shell(
        f"cp {REMOTE_DIR}/.env.local {ENV_LOCAL}; systemctl disable --now --quiet {units} nginx; "
        f"cd /etc/systemd/system; rm -rf {units} {REMOTE_DIR} /etc/livekit.yaml "
        "/usr/local/bin/livekit-server; systemctl daemon-reload; systemctl reset-failed"
    )


def on_a_disk_of_its_own(host: Host, size: str) -> None:
    """The installation on a file system of so many bytes (`160m`)."""
    host.shell(
        "systemctl stop eloquence-api eloquence-agent; "
        f"cp -a {REMOTE_DIR} /tmp/kept && mount -t tmpfs -o size={size},mode=755 tmpfs "
        f"{REMOTE_DIR} && cp -a /tmp/kept/. {REMOTE_DIR}/ && rm -r /tmp/kept && "
        f"chown ubuntu: {REMOTE_DIR} && systemctl start eloquence-api eloquence-agent"
    )


def hand_started(host: Host) -> int:
    """Files as the guide copies them, no unit, and somebody's `python api.py` that goes on after
    he has logged out; its pid."""
    host.shell(
        f"systemctl disable --now --quiet {API_UNIT}; rm /etc/systemd/system/{API_UNIT}; "
        "systemctl daemon-reload"
    )
    started = host.ssh(
        f"cd {REMOTE_DIR}; nohup .venv/bin/python api.py >/tmp/api.log 2>&1 </dev/null & echo $!"
    )
    host.wait_until("curl --silent --fail --max-time 2 http://127.0.0.1:8083/")
    return int(started.stdout)
