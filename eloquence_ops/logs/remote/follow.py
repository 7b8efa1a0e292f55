"""Follows units' journals and files, and writes what they say to standard output as frames.

A frame is `<log> <kind> <length>\\n` and that many bytes. `log` is the place in the parameters, or
-1. Kinds: `d` bytes of the log; `p` where in a file the next bytes stand (JSON); `x` what was not a
whole line yet is void; `n` something happened (JSON); `e` this log has ended (JSON); `t` the answer
to a sign of life: its number and the time here.

Standard input brings lines: `t <number>`, a sign of life; `p <log>`, this log has to wait;
`g <log>`, and may go on. Without any for long enough, or at its end, nobody listens any more, and
everything ends.
"""

import base64
import json
import os
import re
import select
import subprocess
import sys
import time
import zlib
from typing import Any, Dict, List, Optional, Set  # noqa: F401  # in comments, for 3.8

AT_ONCE = 256 * 1024
PATIENCE_S = 20.0
POLL_S = 0.15
HEAD = 256
RETRY_S = 0.5
MOST_RETRIES = 20
STDIN, STDOUT = 0, 1
_CURSOR = re.compile(rb'"__CURSOR"\s?:\s?"([^"]{1,512})"')


class NobodyListens(Exception):
    pass


class Listener:
    """Whoever reads our output, and shows now and then that it is there."""

    def __init__(self) -> None:
        self._heard = time.monotonic()
        self._rest = b""
        self._owed = []  # type: List[bytes]
        self.paused = set()  # type: Set[int]
        os.set_blocking(STDOUT, False)

    def check(self) -> None:
        if time.monotonic() - self._heard > PATIENCE_S:
            raise NobodyListens

    def tell(self, log: int, kind: str, payload: bytes) -> None:
        data = memoryview("{} {} {}\n".format(log, kind, len(payload)).encode() + payload)
        while data:
            try:
                data = data[os.write(STDOUT, data) :]
            except BlockingIOError:
                # A slow line: meanwhile signs of life are still read.
                readable, _, _ = select.select([STDIN], [STDOUT], [], 1.0)
                if readable:
                    self.hear()
                self.check()
            except OSError:
                raise NobodyListens from None

    def hear(self) -> None:
        """Reads what is asked; `answer` answers between two frames, for one may be half written.

        Raises `NobodyListens` at the end of input.
        """
        data = os.read(STDIN, 4096)
        if not data:
            raise NobodyListens
        self._heard = time.monotonic()
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            what, _, number = line.partition(b" ")
            if what == b"t":
                self._owed.append(number)
            elif what == b"p":
                self.paused.add(int(number))
            elif what == b"g":
                self.paused.discard(int(number))

    def answer(self) -> None:
        owed, self._owed = self._owed, []
        for number in owed:
            east = time.localtime().tm_gmtoff
            self.tell(-1, "t", number + " {!r} {}".format(time.time(), east).encode())


def told(listener: Listener, log: int, kind: str, **what: Any) -> None:
    listener.tell(log, kind, json.dumps(what).encode())


