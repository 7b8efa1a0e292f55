"""One nginx, Caddy or HAProxy with many TLS ports, each with a certificate of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eloquence_ops.lab.services.certificates import IssuedCertificate
from tests.real import require

# Below those that this machine's own connections take (net.ipv4.ip_local_port_range).
_PORTS: Final = range(20_000, 32_000)
_STARTING_S: Final = 20.0
_ENDING_S: Final = 5.0

# Debian's OpenSSL refuses to serve what is too weak or too old to be served.
_LAX: Final = """\
openssl_conf = whole
[whole]
ssl_conf = modules
[modules]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = DEFAULT:@SECLEVEL=0
"""


@dataclass(frozen=True)
class Manner:
    """How a port is served besides its certificates, in each server's own words; None where that
    server cannot. HAProxy's are those of its `bind` line."""

    nginx: str | None = ""
    caddy: str | None = ""
    haproxy: str | None = ""
    plain: bool = False
    haproxy_mode: str = "http"

    @property
    def servers(self) -> tuple[str, ...]:
        words = {"nginx": self.nginx, "caddy": self.caddy, "haproxy": self.haproxy}
        return tuple(name for name, said in words.items() if said is not None)


@dataclass(frozen=True)
class End:
    """A port at one or more addresses of this machine.

    `name` is the site's. `upstream` is the port of what stands behind it.
    """

    name: str
    port: int
    at: tuple[str, ...]
    certificates: tuple[IssuedCertificate, ...]
    manner: Manner
    upstream: int


Serving = Callable[[Path, Sequence[End]], contextlib.AbstractContextManager[None]]


def free_ports(count: int) -> list[int]:
    """So many ports, free at this moment over IPv4 and IPv6, and this process alone takes them."""
    return list(itertools.islice(filter(_is_free, _OWN), count))


def _own() -> Iterator[int]:
    """Ports that no other process takes from here: two that start servers at once would otherwise
    choose the same one now and then, and HAProxy shares a port with whoever has it."""
    blocks = range(_PORTS.start, _PORTS.stop, _BLOCK)
    for first in random.sample(blocks, len(blocks)):
        guard = socket.socket(socket.AF_UNIX)
        try:
            guard.bind(f"\0eloquence-tests-ports-{first}")  # abstract: gone with the process
        except OSError:
            guard.close()
            continue
        _GUARDS.append(guard)
        yield from range(first, first + _BLOCK)


_BLOCK: Final = 100
_GUARDS: Final[list[socket.socket]] = []
_OWN: Final = _own()


def _is_free(port: int) -> bool:
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with socket.socket(family) as tried:
            try:
                tried.bind((host, port))
            except OSError:
                return False
    return True


@contextlib.contextmanager
def running(
    command: Sequence[str], places: Sequence[tuple[str, int]], environ: Mapping[str, str], log: Path
) -> Iterator[None]:
    """A server until the end of the block, entered when every place accepts connections."""
    with log.open("wb") as written:
        process = subprocess.Popen(
            list(command),
            env=os.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _STARTING_S
        for place in places:
            while not _accepts(place):
                said = log.read_text(errors="replace")[-2000:]
                assert process.poll() is None, f"{command[0]} ended while starting: {said}"
                assert time.monotonic() < deadline, f"nobody listens at {place}: {said}"
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_ENDING_S)


def _accepts(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, 1):
        return True
    return False


@contextlib.contextmanager
def nginx(folder: Path, ends: Sequence[End]) -> Iterator[None]:
    folder.chmod(0o755)  # its workers are another user
    conf = folder / "nginx.conf"
    servers = "".join(map(_nginx_server, ends))
    conf.write_text(_NGINX.format(folder=folder, servers=servers), encoding="utf-8")
    command = [require("nginx"), "-c", str(conf), "-g", "daemon off;"]
    with running(command, _places(ends), _lax(folder), folder / "nginx.log"):
        yield


