"""HTTP/1.1 heads as nginx reads and writes them: pure, bytes in, bytes out.

Which requests are refused, with what, and the order of the headers in an answer: nginx 1.22.1,
measured. Framing: RFC 9112, section 6.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from eloquence_ops.lab.services.nginx_pages import SERVER, date

# nginx's large_client_header_buffers: 4 of 8 KiB; a single line must fit into one.
MAX_LINE_BYTES = 8 * 1024
MAX_HEAD_BYTES = 32 * 1024

_REQUEST_LINE = re.compile(r"([A-Z_-]+) ([^ ]+) HTTP/(\d)\.(\d)")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] (\d{3})(?: (.*))?")
_HEADER = re.compile(r"([^\x00-\x20:]+):(.*)")
_ABSOLUTE = re.compile(r"https?://([^/?#]+)(.*)", re.IGNORECASE)

# What concerns one hop only, or what nginx writes itself.
_NOT_FORWARDED = frozenset(
    {"host", "connection", "upgrade", "keep-alive", "te", "trailer", "expect"}
    | {"transfer-encoding", "content-length", "proxy-connection"}
    | {"x-real-ip", "x-forwarded-for", "x-forwarded-proto"}
)
_NOT_RETURNED = frozenset(
    {"server", "date", "connection", "keep-alive", "transfer-encoding", "content-length"}
    | {"content-type", "upgrade", "x-pad"}
)


class Refused(Exception):
    """A request that nginx answers itself: the status, and the second line of its page."""

    def __init__(self, status: int, detail: str = "") -> None:
        super().__init__(f"{status} {detail}".rstrip())
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Framing:
    """Where a body ends: it is absent, counted in bytes, chunked, or ends with the connection."""

    kind: Literal["none", "length", "chunked", "close"]
    length: int = 0


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in their order, names as sent."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The values of one field, by its lower-case name."""
        return [value for key, value in self.fields if key.lower() == name]

    def first(self, name: str) -> str | None:
        """The first value of one field, if there is one."""
        return next(iter(self.all(name)), None)

    def tokens(self, name: str) -> set[str]:
        """The comma-separated words of a field, in lower case."""
        return {word.strip().lower() for value in self.all(name) for word in value.split(",")}


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. `host` is lower case, without port and trailing dot; "" when absent."""

    method: str
    target: str
    http11: bool
    host: str
    headers: Headers
    framing: Framing

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to go on with this connection."""
        words = self.headers.tokens("connection")
        return "close" not in words if self.http11 else "keep-alive" in words

    @property
    def upgrade(self) -> str | None:
        """The protocol that the client wants to change to.

        As `$http_upgrade`, which does not look whether Connection says so too.
        """
        return self.headers.first("upgrade")


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an upstream's answer."""

    status: int
    reason: str
    headers: Headers


def parse_request(head: bytes) -> Request:
    """Read a request's head, blank line included.

    Raises:
        Refused: with nginx's status for what is wrong with it.
    """
    first, *lines = re.split("\r?\n", head.decode("latin-1").rstrip("\r\n"))
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise Refused(400)
    method, target, major, minor = match.groups()
    if major != "1":
        raise Refused(505)
    headers = _parse_headers(lines, Refused(400))
    hosts = headers.all("host")
    if len(hosts) > 1 or (minor != "0" and not hosts):
        raise Refused(400)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        host, target = absolute[1], absolute[2] or "/"
    else:
        host = hosts[0] if hosts else ""
        if not target.startswith("/"):
            raise Refused(400)
    if method == "TRACE":
        raise Refused(405)
    return Request(
        method, target, minor != "0", _bare_host(host), headers, _request_framing(headers)
    )


def parse_reply(head: bytes) -> Reply:
    """Read the head of an upstream's answer.

    Raises:
        ValueError: it is none.
    """
    first, *lines = re.split("\r?\n", head.decode("latin-1").rstrip("\r\n"))
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise ValueError("not a status line")
    return Reply(int(match[1]), match[2] or "", _parse_headers(lines, ValueError("invalid header")))


