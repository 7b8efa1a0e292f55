"""The API's settings: environment variables, which systemd reads from `.env.local`.

By hand (`python api.py`) nobody has read that file, so it is read here; the environment wins.
"""

import os
from dataclasses import dataclass
from pathlib import Path

ENV_FILE = Path(__file__).resolve().parents[1] / ".env.local"


@dataclass(frozen=True)
class Settings:
    """`livekit_url` is handed to clients; key and secret sign their tokens."""

    api_key: str
    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: str


def read() -> Settings:
    """Raises `KeyError` with the name of the variable that is missing."""
    values = {**_of_file(ENV_FILE), **os.environ}
    return Settings(
        api_key=values["API_KEY"],
        livekit_url=values["LIVEKIT_URL"],
        livekit_api_key=values["LIVEKIT_API_KEY"],
        livekit_api_secret=values["LIVEKIT_API_SECRET"],
    )


def _of_file(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


settings = read()