_NGINX: Final = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  server_names_hash_bucket_size 256;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
{servers}
}}
"""


def _nginx_server(end: End) -> str:
    tls = "" if end.manner.plain else " ssl"
    listens = "".join(f"    listen {_bracketed(at)}:{end.port}{tls};\n" for at in end.at)
    shown = "".join(
        f"    ssl_certificate {one.chain_path};\n    ssl_certificate_key {one.key_path};\n"
        for one in end.certificates
    )
    return f"""
  server {{
{listens}    server_name {end.name};
{"" if end.manner.plain else shown}    {end.manner.nginx}
    location / {{
      proxy_pass http://127.0.0.1:{end.upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
"""


@contextlib.contextmanager
def caddy(folder: Path, ends: Sequence[End]) -> Iterator[None]:
    conf = folder / "Caddyfile"
    head = "{\n  admin off\n  auto_https off\n  servers {\n    protocols h1 h2\n  }\n}\n"
    conf.write_text(head + "".join(map(_caddy_site, ends)), encoding="utf-8")
    command = [require("caddy"), "run", "--config", str(conf), "--adapter", "caddyfile"]
    with running(command, _places(ends), {"HOME": str(folder)}, folder / "caddy.log"):
        yield


def _caddy_site(end: End) -> str:
    scheme = "http" if end.manner.plain else "https"
    shown = "".join(
        f"  tls {one.chain_path} {one.key_path} {{\n{end.manner.caddy}\n  }}\n"
        for one in end.certificates
    )
    # A site has addresses of its own; where two differ they are two sites with one name and port.
    return f"""
{scheme}://{end.name}:{end.port} {{
  bind {" ".join(end.at)}
{"" if end.manner.plain else shown}  reverse_proxy 127.0.0.1:{end.upstream}
}}
"""


@contextlib.contextmanager
def haproxy(folder: Path, ends: Sequence[End]) -> Iterator[None]:
    conf = folder / "haproxy.cfg"
    parts = [_haproxy_frontend(folder, number, end) for number, end in enumerate(ends)]
    conf.write_text(_HAPROXY + "".join(parts), encoding="utf-8")
    command = [require("haproxy"), "-db", "-f", str(conf)]
    with running(command, _places(ends), _lax(folder), folder / "haproxy.log"):
        yield


_HAPROXY: Final = """
global
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
"""


def _haproxy_frontend(folder: Path, number: int, end: End) -> str:
    shown = ""
    for place, one in enumerate(end.certificates):
        pem = folder / f"haproxy-{number}-{place}.pem"
        pem.write_bytes(one.chain_path.read_bytes() + one.key_path.read_bytes())
        # What is to be stapled lies beside the certificate, under the same name.
        staple = one.chain_path.with_suffix(".ocsp")
        if staple.exists():
            Path(f"{pem}.ocsp").write_bytes(staple.read_bytes())
            Path(f"{pem}.issuer").write_bytes(staple.with_suffix(".issuer").read_bytes())
        shown += f" crt {pem}"
    words = end.manner.haproxy or ""
    alpn = "" if "alpn" in words else " alpn h2,http/1.1"
    tls = "" if end.manner.plain else f" ssl{shown}{alpn} {words}"
    binds = "".join(f"  bind {at}:{end.port}{tls}\n" for at in end.at)
    return f"""
frontend f{number}
  mode {end.manner.haproxy_mode}
{binds}  default_backend b{number}
backend b{number}
  mode {end.manner.haproxy_mode}
  server s 127.0.0.1:{end.upstream}
"""


SERVERS: Final[dict[str, Serving]] = {"nginx": nginx, "caddy": caddy, "haproxy": haproxy}


def _places(ends: Sequence[End]) -> list[tuple[str, int]]:
    return [(at, end.port) for end in ends for at in end.at]


def _bracketed(at: str) -> str:
    return f"[{at}]" if ":" in at else at


def _lax(folder: Path) -> dict[str, str]:
    conf = folder / "openssl.cnf"
    conf.write_text(_LAX, encoding="utf-8")
    return {"OPENSSL_CONF": str(conf)}
