"""Real reverse proxies with TLS on a port of loopback: nginx, Caddy and HAProxy, as packaged."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.endpoints import a_label
from eloquence_ops.lab.services.certificates import IssuedCertificate
from tests.real import require

_STARTING_S: Final = 20.0
_ENDING_S: Final = 5.0


@dataclass(frozen=True)
class Site:
    """One name and the port behind it.

    `prefix` (`/backend`) is the only path that is passed on, and is taken away where `strips`.
    `plain_upstream`: nginx as it comes, which speaks HTTP/1.0 to what is behind it and closes;
    Caddy and HAProxy told to take the Upgrade off.
    """

    name: str
    upstream: int
    prefix: str = ""
    strips: bool = True
    plain_upstream: bool = False


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host, 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: Sequence[str], port: int, *, home: Path | None = None) -> Iterator[None]:
    """A server until the end of the block, entered when its port accepts connections."""
    environ = dict(os.environ) | ({"HOME": str(home)} if home else {})
    process = subprocess.Popen(
        list(command), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _STARTING_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{command[0]} ended while starting"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:  # LiveKit waits for its participants
            process.kill()
            process.wait(_ENDING_S)


@contextlib.contextmanager
def nginx(folder: Path, certificate: IssuedCertificate, sites: Sequence[Site]) -> Iterator[int]:
    """nginx in front of `sites`; yields its port."""
    program, port = require("nginx"), free_port()
    folder.chmod(0o755)  # its workers are another user
    conf = folder / "nginx.conf"
    servers = "".join(_nginx_server(site, certificate, port) for site in sites)
    conf.write_text(_NGINX.format(folder=folder, servers=servers), encoding="utf-8")
    with running([program, "-c", str(conf), "-g", "daemon off;"], port):
        yield port


_NGINX: Final = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
{servers}
}}
"""
_NGINX_UPGRADES: Final = """
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;"""


def _nginx_server(site: Site, certificate: IssuedCertificate, port: int) -> str:
    # With a path in proxy_pass nginx puts it in the place of the location's.
    end = "/" if site.prefix and site.strips else ""
    return f"""
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {a_label(site.name)};
    ssl_certificate {certificate.chain_path};
    ssl_certificate_key {certificate.key_path};
    location {site.prefix}/ {{
      proxy_pass http://127.0.0.1:{site.upstream}{end};
      proxy_set_header Host $host;{"" if site.plain_upstream else _NGINX_UPGRADES}
    }}
  }}
"""


@contextlib.contextmanager
def caddy(folder: Path, certificate: IssuedCertificate, sites: Sequence[Site]) -> Iterator[int]:
    """Caddy in front of `sites`; yields its port."""
    program, port = require("caddy"), free_port()
    conf = folder / "Caddyfile"
    conf.write_text(
        "{\n  admin off\n  auto_https off\n  servers {\n    protocols h1 h2\n  }\n}\n"
        + "".join(_caddy_site(site, certificate, port) for site in sites),
        encoding="utf-8",
    )
    command = [program, "run", "--config", str(conf), "--adapter", "caddyfile"]
    with running(command, port, home=folder):
        yield port


def _caddy_site(site: Site, certificate: IssuedCertificate, port: int) -> str:
    return f"""
https://{a_label(site.name)}:{port} {{
  bind 127.0.0.1
  tls {certificate.chain_path} {certificate.key_path}
  reverse_proxy 127.0.0.1:{site.upstream}{_CADDY_DROPS if site.plain_upstream else ""}
}}
"""


_CADDY_DROPS: Final = " {\n    header_up -Upgrade\n    header_up -Connection\n  }"


@contextlib.contextmanager
def haproxy(folder: Path, certificate: IssuedCertificate, sites: Sequence[Site]) -> Iterator[int]:
    """HAProxy in front of `sites`; yields its port."""
    program, port = require("haproxy"), free_port()
    pem, conf = folder / "haproxy.pem", folder / "haproxy.cfg"
    pem.write_bytes(certificate.chain_path.read_bytes() + certificate.key_path.read_bytes())
    rules = "\n".join(
        f"  use_backend b{number} if {{ req.hdr(host),field(1,:) -i {a_label(site.name)} }}"
        for number, site in enumerate(sites)
    )
    backends = "".join(
        f"backend b{number}\n{_HAPROXY_DROPS if site.plain_upstream else ''}"
        f"  server s 127.0.0.1:{site.upstream}\n"
        for number, site in enumerate(sites)
    )
    conf.write_text(_HAPROXY.format(port=port, pem=pem, rules=rules, backends=backends))
    with running([program, "-db", "-f", str(conf)], port):
        yield port


_HAPROXY_DROPS: Final = "  http-request del-header Upgrade\n"
_HAPROXY: Final = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
frontend tls
  bind 127.0.0.1:{port} ssl crt {pem} alpn h2,http/1.1
{rules}
{backends}
"""

Front = Callable[[Path, IssuedCertificate, Sequence[Site]], contextlib.AbstractContextManager[int]]
PROXIES: Final[dict[str, Front]] = {"nginx": nginx, "caddy": caddy, "haproxy": haproxy}
