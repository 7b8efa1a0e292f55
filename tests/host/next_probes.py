"""The probe that a diagnosis names next, run on the host, and which cause its output selects.

It is read as the catalogue tells people to read it (`next_probe.say`): a row for each thing that
it says may be seen.
"""

from __future__ import annotations

import re
from typing import Final

from tests.host.machine import Host

_REFUSED: Final = r"Failed to connect|Connection refused|Couldn't connect"
_NO_ANSWER: Final = r"timed out"
_ANSWER: Final = r"HTTP/1\.1 \d"
_ANYTHING: Final = r""

_SAYS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "proxy-not-running": (
        (r"LISTEN .*:443 ", "firewall-before-server"),
        (_ANYTHING, "proxy-not-running"),
    ),
    "proxy-wrong-upstream": (
        (_ANSWER, "proxy-wrong-upstream"),
        (_REFUSED, "api-not-running"),
        (_NO_ANSWER, "api-hanging"),
    ),
    "api-hanging": (
        (_NO_ANSWER, "api-hanging"),
        (r"(?m)^[1-9]\d*\.\d+ s$", "proxy-timeout"),
        (_ANSWER, "proxy-wrong-upstream"),
    ),
    "api-loopback-only": (
        (rf"127\.0\.0\.1:8083 (?s:.*){_ANSWER}", "api-loopback-only"),
        (_REFUSED, "api-not-running"),
    ),
    "api-port-taken": (
        (r':8083 .*\(\("uvicorn"', "api-wrong-service"),
        (r":8083 ", "api-port-taken"),
    ),
    "livekit-breaks-off": (
        (_REFUSED, "livekit-not-running"),
        (_ANSWER, "livekit-breaks-off"),
    ),
    "firewall-on-server": (
        (r"8083/tcp +DENY|dport .*8083.* drop", "firewall-on-server"),
        (_ANYTHING, "firewall-before-server"),
    ),
}
"""By the cause whose probe it is: what may be seen, and whom that names. The first row counts."""


def selected(host: Host, probe: str, command: str) -> str:
    """The cause that the `command` of a probe selects there; nobody waits as long as it would."""
    hurried = re.sub(r"--max-time \d+", "--max-time 5", command)
    key = f"export ELOQUENCE_API_KEY={host.keys.api_key}\n"
    done = host.shell(key + hurried, check=False)
    said = done.stdout + done.stderr
    found = next((cause for row, cause in _SAYS[probe] if re.search(row, said)), None)
    assert found is not None, said
    return found
