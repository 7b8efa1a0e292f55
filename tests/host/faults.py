"""Faults of a server, each made for real on the test host.

Each function breaks one thing as it breaks in the world, and returns when that has come about.
`FAULTS` has them all, under the name of what is the matter.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from eloquence_ops.lab.services.certificates import Authority
from tests.host import faults_of_api as api
from tests.host import faults_of_machine as machine
from tests.host.layout import API_NAME, API_UNIT, LIVEKIT_NAME, LIVEKIT_UNIT, REMOTE_DIR
from tests.host.machine import Host

Fault = Callable[[Host], None]

_SITE: Final = "/etc/nginx/sites-available/eloquence"


# --- Firewalls -----------------------------------------------------------------------------------


def ufw_denies_api(host: Host) -> None:
    for rule in ("allow 22/tcp", "allow 80,443,7880,7881/tcp", "deny 8083/tcp"):
        host.shell(f"ufw {rule}")
    host.shell("ufw --force enable")


def nftables_drops(host: Host) -> None:
    """8083 and 7880, without a word to whoever asks."""
    host.shell(
        "nft 'add table inet guard; "
        "add chain inet guard input { type filter hook input priority 0; }; "
        "add rule inet guard input iifname != lo tcp dport { 7880, 8083 } drop'"
    )


# --- nginx ---------------------------------------------------------------------------------------


def nginx_stopped(host: Host) -> None:
    host.shell("systemctl stop nginx")


def nginx_wrong_upstream(host: Host) -> None:
    _edit_site(host, "s/127.0.0.1:8083/127.0.0.1:8084/")


def nginx_without_upgrade(host: Host) -> None:
    """LiveKit behind it answers HTTP, and no websocket opens."""
    _edit_site(host, "/proxy_set_header Upgrade/d; /proxy_set_header Connection/d")


def nginx_times_out(host: Host) -> None:
    """The API's process stands still: connections are accepted, nothing answers."""
    _edit_site(host, "s/127.0.0.1:8083;/127.0.0.1:8083; proxy_read_timeout 1s;/")
    host.shell(f"systemctl kill --signal=STOP {API_UNIT}")


def nginx_gives_up_early(host: Host) -> None:
    """A session takes the API three seconds, and nginx waits for one."""
    _edit_site(host, "s/127.0.0.1:8083;/127.0.0.1:8083; proxy_read_timeout 1s;/")
    path = f"{REMOTE_DIR}/api.py"
    slow = "import asyncio\n    await asyncio.sleep(3)\n    session: Session ="
    host.write(path, host.read(path).replace("session: Session =", slow))
    host.shell(f"systemctl restart {API_UNIT}")
    host.wait_until("ss -Hltn 'sport = :8083' | grep -q .")


def certificate_not_reloaded(host: Host) -> None:
    """Renewed on disk, and nginx was not told."""
    now = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        renewed = Authority(Path(folder), name="Eloquence test host").issue(
            (API_NAME, LIVEKIT_NAME), not_before=now, not_after=now + timedelta(days=90)
        )
        host.write("/etc/ssl/eloquence/chain.pem", renewed.chain_path.read_text("ascii"))
        host.write("/etc/ssl/eloquence/key.pem", renewed.key_path.read_text("ascii"))


def certificate_key_mismatch(host: Host) -> None:
    """Another key was put in the place of the certificate's, and nginx was not told."""
    with tempfile.TemporaryDirectory() as folder:
        other = Authority(Path(folder), name="Eloquence test host").issue((API_NAME, LIVEKIT_NAME))
        host.write("/etc/ssl/eloquence/key.pem", other.key_path.read_text("ascii"))


# --- LiveKit -------------------------------------------------------------------------------------


def livekit_stopped(host: Host) -> None:
    host.shell(f"systemctl stop {LIVEKIT_UNIT}")


def livekit_yaml_edited(host: Host) -> None:
    """LiveKit has not read it yet, and goes on."""
    host.shell("echo 'no_such_setting: true' >>/etc/livekit.yaml")


def livekit_secret_short(host: Host) -> None:
    """On both sides, so that everything works with it."""
    places = f"/etc/livekit.yaml {REMOTE_DIR}/.env.local"
    host.shell(
        f"secret=$(sed -n 's/^LIVEKIT_API_SECRET=//p' {REMOTE_DIR}/.env.local); "
        f'sed -i "s/$secret/hunter2hunter2/" {places}; '
        f"systemctl restart {LIVEKIT_UNIT} {API_UNIT} eloquence-agent"
    )
    host.wait_until_healthy()


def livekit_refuses_its_yaml(host: Host) -> None:
    host.shell(
        f"echo 'no_such_setting: true' >>/etc/livekit.yaml; systemctl restart {LIVEKIT_UNIT}"
    )
    api.wait_for_crash(host, LIVEKIT_UNIT)


def livekit_program_missing(host: Host) -> None:
    """The unit names a program that is not there."""
    host.shell(f"rm /usr/local/bin/livekit-server; systemctl restart {LIVEKIT_UNIT}", check=False)
    api.wait_for_crash(host, LIVEKIT_UNIT)


def livekit_not_installed(host: Host) -> None:
    host.shell(
        f"systemctl disable --now --quiet {LIVEKIT_UNIT}; rm /etc/systemd/system/{LIVEKIT_UNIT} "
        "/etc/livekit.yaml /usr/local/bin/livekit-server; systemctl daemon-reload"
    )


def _edit_site(host: Host, script: str) -> None:
    # Not a reload: that returns while the old workers still take connections.
    host.shell(f"sed -i '{script}' {_SITE} && systemctl restart nginx")


FAULTS: Final[dict[str, Fault]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        api.api_stopped,
        api.api_started_by_hand,
        api.api_port_taken,
        api.api_package_missing,
        api.api_package_outdated,
        api.api_adapters_missing,
        api.api_syntax_error,
        api.api_hangs_at_start,
        api.api_env_missing,
        api.api_killed_for_memory,
        api.api_clock_ahead,
        api.api_on_loopback,
        api.api_on_loopback_alone,
        api.api_not_enabled,
        api.api_unit_not_reloaded,
        ufw_denies_api,
        nftables_drops,
        nginx_stopped,
        nginx_wrong_upstream,
        nginx_without_upgrade,
        nginx_times_out,
        nginx_gives_up_early,
        certificate_not_reloaded,
        certificate_key_mismatch,
        livekit_stopped,
        livekit_yaml_edited,
        livekit_secret_short,
        livekit_refuses_its_yaml,
        livekit_program_missing,
        livekit_not_installed,
        machine.disk_full_for_api,
        machine.disk_full_for_logs,
        machine.disk_full_for_start,
        machine.disk_nearly_full,
        machine.disk_read_only,
        machine.memory_short,
        machine.files_nearly_used_up,
        machine.clock_not_kept,
        machine.old_apps_call,
    )
}
