"""Whether the far end of a session is still alive.

Nobody else would notice: paramiko's own keepalive asks for no answer, and TCP gives up on a peer
that has gone after a quarter of an hour, or never where nothing is sent.
"""

from __future__ import annotations

import asyncio
import time

from eloquence_ops.server.session import Session
from eloquence_ops.server.threads import in_thread

# sshd does not know this request and refuses it, which is an answer (RFC 4254, 4).
_REQUEST = "keepalive@openssh.com"


async def fell_silent(session: Session, *, ask_every_s: float, silence_s: float) -> bool:
    """Asks until the session has ended (False), or nothing came for `silence_s` (True).

    Any byte is a sign of life. The answer alone would not do: on a slow line it comes after
    megabytes of output.
    """
    while session.is_active():
        await asyncio.sleep(ask_every_s)
        asked = time.monotonic()
        answer = asyncio.ensure_future(in_thread(lambda: session.global_request(_REQUEST)))
        while not answer.done():
            await asyncio.wait({answer}, timeout=ask_every_s / 4)
            if time.monotonic() - max(asked, session.wire.heard_at) > silence_s:
                answer.cancel()
                return True
        # Whatever came of it, the session itself knows whether it has ended.
        answer.exception()
    return False
