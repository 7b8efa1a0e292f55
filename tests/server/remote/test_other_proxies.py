"""Caddy's and HAProxy's files."""

from __future__ import annotations

from eloquence_ops.server.remote import other_proxies

CADDY = """\
{
    email a@example.com
}
(snippet) {
    header X 1
}
api.example.com, www.example.com {
    reverse_proxy /api/* 127.0.0.1:8083
    tls /etc/a.pem /etc/a.key
}
livekit.example.com {
    handle {
        reverse_proxy {
            to 127.0.0.1:7880 127.0.0.1:7890  # two
        }
    }
}
"""
HAPROXY = """\
global
    log /dev/log local0
defaults
    timeout server 30s
frontend tls
    bind *:443 ssl crt /etc/haproxy/a.pem crt /etc/haproxy/b.pem alpn h2
    default_backend livekit
backend livekit
    timeout tunnel 1h
    server lk1 127.0.0.1:7880 check
"""


def test_a_caddyfile() -> None:
    api, livekit = other_proxies.caddy_sites(CADDY, "Caddyfile")
    assert api["names"] == ["api.example.com", "www.example.com"]
    assert api["certificates"] == ["/etc/a.pem"]
    assert api["line"] == 7
    assert isinstance(api["locations"], list)
    assert isinstance(livekit["locations"], list)
    assert (api["locations"][0]["path"], api["locations"][0]["upstreams"]) == (
        "/api/*",
        ["127.0.0.1:8083"],
    )
    assert livekit["locations"][0]["upstreams"] == ["127.0.0.1:7880", "127.0.0.1:7890"]


def test_a_configuration_of_haproxy() -> None:
    frontend, backend = other_proxies.haproxy_sites(HAPROXY, "haproxy.cfg")
    assert frontend["names"] == ["frontend", "tls"]
    assert frontend["tls"] is True
    assert frontend["certificates"] == ["/etc/haproxy/a.pem", "/etc/haproxy/b.pem"]
    assert backend["redirects"] == ["timeout tunnel 1h"]
    assert isinstance(backend["locations"], list)
    assert backend["locations"][0]["upstreams"] == ["127.0.0.1:7880"]


def test_where_caddy_writes_its_accesses() -> None:
    text = """
api.test {
  log {
    output file /var/log/caddy/api.log {
      roll_size 1gb
    }
  }
  reverse_proxy 127.0.0.1:8083
}
x.test {
  log
}
"""
    assert other_proxies.caddy_logs(text) == ["/var/log/caddy/api.log"]
