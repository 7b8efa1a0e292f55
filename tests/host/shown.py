"""Each fault of the test host is really there: what shows it is what a person would look at.

systemctl, ss, df and the journal on the host, curl beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eloquence_ops.endpoints import a_label
from tests.host.faults import FAULTS
from tests.host.layout import API_NAME, LIVEKIT_NAME, REMOTE_DIR
from tests.host.machine import Host
from tests.network.namespaces import SERVER_V4

API: Final = f"http://{SERVER_V4}:8083/"
LIVEKIT: Final = f"http://{SERVER_V4}:7880/"
API_BEHIND: Final = f"https://{a_label(API_NAME)}/"
LIVEKIT_BEHIND: Final = f"https://{a_label(LIVEKIT_NAME)}/"
REFUSED, TIMED_OUT = "exit 7", "exit 28"


@dataclass(frozen=True)
class Shown:
    """How a fault shows: `on_host` succeeds there; a client's requests end with these.

    An end is a status, or curl's exit code: 7 refused, 28 no answer in time.
    """

    on_host: str
    ends: tuple[tuple[str, str], ...] = ()


def _state(unit: str, **expected: str) -> str:
    return " && ".join(
        f'[[ "$(systemctl show {unit}.service --property={name} --value)" == {value} ]]'
        for name, value in expected.items()
    )


def _journal(unit: str, words: str) -> str:
    return f"journalctl --quiet --unit={unit} --grep='{words}' >/dev/null"


_MEMORY_GROUP: Final = "/sys/fs/cgroup{/memory,}/system.slice/eloquence-api.service"
_CRASH_LOOP: Final = '[[ "$(systemctl show eloquence-api --property=NRestarts --value)" -ge 1 ]]'
_NOBODY_LISTENS: Final = "! ss -Hltn 'sport = :8083' | grep -q ."
_ON_LOOPBACK: Final = "ss -Hltn 'sport = :8083' | grep -q 127.0.0.1:8083"

SHOWN: Final[dict[str, Shown]] = {
    "api-stopped": Shown(
        _state("eloquence-api", ActiveState="inactive"), ((API, REFUSED), (API_BEHIND, "502"))
    ),
    "api-started-by-hand": Shown(
        f"{_CRASH_LOOP} && ss -Hltnp 'sport = :8083' | grep -q python && "
        f"pgrep --full 'python api.py' >/dev/null && {_journal('eloquence-api', 'Errno 98')}",
        ((API, "200"),),
    ),
    "api-port-taken": Shown(
        f"{_CRASH_LOOP} && {_journal('eloquence-api', 'Errno 98')} && "
        "systemctl --quiet is-active inventory",
        ((API, "200"), (f"{API}docs", "404")),
    ),
    "api-package-missing": Shown(
        f"{_CRASH_LOOP} && {_journal('eloquence-api', 'No module named .fastapi')}",
        ((API, REFUSED),),
    ),
    "api-package-outdated": Shown(
        f"grep -q '^uvicorn==99' {REMOTE_DIR}/requirements.txt && "
        f"! {REMOTE_DIR}/.venv/bin/pip freeze | grep -q '^uvicorn==99'",
        ((API, "200"),),
    ),
    "api-adapters-missing": Shown(
        f"{_CRASH_LOOP} && {_journal('eloquence-api', 'No module named .adapters')}",
        ((API, REFUSED),),
    ),
    "api-syntax-error": Shown(
        f"{_CRASH_LOOP} && {_journal('eloquence-api', 'SyntaxError')}", ((API, REFUSED),)
    ),
    "api-hangs-at-start": Shown(
        f"{_state('eloquence-api', SubState='running', NRestarts='0')} && {_NOBODY_LISTENS}",
        ((API, REFUSED),),
    ),
    "api-env-missing": Shown(
        _journal("eloquence-api", "Failed to load environment files"), ((API, REFUSED),)
    ),
    "api-killed-for-memory": Shown(
        f"{_CRASH_LOOP} && {_journal('eloquence-api', 'status=9/KILL')} && "
        "dmesg | grep 'oom-kill:.*eloquence-api.service' | grep -q uvicorn",
        ((API, REFUSED),),
    ),
    "api-clock-ahead": Shown(
        "api=$(date +%s --date=\"$(curl -si http://127.0.0.1:8083/ | sed -n 's/^date: //p')\") && "
        "(( api - $(date +%s) > 800 ))",
        ((API, "200"), (LIVEKIT_BEHIND, "200")),
    ),
    "api-on-loopback": Shown(_ON_LOOPBACK, ((API, REFUSED), (API_BEHIND, "200"))),
    "api-on-loopback-alone": Shown(
        f"{_ON_LOOPBACK} && curl -sf http://127.0.0.1:8083/",
        ((API, REFUSED), (API_BEHIND, REFUSED)),
    ),
    "api-not-enabled": Shown(
        _state("eloquence-api", UnitFileState="disabled", ActiveState="inactive"), ((API, REFUSED),)
    ),
    "api-unit-not-reloaded": Shown(
        _state("eloquence-api", NeedDaemonReload="yes", ActiveState="active"), ((API, "200"),)
    ),
    "ufw-denies-api": Shown(
        "ufw status | grep -q '8083/tcp *DENY'", ((API, TIMED_OUT), (LIVEKIT_BEHIND, "200"))
    ),
    "nftables-drops": Shown(
        "nft list table inet guard | grep -q 8083 && curl -sf http://127.0.0.1:8083/",
        ((API, TIMED_OUT), (LIVEKIT, TIMED_OUT), (API_BEHIND, "200")),
    ),
    "nginx-stopped": Shown(
        _state("nginx", ActiveState="inactive"), ((API, "200"), (API_BEHIND, REFUSED))
    ),
    "nginx-wrong-upstream": Shown(
        "grep -q 'Connection refused.*:8084' /var/log/nginx/error.log",
        ((API, "200"), (API_BEHIND, "502"), (LIVEKIT_BEHIND, "200")),
    ),
    "nginx-without-upgrade": Shown(
        "! nginx -T 2>/dev/null | grep -q 'proxy_set_header Upgrade'",
        ((LIVEKIT_BEHIND, "200"),),
    ),
    "nginx-times-out": Shown(
        "grep -q 'upstream timed out' /var/log/nginx/error.log && "
        + _state("eloquence-api", SubState="running"),
        ((API, TIMED_OUT), (API_BEHIND, "504")),
    ),
    "nginx-gives-up-early": Shown(
        f"grep -q proxy_read_timeout.1s /etc/nginx/sites-enabled/* && "
        f"grep -q asyncio.sleep.3 {REMOTE_DIR}/api.py",
        ((API_BEHIND, "200"),),
    ),
    "livekit-stopped": Shown(_state("livekit", ActiveState="inactive"), ((LIVEKIT_BEHIND, "502"),)),
    "livekit-yaml-edited": Shown(
        f"grep -q no_such_setting /etc/livekit.yaml && {_state('livekit', ActiveState='active')}",
        ((LIVEKIT_BEHIND, "200"),),
    ),
    "livekit-secret-short": Shown(
        _journal("livekit", "secret is too short"), ((LIVEKIT_BEHIND, "200"), (API_BEHIND, "200"))
    ),
    "livekit-refuses-its-yaml": Shown(
        _journal("livekit", "no_such_setting"), ((LIVEKIT_BEHIND, "502"),)
    ),
    "livekit-program-missing": Shown(
        _journal("livekit", "status=203/EXEC"), ((LIVEKIT_BEHIND, "502"),)
    ),
    "livekit-not-installed": Shown(
        _state("livekit", LoadState="not-found") + " && ! command -v livekit-server",
        ((LIVEKIT_BEHIND, "502"),),
    ),
    "disk-full-for-api": Shown(
        f"! runuser -u ubuntu -- bash -c 'echo x >{REMOTE_DIR}/one-more' 2>/dev/null && "
        f"df --output=pcent {REMOTE_DIR} | grep -q 100%",
    ),
    "disk-full-for-logs": Shown(
        "! bash -c 'echo x >/var/log/one-more' 2>/dev/null && "
        "df --output=pcent /var/log | grep -q 100%",
        ((API, "200"),),
    ),
    "disk-full-for-start": Shown(
        f"{_CRASH_LOOP} && {_journal('eloquence-api', 'No space left on device')}",
        ((API, REFUSED),),
    ),
    "disk-nearly-full": Shown(
        f"df --output=pcent {REMOTE_DIR} | grep -q ' 9[0-9]%' && "
        f"runuser -u ubuntu -- bash -c 'echo x >{REMOTE_DIR}/one-more'",
        ((API, "200"),),
    ),
    "disk-read-only": Shown(
        f"findmnt --noheadings --output OPTIONS --mountpoint {REMOTE_DIR} | grep -q '^ro,'",
        ((API, "200"),),
    ),
    "memory-short": Shown(
        f"grep -Eqs '^oom_kill [1-9]' {_MEMORY_GROUP}/memory.{{oom_control,events}}",
        ((API, "200"),),
    ),
    "files-nearly-used-up": Shown(
        "pid=$(systemctl show eloquence-api --property=MainPID --value) && "
        "grep -q '^Max open files *200 ' /proc/$pid/limits && "
        "(( $(ls /proc/$pid/fd | wc -l) >= 180 ))",
        ((API, "200"),),
    ),
    "clock-not-kept": Shown(
        "! systemctl --quiet is-active ssh.service ssh.socket && pgrep --exact sshd >/dev/null",
        ((API, "200"),),
    ),
    "certificate-not-reloaded": Shown(
        "test /etc/ssl/eloquence/chain.pem -nt /run/nginx.pid", ((f"{API_BEHIND}docs", "200"),)
    ),
    "certificate-key-mismatch": Shown(
        "nginx -t 2>&1 | grep -q 'key values mismatch'", ((f"{API_BEHIND}docs", "200"),)
    ),
    "old-apps-call": Shown(
        "grep -q 'POST /api/session/start.*Dart' /var/log/nginx/access.log",
        ((f"{API_BEHIND}api/session/start", "404"),),
    ),
}


def make(host: Host, name: str) -> None:
    """Makes a fault and looks whether it is there, before anything is made of it."""
    shown = SHOWN[name]
    FAULTS[name](host)
    assert {url: end_of(host, url) for url, _ in shown.ends} == dict(shown.ends), name
    host.wait_until(shown.on_host)


def end_of(host: Host, url: str, *more: str) -> str:
    """The status of one request, or curl's exit code when there was none."""
    limits = ("--max-time", "2", "--output", "/dev/null", "--write-out", "%{http_code}")
    done = host.curl(*limits, *more, url, check=False)
    return done.stdout if done.stdout != "000" else f"exit {done.returncode}"
