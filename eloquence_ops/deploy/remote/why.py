"""Why something did not go: what the client is told, and makes sentences and causes of."""

from __future__ import annotations

import errno

MOST_LINES = 20
LONGEST_LINE = 400
LONGEST_BODY = 600


class Failed(Exception):
    """A step that failed; see `Why` of the client for the kinds."""

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        status: int | None = None,
        path: str = "",
        body: str = "",
        lines: list[str] | None = None,
    ) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.status = status
        self.path = path
        self.body = body[:LONGEST_BODY]
        self.lines = [line[:LONGEST_LINE] for line in (lines or [])[-MOST_LINES:]]

    def described(self, step: str) -> dict[str, object]:
        return {
            "step": step,
            "kind": self.kind,
            "status": self.status,
            "path": self.path,
            "body": self.body,
            "lines": self.lines,
            "detail": self.detail[:600],
        }


_OF_THE_DISK = {errno.ENOSPC: "disk", errno.EDQUOT: "disk", errno.EROFS: "read-only"}


def of_system(error: OSError) -> Failed:
    """A full or read-only disk is told apart from everything else that files can do."""
    kind = _OF_THE_DISK.get(error.errno or 0, "files")
    name = errno.errorcode.get(error.errno or 0, "")
    said = error.strerror or str(error)
    return Failed(kind, "{} ({})".format(said, name), path=str(error.filename or ""))
