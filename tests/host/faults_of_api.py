"""Faults of the API: its process, and what systemd was told of it."""

from __future__ import annotations

from typing import Final

from tests.host.layout import API_UNIT, REMOTE_DIR
from tests.host.machine import Host

_UNIT_FILE: Final = f"/etc/systemd/system/{API_UNIT}"
_FAKETIME: Final = "/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1"
_LISTENS: Final = "ss -Hltn 'sport = :8083' | grep -q ."


# --- The API's process ---------------------------------------------------------------------------


def api_stopped(host: Host) -> None:
    host.shell(f"systemctl stop {API_UNIT}")


def api_started_by_hand(host: Host) -> None:
    """Somebody's `python api.py` has the port, and the unit cannot get it."""
    host.shell(f"systemctl stop {API_UNIT}")
    host.ssh(f"cd {REMOTE_DIR}; nohup .venv/bin/python api.py >/tmp/api.log 2>&1 </dev/null &")
    host.wait_until(_LISTENS)
    host.shell(f"systemctl start {API_UNIT}")
    wait_for_crash(host, API_UNIT)


def api_port_taken(host: Host) -> None:
    """Another service has 8083."""
    host.shell(f"systemctl stop {API_UNIT}")
    other = "systemd-run --unit=inventory --quiet python3 -m http.server 8083"
    host.shell(f"{other} --directory /srv")
    host.wait_until(_LISTENS)
    host.shell(f"systemctl start {API_UNIT}")
    wait_for_crash(host, API_UNIT)


def api_package_missing(host: Host) -> None:
    host.shell(f"{REMOTE_DIR}/.venv/bin/pip uninstall --yes --quiet fastapi", user="ubuntu")
    _restart_into_crash(host)


def api_package_outdated(host: Host) -> None:
    """New code asks for a newer package, and nobody has run pip since."""
    host.shell(f"sed -i 's/^uvicorn==.*/uvicorn==99.0/' {REMOTE_DIR}/requirements.txt")


def api_adapters_missing(host: Host) -> None:
    host.shell(f"rm -r {REMOTE_DIR}/adapters")
    _restart_into_crash(host)


def api_syntax_error(host: Host) -> None:
    host.shell(f"echo 'def broken(:' >>{REMOTE_DIR}/api.py")
    _restart_into_crash(host)


def api_hangs_at_start(host: Host) -> None:
    """systemd calls it running; it never listens."""
    path = f"{REMOTE_DIR}/api.py"
    host.write(path, "import time\n\ntime.sleep(86400)\n" + host.read(path))
    host.shell(f"systemctl restart {API_UNIT}")


def api_env_missing(host: Host) -> None:
    host.shell(f"rm {REMOTE_DIR}/.env.local; systemctl restart {API_UNIT}", check=False)


def api_killed_for_memory(host: Host) -> None:
    """The kernel kills it in its own cgroup, again and again."""
    _drop_in(host, "[Service]\nMemoryMax=24M\nMemorySwapMax=0\n")
    # The kernel's log, which a machine has and a container has not: `dmesg` reads it here.
    host.shell("[ -e /dev/kmsg ] || mknod -m 644 /dev/kmsg c 1 11")
    _restart_into_crash(host)


def api_clock_ahead(host: Host) -> None:
    """A quarter of an hour ahead of LiveKit's."""
    library = host.shell(f"echo {_FAKETIME}").stdout.strip()
    _drop_in(
        host,
        f"[Service]\nEnvironment=LD_PRELOAD={library} FAKETIME=+15m\n"
        "Environment=FAKETIME_DONT_FAKE_MONOTONIC=1\n",
    )
    host.shell(f"systemctl restart {API_UNIT}")
    host.wait_until(_LISTENS)


# --- What systemd was told -----------------------------------------------------------------------


def api_on_loopback(host: Host) -> None:
    """Bound to 127.0.0.1: nginx reaches it, 8083 is closed from outside."""
    host.shell(f"sed -i 's/--host 0.0.0.0/--host 127.0.0.1/' {_UNIT_FILE}; systemctl daemon-reload")
    host.shell(f"systemctl restart {API_UNIT}")
    host.wait_until(_LISTENS)


def api_on_loopback_alone(host: Host) -> None:
    """The same without nginx in front."""
    api_on_loopback(host)
    host.shell("systemctl disable --now --quiet nginx")


def api_not_enabled(host: Host) -> None:
    """The server was restarted, and nothing started the API."""
    host.shell(f"systemctl disable --quiet {API_UNIT}")
    host.reboot()


def api_unit_not_reloaded(host: Host) -> None:
    """The file says another port than what systemd has loaded."""
    host.shell(f"sed -i 's/--port 8083/--port 8090/' {_UNIT_FILE}")


# --- How they come about -------------------------------------------------------------------------


def wait_for_crash(host: Host, unit: str) -> None:
    """Until a unit has ended by itself, and systemd has started it again."""
    host.wait_until(f"test $(systemctl show {unit} --property=NRestarts --value) -ge 1")


def _restart_into_crash(host: Host) -> None:
    host.shell(f"systemctl restart {API_UNIT}", check=False)
    wait_for_crash(host, API_UNIT)


def _drop_in(host: Host, text: str) -> None:
    host.write(f"{_UNIT_FILE}.d/override.conf", text)
    host.shell("systemctl daemon-reload")
