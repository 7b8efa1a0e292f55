"""A site that has nothing to do with Eloquence: what a proxy's default site looks like."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works.</body></html>"
)


async def _welcome(_request: Request) -> HTMLResponse:
    return HTMLResponse(_PAGE)


def build_other_site() -> Starlette:
    """`GET /` is a page; anything else is a 404."""
    return Starlette(routes=[Route("/", _welcome)])
