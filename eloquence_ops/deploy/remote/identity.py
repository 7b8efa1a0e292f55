"""The service's user: who it is, and doing something as that user."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from typing import Callable, Iterator, NamedTuple


class Identity(NamedTuple):
    name: str
    group: str
    uid: int
    gid: int
    groups: list[int]
    home: str


def identity(name: str, group: str = "") -> Identity:
    """Raises `KeyError` where there is no such user or group."""
    user = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    gid = grp.getgrnam(group).gr_gid if group and not group.isdigit() else user.pw_gid
    try:
        group_name = grp.getgrgid(gid).gr_name
    except KeyError:
        group_name = str(gid)
    groups = os.getgrouplist(user.pw_name, gid)
    return Identity(user.pw_name, group_name, user.pw_uid, gid, groups, user.pw_dir)


@contextlib.contextmanager
def acting_as(who: Identity) -> Iterator[None]:
    """Files are opened and made as `who` for the length of the block, by every thread of this
    process. Not root himself already: then nothing changes."""
    if os.geteuid() != 0 or who.uid == 0:
        yield
        return
    before = os.getgroups()
    os.setgroups(who.groups)
    os.setegid(who.gid)
    os.seteuid(who.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def becoming(who: Identity) -> Callable[[], None]:
    """For `preexec_fn`: the child is `who` for good."""

    def become() -> None:
        if os.geteuid() == 0:
            os.setgroups(who.groups)
            os.setgid(who.gid)
            os.setuid(who.uid)
        os.umask(0o022)

    return become
