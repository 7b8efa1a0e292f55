"""Logging in with a key. Never with a password: nothing that runs unattended should know one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import paramiko

from eloquence_ops.server.errors import LinkError, LoginRefused
from eloquence_ops.server.identities import Ask, Identity, Keyring
from eloquence_ops.server.session import PARAMIKO_LATER_S, Session
from eloquence_ops.server.ssh_config import Host
from eloquence_ops.server.threads import in_thread

_SHOWN_KEYS: Final = 8


async def log_in(
    session: Session, host: Host, *, named: Path | None, ask: Ask | None, timeout_s: float
) -> None:
    """Tries keys until one is taken, each at most `timeout_s`; a person may take longer to answer.

    `named` is the file of ELOQUENCE_SSH_KEY. Without `ask` no passphrase is asked for. Raises
    `LoginRefused` with what was tried, and `LinkError` where the server does not answer.
    """
    keyring = Keyring(host, named, ask)
    tried: list[str] = []
    session.auth_timeout = timeout_s + PARAMIKO_LATER_S
    try:
        async for identity in keyring.identities():
            tried.append(identity.name)
            if await _try(session, host, identity, timeout_s):
                session.wire.logged_in()
                return
            if not session.is_active():
                break
        methods = await _methods(session, host, timeout_s)
        if methods == ():  # it lets everybody in
            session.wire.logged_in()
            return
        raise _refused(host, tried, methods, keyring.unusable)
    finally:
        keyring.close()


async def _try(session: Session, host: Host, identity: Identity, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            further = await in_thread(lambda: session.auth_publickey(host.user, identity.key))
    except TimeoutError:
        raise _silent(session, host, timeout_s) from None
    except paramiko.AuthenticationException:
        return False  # also where the server has closed the connection
    except (paramiko.SSHException, EOFError, OSError) as error:
        of_agent = isinstance(identity.key, paramiko.AgentKey)
        if of_agent and isinstance(error, paramiko.SSHException):
            raise LoginRefused("login.agent-refuses", host=host, key=identity.name) from None
        return False
    if further:
        wanted = ", ".join(further)
        raise LoginRefused("login.more-wanted", host=host, key=identity.name, methods=wanted)
    return True


async def _methods(session: Session, host: Host, timeout_s: float) -> Sequence[str] | None:
    """What the server would accept; nothing where it asks for nothing, None where it has gone."""
    if not session.is_active():
        return None
    try:
        async with asyncio.timeout(timeout_s):
            return tuple(await in_thread(lambda: session.auth_none(host.user)))
    except TimeoutError:
        raise _silent(session, host, timeout_s) from None
    except paramiko.BadAuthenticationType as refusal:
        return tuple(refusal.allowed_types)
    except (paramiko.SSHException, EOFError, OSError):
        return None


def _silent(session: Session, host: Host, timeout_s: float) -> LinkError:
    if session.wire.flooded:
        return LinkError("link.flood", host=host.name, port=host.port)
    return LinkError("link.login-slow", host=host.name, port=host.port, seconds=f"{timeout_s:g}")


def _refused(
    host: Host,
    tried: Sequence[str],
    methods: Sequence[str] | None,
    unusable: Sequence[tuple[Path, str]],
) -> LoginRefused:
    remarks: list[tuple[str, dict[str, object]]] = [
        (phrase_id, {"file": path}) for path, phrase_id in unusable
    ]
    if methods is None:
        remarks.append(("login.cut-off", {"count": len(tried)}))
    elif "publickey" not in methods:
        remarks.append(("login.no-keys-taken", {"methods": ", ".join(methods)}))
    else:
        remarks.append(("login.methods", {"methods": ", ".join(methods)}))
    if not tried:
        return LoginRefused("login.no-key", *remarks, host=host)
    shown = ", ".join(tried[:_SHOWN_KEYS]) + (", …" if len(tried) > _SHOWN_KEYS else "")
    return LoginRefused("login.refused", *remarks, host=host, tried=shown)
