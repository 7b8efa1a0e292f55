"""The real livekit-server with the keys of these tests."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from eloquence_ops.lab.services import real_livekit as services
from tests.lab.livekit_requests import KEY, SECRET
from tests.real import require


@contextlib.asynccontextmanager
async def real_livekit(
    folder: Path, *, development: bool = False
) -> AsyncIterator[tuple[str, int]]:
    """Its address. `development`: with its debug pages."""
    require("livekit-server")
    server = await services.find_livekit_server()
    assert server is not None
    standing = services.real_livekit(server, folder, keys={KEY: SECRET}, development=development)
    async with standing as (address, _):
        yield address
