"""What is where on the test host, and who may log in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAYLOAD: Final = Path(__file__).parent / "payload"
ETC: Final = Path(__file__).parent / "etc"
REMOTE_DIR: Final = "/home/ubuntu/eloquence_backend_py"
API_UNIT: Final = "eloquence-api.service"
LIVEKIT_UNIT: Final = "livekit.service"
AGENT_UNIT: Final = "eloquence-agent.service"
API_NAME: Final = "api.éloquence.test"
LIVEKIT_NAME: Final = "livekit.éloquence.test"
SUDO_PASSWORD: Final = "asked-for-by-sudo"
WHEELS: Final = "/srv/wheels"
"""Where the host's pip looks instead of on an index: the API's packages, and these."""
MORE_PACKAGES: Final = ("tomli==2.2.1",)


@dataclass(frozen=True)
class User:
    """Somebody who may log in with the test's key."""

    name: str
    groups: tuple[str, ...] = ()


USERS: Final = (
    User("ubuntu", ("adm", "sudo")),  # sudo without a password, as on a cloud's images
    User("guest"),  # no sudo, no journal
    User("asks", ("sudo",)),  # sudo after SUDO_PASSWORD
)
