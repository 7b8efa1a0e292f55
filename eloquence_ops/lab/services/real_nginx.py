"""The real nginx as the lab's proxy, where this machine has one: the same behaviour as `Proxy`."""

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.lab.services.listening import listening_socket
from eloquence_ops.lab.services.programs import program, said
from eloquence_ops.lab.services.proxy import ProxyBehaviour

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Nginx:
    """A program of this machine, and its version (`1.22.1`)."""

    path: str
    version: str


async def find_nginx() -> Nginx | None:
    """The one on PATH."""
    path = shutil.which("nginx", path=_search_path())
    if path is None:
        return None
    version = re.search(r"nginx/([0-9.]+)", await said(path, "-v"))
    return Nginx(path, version[1]) if version else None


@contextlib.asynccontextmanager
async def real_nginx(
    nginx: Nginx, folder: Path, behaviour: ProxyBehaviour, certificate: Path, key: Path
) -> AsyncIterator[int]:
    """Its port on loopback, with TLS, once it accepts connections. Raises `NotStarted`.

    It has no clock of its own: `behaviour.clock_s` is left out.
    """
    with listening_socket() as free:
        port: int = free.getsockname()[1]
    own = folder / "nginx"
    own.mkdir()
    file = own / "nginx.conf"
    file.write_text(configuration(behaviour, port, certificate, key, own), encoding="utf-8")

    async def accepts() -> bool:
        _, writer = await asyncio.open_connection(_LOOPBACK, port)
        writer.close()
        return True

    command = [nginx.path, "-e", str(own / "error.log"), "-p", str(own), "-c", str(file)]
    async with program(command, until=accepts, log=own / "output"):
        yield port


def configuration(
    behaviour: ProxyBehaviour, port: int, certificate: Path, key: Path, folder: Path
) -> str:
    """nginx.conf in one process, which needs no user of its own and ends at once."""
    hosts = behaviour.routes.keys() | behaviour.deny | behaviour.redirect.keys() | behaviour.loop
    servers = "".join(_server(behaviour, host, port) for host in sorted(hosts))
    return _MAIN.format(
        folder=folder,
        certificate=certificate,
        key=key,
        port=port,
        body=behaviour.max_body_bytes,
        connect=_seconds(behaviour.connect_timeout_s),
        read=_seconds(behaviour.read_timeout_s),
        servers=servers,
    )


_MAIN: Final = """\
daemon off;
master_process off;
pid "{folder}/nginx.pid";
events {{}}
http {{
  access_log off;
  client_body_temp_path "{folder}/body";
  proxy_temp_path "{folder}/proxy";
  fastcgi_temp_path "{folder}/fastcgi";
  uwsgi_temp_path "{folder}/uwsgi";
  scgi_temp_path "{folder}/scgi";
  server_names_hash_bucket_size 128;
  ssl_certificate "{certificate}";
  ssl_certificate_key "{key}";
  ssl_ciphers DEFAULT:@SECLEVEL=0;
  client_max_body_size {body};
  proxy_connect_timeout {connect};
  proxy_read_timeout {read};
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl default_server;
    return 404;
  }}
{servers}}}
"""
_UPGRADES: Final = """\
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
"""


def _server(behaviour: ProxyBehaviour, host: str, port: int) -> str:
    if elsewhere := behaviour.redirect.get(host):
        rules = f"    return 301 {elsewhere}$request_uri;\n"
    elif host in behaviour.loop:
        rules = "    return 301 $scheme://$http_host$request_uri;\n"
    elif host in behaviour.deny:
        rules = "    location / { deny all; }\n"
    else:
        passes = _passes(behaviour, host)
        only = behaviour.only.get(host)
        wanted = ["/"] if only is None else [f"= {path}" for path in sorted(only)]
        rules = "".join(f"    location {place} {{\n{passes}    }}\n" for place in wanted)
        rules += "" if only is None else "    location / { return 404; }\n"
    return (
        f"  server {{\n    listen {_LOOPBACK}:{port} ssl;\n    server_name {host};\n{rules}  }}\n"
    )


def _passes(behaviour: ProxyBehaviour, host: str) -> str:
    to, port = behaviour.routes[host]
    return (
        f"      proxy_pass http://{to}:{port};\n"
        "      proxy_http_version 1.1;\n"
        "      proxy_set_header Host $host;\n"
        "      proxy_set_header X-Real-IP $remote_addr;\n"
        "      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
        "      proxy_set_header X-Forwarded-Proto $scheme;\n"
        f"{'' if behaviour.drop_upgrade else _UPGRADES}"
    )


def _seconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _search_path() -> str:
    """Debian keeps it where only root looks."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
