"""Which of thousands of sockets is ready, by what this system has for it."""

from __future__ import annotations

import contextlib
import select
import selectors
from collections.abc import Iterable
from typing import Protocol


class Readiness(Protocol):
    """Tells sockets apart by their descriptors."""

    def add(self, fd: int) -> None:
        """Waits until a connection attempt on it has come to an end."""
        ...

    def remove(self, fd: int) -> None:
        """Before it is closed."""
        ...

    def ready(self, timeout_s: float) -> Iterable[int]: ...

    def close(self) -> None: ...


class Epoll:
    """Linux. Half of the work for each socket that `selectors` makes of it."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def add(self, fd: int) -> None:
        self._epoll.register(fd, select.EPOLLOUT)

    def remove(self, fd: int) -> None:
        """Closing the descriptor does it."""

    def ready(self, timeout_s: float) -> Iterable[int]:
        return [fd for fd, _ in self._epoll.poll(timeout_s, 4096)]

    def close(self) -> None:
        self._epoll.close()


class Anywhere:
    """Where there is no epoll: kqueue, poll, select."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, fd: int) -> None:
        self._selector.register(fd, selectors.EVENT_WRITE)

    def remove(self, fd: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def ready(self, timeout_s: float) -> Iterable[int]:
        return [key.fd for key, _ in self._selector.select(timeout_s)]

    def close(self) -> None:
        self._selector.close()


def best() -> Readiness:
    return Epoll() if hasattr(select, "epoll") else Anywhere()