def reply_framing(reply: Reply, method: str) -> Framing:
    """How an answer's body ends.

    Raises:
        ValueError: the length is not a number.
    """
    if method == "HEAD" or reply.status in (204, 304) or reply.status < 200:
        return Framing("none")
    if "chunked" in reply.headers.tokens("transfer-encoding"):
        return Framing("chunked")
    length = reply.headers.first("content-length")
    if length is None:
        return Framing("close")
    return Framing("length", _length(length))


def forwarded_request(
    request: Request, client_address: str, scheme: str, *, pass_upgrade: bool
) -> bytes:
    """The head that goes upstream.

    As the usual site does it: `Host $host`, `X-Real-IP`, `X-Forwarded-For` appended to what the
    client sent, `X-Forwarded-Proto`, and the two Upgrade lines if they are configured.
    """
    chain = [*request.headers.all("x-forwarded-for"), client_address]
    fields = [
        ("Host", request.host),
        ("X-Real-IP", client_address),
        ("X-Forwarded-For", ", ".join(chain)),
        ("X-Forwarded-Proto", scheme),
    ]
    if pass_upgrade and request.upgrade is not None:
        fields += [("Upgrade", request.upgrade), ("Connection", "upgrade")]
    else:
        fields.append(("Connection", "close"))
    if request.framing.kind == "length":
        fields.append(("Content-Length", str(request.framing.length)))
    elif request.framing.kind == "chunked":
        fields.append(("Transfer-Encoding", "chunked"))
    fields += _kept(request.headers, lambda name: name in _NOT_FORWARDED)
    return _head(f"{request.method} {request.target} HTTP/1.1", fields)


def returned_reply(
    reply: Reply, framing: Framing, *, keep_alive: bool, ahead_s: float = 0.0
) -> bytes:
    """The head that goes back to the client: nginx's Server and Date replace the upstream's.

    `ahead_s`: by how much the proxy's clock is ahead.
    """
    fields = [("Server", SERVER), ("Date", date(ahead_s))]
    fields += _selected(reply.headers, "content-type")
    if framing.kind == "length":
        fields.append(("Content-Length", str(framing.length)))
    elif framing.kind == "none":
        # To a HEAD request, and with 304: the length that the body would have.
        fields += _selected(reply.headers, "content-length")
    if framing.kind == "chunked":
        fields.append(("Transfer-Encoding", "chunked"))
    if reply.status == 101:
        fields.append(("Connection", "upgrade"))
        fields += _selected(reply.headers, "upgrade")
    else:
        fields.append(("Connection", "keep-alive" if keep_alive else "close"))
    fields += _kept(
        reply.headers, lambda name: name in _NOT_RETURNED or name.startswith("x-accel-")
    )
    return _head(f"HTTP/1.1 {reply.status} {reply.reason}".rstrip(), fields)


def _parse_headers(lines: list[str], fault: Exception) -> Headers:
    fields = []
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is not None:
            fields.append((match[1], match[2].strip(" \t")))
        elif re.search(r"[\x00-\x20:]", line):
            # One word without a colon is merely ignored (measured).
            raise fault
    return Headers(tuple(fields))


def _bare_host(host: str) -> str:
    name = host if host.endswith("]") else re.sub(r":\d*$", "", host)
    return name.lower().removesuffix(".")


def _request_framing(headers: Headers) -> Framing:
    lengths = headers.all("content-length")
    encodings = headers.all("transfer-encoding")
    if len(lengths) > 1 or (lengths and encodings):
        raise Refused(400)
    if encodings:
        if [encoding.lower() for encoding in encodings] != ["chunked"]:
            raise Refused(501)
        return Framing("chunked")
    if not lengths:
        return Framing("none")
    try:
        return Framing("length", _length(lengths[0]))
    except ValueError:
        raise Refused(400) from None


def _length(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError("not a content length")
    return int(text)


def _kept(headers: Headers, dropped: Callable[[str], bool]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.fields if not dropped(name.lower())]


def _selected(headers: Headers, name: str) -> list[tuple[str, str]]:
    value = headers.first(name)
    return [] if value is None else [(name.title(), value)]


def _head(first: str, fields: list[tuple[str, str]]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
