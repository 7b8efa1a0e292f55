"""What surrounds every answer of livekit-server: Go's request routing, and its CORS middleware.

livekit-server v1.13.5 (net/http of Go 1.26, rs/cors), measured.
"""

import posixpath
from urllib.parse import quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

_CORS_METHODS = ("OPTIONS", "HEAD", "GET", "POST", "PATCH", "DELETE")


def asked_path(connection: HTTPConnection) -> str:
    """The path that is routed."""
    path: str = connection.scope["path"]
    # livekit-server takes one of two leading slashes away: clients join URLs carelessly.
    return path[1:] if path.startswith("//") else path


def clean_path(path: str) -> str:
    """Go's ServeMux: no `.`, `..` or double slash; a slash at the end stays."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def redirect(connection: HTTPConnection, path: str) -> Response:
    """The 307 to a cleaned path, query kept."""
    query = connection.url.query
    target = quote(path) + (f"?{query}" if query else "")
    method = connection.scope.get("method", "GET")
    shown = target.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = shown.replace('"', "&#34;").replace("'", "&#39;")
    text = f'<a href="{shown}">Temporary Redirect</a>.\n\n' if method == "GET" else ""
    media_type = "text/html; charset=utf-8" if method in ("GET", "HEAD") else None
    return Response(text, 307, {"Location": target}, media_type=media_type)


def preflight(request: Request) -> Response | None:
    """The answer to a CORS preflight, which comes before any token is looked at."""
    asked = request.headers.get("access-control-request-method")
    if request.method != "OPTIONS" or not asked:
        return None
    headers = {
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }
    origin = request.headers.get("origin")
    if origin and asked.upper() in _CORS_METHODS:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Methods"] = asked.upper()
        headers["Access-Control-Max-Age"] = "86400"
        wanted = request.headers.get("access-control-request-headers")
        if wanted:
            headers["Access-Control-Allow-Headers"] = wanted
    return Response(status_code=204, headers=headers)


def cors_headers(connection: HTTPConnection, response: Response) -> None:
    """The headers that CORS adds to every answer."""
    headers = response.headers
    if "vary" in headers:
        return
    headers["Vary"] = "Origin"
    origin = connection.headers.get("origin")
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = "*"
    if asked_path(connection) in ("/rtc/validate", "/rtc/v1/validate"):
        headers["Access-Control-Allow-Origin"] = "*"
