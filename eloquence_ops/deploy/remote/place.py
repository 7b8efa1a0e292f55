"""Where everything of one installation lies on the server."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_RUN = "/run/eloquence-deploy"
_STATE = "/var/lib/eloquence-deploy"
UNITS = "/etc/systemd/system"
TRANSIENT = "/run/systemd/system"
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Place(NamedTuple):
    """The names that the settings give, and the paths that follow from them."""

    api_unit: str
    livekit_unit: str
    remote_dir: str
    asgi_app: str
    port: int
    host: str = "127.0.0.1"
    """Where this machine itself reaches the API."""

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def stem(self) -> str:
        return self.api_unit[: -len(".service")]

    @property
    def socket_unit(self) -> str:
        return self.stem + ".socket"

    @property
    def candidate_unit(self) -> str:
        return self.stem + "-candidate.service"

    @property
    def candidate_socket(self) -> str:
        return self.stem + "-candidate.socket"

    @property
    def candidate_address(self) -> str:
        return "/run/{}-candidate.sock".format(self.stem)

    @property
    def apply_unit(self) -> str:
        """Its name is the lock."""
        return self.stem + "-deploy.service"

    @property
    def by_hand(self) -> str:
        """How units begin that start again what had been started by hand."""
        return self.stem + "-by-hand-"

    @property
    def boot_unit(self) -> str:
        """Puts things in order after a boot that nobody expected; there while an apply is."""
        return self.stem + "-recover.service"

    @property
    def boot(self) -> str:
        """What that unit works from."""
        return os.path.join(self.state, "boot")

    @property
    def run(self) -> str:
        """Gone with the machine: jobs, their events, secrets on their way."""
        return os.path.join(_RUN, self.stem)

    def run_of(self, release: str) -> str:
        return os.path.join(self.run, checked_release(release))

    @property
    def state(self) -> str:
        """Root's own: records, the write-ahead journal, what units were before."""
        return os.path.join(_STATE, self.stem)

    @property
    def current(self) -> str:
        return os.path.join(self.remote_dir, "current")

    @property
    def releases(self) -> str:
        return os.path.join(self.remote_dir, "releases")

    def release(self, name: str) -> str:
        return os.path.join(self.releases, checked_release(name))

    @property
    def shared(self) -> str:
        return os.path.join(self.remote_dir, "shared")

    @property
    def env_local(self) -> str:
        return os.path.join(self.shared, ".env.local")

    @property
    def flat_env_local(self) -> str:
        return os.path.join(self.remote_dir, ".env.local")

    @property
    def environments(self) -> str:
        return os.path.join(self.remote_dir, "environments")

    @property
    def wheels(self) -> str:
        return os.path.join(self.remote_dir, "wheels")

    def current_release(self) -> str | None:
        """Which release `current` points to; None where there is none that exists."""
        try:
            name = os.path.basename(os.readlink(self.current))
        except OSError:
            return None
        is_one = _RELEASE.fullmatch(name) and os.path.isdir(os.path.join(self.releases, name))
        return name if is_one else None

    def layout(self) -> str:
        if os.path.lexists(self.current):
            return "releases"
        try:
            names = os.listdir(self.remote_dir)
        except OSError:
            return "none"
        module = self.asgi_app.partition(":")[0].split(".")[0]
        flat = module + ".py" in names or module in names or "requirements.txt" in names
        return "flat" if flat else "none"


def place_of(request: dict[str, object]) -> Place:
    """Raises `KeyError` and `ValueError` for a request that is none."""
    api_unit, remote_dir = str(request["api_unit"]), str(request["remote_dir"])
    if not api_unit.endswith(".service") or "/" in api_unit or not remote_dir.startswith("/"):
        raise ValueError("api_unit or remote_dir")
    return Place(
        api_unit,
        str(request.get("livekit_unit") or "livekit.service"),
        remote_dir,
        str(request.get("asgi_app") or "api:app"),
        int(str(request.get("port") or 8083)),
        reached_at(str(request.get("host") or "0.0.0.0")),  # noqa: S104  # a question, no listener
    )


def reached_at(host: str) -> str:
    """Who listens on every address listens on this machine's own."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def checked_release(name: str) -> str:
    """It becomes part of paths."""
    if not _RELEASE.fullmatch(name):
        raise ValueError("release {!r}".format(name))
    return name
