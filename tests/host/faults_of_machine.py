"""Faults of the host as a machine: its disks, memory, limits and clock; and old apps that call."""

from __future__ import annotations

from typing import Final

from tests.host.layout import API_UNIT, REMOTE_DIR
from tests.host.machine import Host

_MEMORY_GROUP: Final = (
    "$(ls -d /sys/fs/cgroup/memory/system.slice/{unit} /sys/fs/cgroup/system.slice/{unit} "
    "2>/dev/null | head -n 1)"
)


def disk_full_for_api(host: Host) -> None:
    """Not a byte can be written where the API lives."""
    _own_disk_for_api(host)
    _fill(host, REMOTE_DIR)


def disk_full_for_logs(host: Host) -> None:
    """The same for /var/log."""
    host.shell("cp -a /var/log /tmp/kept && mount -t tmpfs -o size=24m,mode=755 tmpfs /var/log")
    host.shell("cp -a /tmp/kept/. /var/log/ && systemctl restart systemd-journald")
    _fill(host, "/var/log")


def disk_full_for_start(host: Host) -> None:
    """An API that keeps a file of its own finds no room for it, and ends at each start."""
    _own_disk_for_api(host)
    path = f"{REMOTE_DIR}/api.py"
    keeps = "from pathlib import Path\n\nPath('kept.db').write_bytes(bytes(65536))\n"
    _fill(host, REMOTE_DIR)
    host.shell(f"mount -o remount,size=257m {REMOTE_DIR}")
    host.write(path, keeps + host.read(path))
    _fill(host, REMOTE_DIR)
    host.shell(f"systemctl restart {API_UNIT}")
    host.wait_until(f"test $(systemctl show {API_UNIT} --property=NRestarts --value) -ge 1")


def disk_nearly_full(host: Host) -> None:
    _own_disk_for_api(host)
    room = f"$(( $(df --output=avail -k {REMOTE_DIR} | tail -n 1) - 8 * 1024 ))"
    host.shell(f"fallocate -l {room}KiB {REMOTE_DIR}/filled")


def disk_read_only(host: Host) -> None:
    """As the kernel leaves a disk that fails."""
    _own_disk_for_api(host)
    host.shell(f"mount -o remount,ro {REMOTE_DIR}")


def memory_short(host: Host) -> None:
    """A process of the API's unit takes all that the unit may have; it is killed, the API lives."""
    host.shell(f"systemctl set-property --runtime {API_UNIT} MemoryMax=300M MemorySwapMax=0")
    group = _MEMORY_GROUP.format(unit=API_UNIT)
    hog = "import mmap; m = mmap.mmap(-1, 2**30); [m.write(bytes(2**20)) for _ in range(1024)]"
    host.shell(f'echo $$ >{group}/cgroup.procs; exec python3 -c "{hog}"', check=False)


def files_nearly_used_up(host: Host) -> None:
    """Clients of the API that came, said nothing and stayed."""
    host.write(f"/etc/systemd/system/{API_UNIT}.d/files.conf", "[Service]\nLimitNOFILE=200\n")
    host.shell(f"systemctl daemon-reload; systemctl restart {API_UNIT}")
    host.wait_until("ss -Hltn 'sport = :8083' | grep -q .")
    stay = (
        "import socket, time; "
        "kept = [socket.create_connection(('127.0.0.1', 8083)) for _ in range(176)]; "
        "time.sleep(600)"
    )
    host.shell(f'systemd-run --quiet --unit=stayers python3 -c "{stay}"')
    pid = f"$(systemctl show -p MainPID --value {API_UNIT})"
    host.wait_until(f"test $(ls /proc/{pid}/fd | wc -l) -ge 182")


def clock_not_kept(host: Host) -> None:
    """The kernel says that nothing keeps its clock, to an sshd that may ask (nspawn forbids it)."""
    host.shell("systemctl stop ssh.socket ssh.service; mkdir -p /run/sshd; /usr/sbin/sshd")


def old_apps_call(host: Host) -> None:
    """Two users of an app from before LiveKit, and a person with curl."""
    app = ("--request", "POST", "--user-agent", "eloquence_app/1.4.2 (Dart/3.5)", "--output", "-")
    for _ in range(2):
        host.curl(*app, "https://api.éloquence.test/api/session/start")
    host.curl("--request", "POST", "https://api.éloquence.test/api/session/start")


def _own_disk_for_api(host: Host) -> None:
    """The API on a file system of its own, a small one."""
    host.shell(
        f"cp -a {REMOTE_DIR} /tmp/kept && mount -t tmpfs -o size=256m tmpfs {REMOTE_DIR} && "
        f"cp -a /tmp/kept/. {REMOTE_DIR}/ && chown ubuntu:ubuntu {REMOTE_DIR} && "
        f"systemctl restart {API_UNIT}"
    )
    host.wait_until("ss -Hltn 'sport = :8083' | grep -q .")


def _fill(host: Host, folder: str) -> None:
    host.shell(f"dd if=/dev/zero of={folder}/filled-$RANDOM bs=64k status=none", check=False)
    host.shell(f"dd if=/dev/zero of={folder}/filled-$RANDOM bs=1k status=none", check=False)