class Journal:
    """One journalctl; where it ends without being asked to, the next begins where it was."""

    def __init__(self, number: int, wanted: Dict[str, Any]) -> None:
        self.number, self._wanted = number, wanted
        self._cursor = wanted.get("cursor")  # type: Optional[str]
        self._line = b""  # what came after the last line end
        self._last = b""  # the last whole line
        self._retries, self._not_before = 0, 0.0
        self._process = None  # type: Optional[subprocess.Popen[bytes]]
        self.ended = False

    def fileno(self) -> int:
        return self._process.stdout.fileno() if self._process and self._process.stdout else -1

    def begin(self, listener: Listener) -> None:
        if self._process is not None or self.ended or time.monotonic() < self._not_before:
            return
        words = ["journalctl", "--no-pager", "--quiet", *self._wanted["words"]]
        if self._cursor is None:
            words += self._wanted["start"]
        else:
            # That entry itself comes first: where it does not, it is gone, and others with it.
            words += ["--cursor=" + self._cursor]
            words += ["--no-tail"] if self._wanted["follow"] else []
        if self._wanted["follow"]:
            words.append("--follow")
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            self._end(listener, "unstarted", error.strerror or "")

    def read(self, listener: Listener) -> None:
        data = os.read(self.fileno(), AT_ONCE)
        if not data:
            self._over(listener)
            return
        self._retries = 0
        listener.tell(self.number, "d", data)
        end = data.rfind(b"\n")
        if end < 0:
            self._line += data
            return
        start = data.rfind(b"\n", 0, end)
        self._last = data[start + 1 : end] if start >= 0 else self._line + data[:end]
        self._line = data[end + 1 :]

    def _over(self, listener: Listener) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        said = process.stderr.read(2000).decode("utf-8", "replace") if process.stderr else ""
        status = process.wait()
        close(process)
        if not self._wanted["follow"]:
            self._end(listener, "done" if status == 0 else "failed", said)
            return
        self._retries += 1
        if self._retries > MOST_RETRIES:
            self._end(listener, "failed", said)
            return
        found = _CURSOR.search(self._last)
        self._cursor = found.group(1).decode("ascii", "replace") if found else self._cursor
        self._line = b""
        self._not_before = time.monotonic() + RETRY_S
        listener.tell(self.number, "x", b"")
        if self._cursor is not None:
            # The client drops the entry that it has, as after a lost link.
            told(listener, self.number, "n", what="again", cursor=self._cursor)

    def _end(self, listener: Listener, how: str, said: str) -> None:
        self.ended = True
        told(listener, self.number, "e", how=how, said=said[:500])

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            close(self._process)


def close(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


class File:
    """One file by its name, as `tail -F`: through rotation, and from where the reader was."""

    def __init__(self, number: int, wanted: Dict[str, Any]) -> None:
        self.number, self._wanted = number, wanted
        self._file = -1
        self._at = 0
        self._whole = True  # what was read so far ends with a line end
        self._place = wanted.get("place")  # type: Optional[Dict[str, int]]
        self._reason = ""
        self._begun = False
        self.ended = False

    def begin(self, listener: Listener) -> None:
        if self._file >= 0 or self.ended:
            return
        path = self._wanted["path"]
        try:
            if self._place is not None:
                self._resume(listener, path, self._place)
            else:
                self._open(path)
                # A file that appears later is read from its beginning.
                if not self._begun:
                    self._at = tail_of(self._file, self._wanted["lines"], self._wanted["most"])
                self._tell_place(listener)
        except OSError as error:
            self._close()
            reason = error.strerror or "?"
            if not self._wanted["follow"]:
                self.ended = True
                told(listener, self.number, "e", how="failed", said=reason)
            elif reason != self._reason:
                told(listener, self.number, "n", what="unreadable", said=reason)
            self._reason = reason
        self._begun = True

    def _open(self, path: str) -> None:
        self._file, self._at = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), 0

    def _resume(self, listener: Listener, path: str, place: Dict[str, int]) -> None:
        """Where the reader was, be the file a rotated one by now."""
        self._place = None
        folder, name = os.path.split(path)
        beside = [entry for entry in os.listdir(folder or ".") if entry.startswith(name)]
        for candidate in [path, *(os.path.join(folder, entry) for entry in sorted(beside))]:
            try:
                self._open(candidate)
            except OSError:
                continue
            if same(self._file, place):
                self._at = place["at"]
                self._tell_place(listener)
                return
            self._close()
        told(listener, self.number, "n", what="gap")
        self._open(path)
        self._tell_place(listener)

    def _tell_place(self, listener: Listener) -> None:
        about = os.fstat(self._file)
        head = os.pread(self._file, HEAD, 0)
        told(
            listener,
            self.number,
            "p",
            device=about.st_dev,
            inode=about.st_ino,
            at=self._at,
            head=len(head),
            crc=zlib.crc32(head),
        )

    def read(self, listener: Listener) -> bool:
        """Whether there was something."""
        if self._file < 0:
            return False
        try:
            data = os.pread(self._file, AT_ONCE, self._at)
        except OSError as error:  # a folder, a pipe, a failing disk
            self._close()
            self.ended = True
            told(listener, self.number, "e", how="failed", said=error.strerror or "")
            return False
        if data:
            listener.tell(self.number, "d", data)
            self._at += len(data)
            self._whole = data.endswith(b"\n")
            return True
        if not self._wanted["follow"]:
            self._close()
            self.ended = True
            told(listener, self.number, "e", how="done", said="")
            return False
        self._look_for_change(listener)
        return False

    def _look_for_change(self, listener: Listener) -> None:
        about = os.fstat(self._file)
        if about.st_size < self._at:
            told(listener, self.number, "n", what="truncated")
            self._at = 0
            self._tell_place(listener)
            return
        try:
            named = os.stat(self._wanted["path"])
        except OSError:
            return  # between two files of a rotation
        if (named.st_dev, named.st_ino) != (about.st_dev, about.st_ino):
            # Whoever wrote into the old one may have written since.
            if os.fstat(self._file).st_size > self._at:
                return
            if not self._whole:
                listener.tell(self.number, "d", b"\n")
            self._close()  # `begin` opens the new one, from its beginning

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    close = _close


