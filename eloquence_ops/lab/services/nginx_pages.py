"""nginx's own pages, byte for byte (nginx 1.22.1 of Debian 12, measured)."""

import time
from email.utils import formatdate

SERVER = "nginx/1.22.1"

# nginx's wording, which is not always the registered one.
_TITLES = {
    301: "Moved Permanently",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Not Allowed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    501: "Not Implemented",
    502: "Bad Gateway",
    504: "Gateway Time-out",
    505: "HTTP Version Not Supported",
}


def date(ahead_s: float = 0.0) -> str:
    """The Date header of an answer made now, by a clock that is `ahead_s` seconds ahead."""
    return formatdate(time.time() + ahead_s, usegmt=True)


def page(
    status: int,
    *,
    keep_alive: bool,
    head_only: bool = False,
    detail: str = "",
    location: str = "",
) -> bytes:
    """A whole answer. `detail` is the second line that some 400s have, `location` a redirect's."""
    line = f"{status} {_TITLES[status]}"
    title = f"{status} {detail}" if detail else line
    explained = f"<center>{detail}</center>\r\n" if detail else ""
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{line}</h1></center>\r\n{explained}"
        f"<hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n"
    )
    connection = "keep-alive" if keep_alive else "close"
    head = (
        f"HTTP/1.1 {line}\r\nServer: {SERVER}\r\nDate: {date()}\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(body)}\r\nConnection: {connection}\r\n"
    )
    head += f"Location: {location}\r\n\r\n" if location else "\r\n"
    return (head + ("" if head_only else body)).encode("latin-1")
