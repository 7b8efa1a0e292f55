"""The facts of a server in one round trip: one program goes there, one document comes back."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from eloquence_ops.observations import ServerFact, ServerFacts
from eloquence_ops.observations.server import FactsOutcome
from eloquence_ops.probes import remote_text, server_document
from eloquence_ops.probes.server_document import Asking, NotAnAnswer
from eloquence_ops.secrets import Redactor
from eloquence_ops.server.program import COMMAND, LARGEST_ANSWER, program
from eloquence_ops.settings import Target

BEGIN: Final = b"eloquence-facts-begin "
END: Final = b"eloquence-facts-end "
_NOT_FOUND: Final = 127  # what a POSIX shell ends with when there is no such command
_LONGEST_DETAIL: Final = 300
# So much longer than its own deadline may the program take, to start and to answer.
SLACK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class RemoteEnd:
    """How a command on the server ended. `exit_status` is None where it did not end by itself.

    `late`: the deadline came first.
    """

    stdout: bytes
    stderr: bytes = b""
    exit_status: int | None = 0
    late: bool = False


class Ended(Protocol):
    """What a link tells of a command that ended, or was cut at the limit of its output."""

    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...
    @property
    def exit_status(self) -> int | None: ...


class Link(Protocol):
    """A way to the server: SSH, or this very machine."""

    async def run(
        self, command: Sequence[str], *, stdin: bytes, timeout_s: float, limit_bytes: int
    ) -> Ended:
        """Runs `command` (words, which no shell reads) with `stdin`, which is closed behind it.

        Raises `TimeoutError` where the deadline comes first, and whatever it raises itself where
        the server cannot be reached.
        """
        ...


async def gather(
    link: Link, target: Target, redactor: Redactor, *, started: float, timeout_s: float
) -> tuple[ServerFact, ...]:
    """Everything about `target`'s server; the first observation says how it went.

    `started` is the run's `time.monotonic()`; `timeout_s` bounds the whole.
    """
    begun = time.monotonic()
    sent = program(target, deadline_s=max(1.0, timeout_s - SLACK_S))
    try:
        done = await link.run(
            COMMAND, stdin=sent.source, timeout_s=timeout_s, limit_bytes=LARGEST_ANSWER
        )
        ended = RemoteEnd(done.stdout, done.stderr, done.exit_status)
    except TimeoutError:
        ended = RemoteEnd(b"", exit_status=None, late=True)
    asking = Asking(target, at_s=begun - started, duration_s=time.monotonic() - begun)
    return read(ended, sent.nonce, asking, redactor)


def read(
    ended: RemoteEnd, nonce: str, asking: Asking, redactor: Redactor
) -> tuple[ServerFact, ...]:
    """What came back, as observations. It may be anything: this does not raise."""
    begin, end = BEGIN + nonce.encode(), END + nonce.encode()
    _, found, rest = ended.stdout.partition(b"\n" + begin + b"\n")
    body, whole, _ = rest.partition(b"\n" + end)
    if not found:
        return (_without_answer(ended, asking, redactor),)
    if not whole:
        outcome: FactsOutcome = "silent" if ended.late else "cut"
        return (_failed(outcome, ended.stderr, asking, redactor),)
    try:
        document = server_document.parse(body)
    except NotAnAnswer as problem:
        return (_failed("garbage", str(problem).encode(), asking, redactor),)
    found_facts = server_document.describe(document, asking, redactor)
    return found_facts[:1] if document.get("python_too_old") is True else found_facts


def _without_answer(ended: RemoteEnd, asking: Asking, redactor: Redactor) -> ServerFacts:
    said = ended.stderr or ended.stdout
    if ended.late:
        return _failed("silent", said, asking, redactor)
    missing = f"{shlex.quote(COMMAND[0])}: command not found".encode()
    if ended.exit_status == _NOT_FOUND or missing in ended.stderr:
        return _failed("no-python", said, asking, redactor)
    return _failed("failed" if ended.exit_status else "garbage", said, asking, redactor)


def _failed(outcome: FactsOutcome, said: bytes, asking: Asking, redactor: Redactor) -> ServerFacts:
    """`detail` is the last line: where a program says why it ends."""
    lines = said[-4096:].strip().splitlines()
    return ServerFacts(
        outcome=outcome,
        detail=remote_text.line(lines[-1] if lines else b"", redactor, limit=_LONGEST_DETAIL),
        at_s=asking.at_s,
        duration_s=asking.duration_s,
    )
