"""What real servers said: Debian 12 with systemd 252, nginx 1.22, uvicorn 0.54, LiveKit 1.13.5."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "captured"


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def raw(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
