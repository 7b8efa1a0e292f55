"""Whether sound can be exchanged by this installation: the extra `media`."""

from __future__ import annotations

from importlib.util import find_spec


def has_library() -> bool:
    """Whether the library is there. It is not loaded for that: it is native, and large."""
    try:
        return find_spec("livekit.rtc") is not None and find_spec("numpy") is not None
    except ModuleNotFoundError:
        return False