def same(file: int, place: Dict[str, int]) -> bool:
    about = os.fstat(file)
    if (about.st_dev, about.st_ino) != (place["device"], place["inode"]):
        return False
    # An inode may be used again.
    head = os.pread(file, place["head"], 0)
    return about.st_size >= place["at"] and zlib.crc32(head) == place["crc"]


def tail_of(file: int, lines: Optional[int], most: int) -> int:
    """Where the last `lines` begin, `most` bytes before the end at the earliest."""
    size = os.fstat(file).st_size
    if lines == 0:
        return size
    earliest = max(0, size - most)
    # The end of the last line is no line's beginning.
    at = size - 1 if size and os.pread(file, 1, size - 1) == b"\n" else size
    left = lines
    while left is not None and at > earliest:
        block = min(65536, at - earliest)
        at -= block
        data = os.pread(file, block, at)
        end = len(data)
        while True:
            end = data.rfind(b"\n", 0, end)
            if end < 0:
                break
            left -= 1
            if left == 0:
                return at + end + 1
    if earliest:
        # In the middle of a line, most likely.
        data = os.pread(file, 65536, earliest)
        end = data.find(b"\n")
        return earliest + end + 1 if end >= 0 else earliest
    return 0


def follow(wanted: List[Dict[str, Any]], listener: Listener) -> None:
    logs = []  # type: List[Any]
    for number, one in enumerate(wanted):
        logs.append((File if "path" in one else Journal)(number, one))
    try:
        while not all(log.ended for log in logs):
            listener.check()
            busy = False
            waiting = {}
            for log in logs:
                log.begin(listener)
                if log.ended or log.number in listener.paused:
                    continue
                if isinstance(log, File):
                    busy = log.read(listener) or busy
                elif log.fileno() >= 0:
                    waiting[log.fileno()] = log
            listener.answer()
            readable, _, _ = select.select([STDIN, *waiting], [], [], 0 if busy else POLL_S)
            for number in readable:
                if number == STDIN:
                    listener.hear()
                else:
                    waiting[number].read(listener)
            listener.answer()
    finally:
        for log in logs:
            log.close()


def main() -> None:
    parameters = json.loads(base64.b64decode(sys.argv[2]).decode())
    listener = Listener()
    try:
        listener.tell(-1, "b", parameters["nonce"].encode())
        # The first sign of life tells the clocks apart, and the zone, before the first line.
        if select.select([STDIN], [], [], 1.0)[0]:
            listener.hear()
            listener.answer()
        follow(parameters["logs"], listener)
        listener.tell(-1, "q", b"")
    except (NobodyListens, KeyboardInterrupt):
        pass


main()
