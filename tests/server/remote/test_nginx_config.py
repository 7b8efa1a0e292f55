"""nginx's configuration, read off the disk."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.server.remote import nginx_config
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.reading import Unreadable
from tests.real import require
from tests.server.remote import recorded


def sites(text: str) -> list[dict[str, object]]:
    return nginx_config.sites(nginx_config.parse(f"http {{\n{text}\n}}"))


def location(inside: str, around: str = "") -> dict[str, object]:
    (site,) = sites(f"{around} server {{ location / {{ {inside} }} }}")
    assert isinstance(site["locations"], list)
    found: dict[str, object] = site["locations"][0]
    return found


def test_the_site_of_a_healthy_server() -> None:
    livekit, api = sites(recorded.text("nginx-site.conf"))
    assert livekit["names"] == ["livekit.xn--loquence-90a.com"]
    assert livekit["listens"] == ["443 ssl http2", "[::]:443 ssl http2"]
    assert livekit["tls"] is True
    assert livekit["certificates"] == ["/etc/ssl/elo/fullchain.pem"]
    assert livekit["locations"] == [
        {
            "path": "/",
            "line": 10,
            "proxy_pass": "http://livekit",
            "upstreams": ["127.0.0.1:7880"],
            "upgrade": True,
            "http_version": "1.1",
            "read_timeout_s": 3600.0,
            "denies": False,
        }
    ]
    assert isinstance(api["locations"], list)
    assert [(entry["path"], entry["upgrade"]) for entry in api["locations"]] == [
        ("/api/", False),
        ("/", False),
    ]
    assert api["locations"][1]["read_timeout_s"] == 120


@pytest.mark.parametrize(
    ("inside", "around", "upgrade"),
    [
        ("proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;", "", True),
        (
            "proxy_set_header upgrade $http_upgrade; proxy_set_header connection 'Upgrade';",
            "",
            True,
        ),
        ("proxy_set_header Upgrade $http_upgrade;", "", False),
        ("", "proxy_set_header Upgrade $u; proxy_set_header Connection $c;", True),
        # One header of its own, and those of the level above are not inherited.
        (
            "proxy_set_header Host $host;",
            "proxy_set_header Upgrade $u; proxy_set_header Connection $c;",
            False,
        ),
        ("proxy_set_header Upgrade ''; proxy_set_header Connection close;", "", False),
        # How keepalive to an upstream is written.
        ('proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "";', "", False),
        ("proxy_set_header Upgrade $u; proxy_set_header Connection keep-alive;", "", False),
        (
            "proxy_set_header Upgrade $u; proxy_set_header Connection 'keep-alive, Upgrade';",
            "",
            True,
        ),
        ("", "", False),
    ],
)
def test_whether_websockets_pass(inside: str, around: str, upgrade: bool) -> None:
    assert location(inside, around)["upgrade"] is upgrade


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("60", 60), ("60s", 60), ("2m", 120), ("1h30m", 5400), ("1h 30m", 5400), ("500ms", 0.5)],
)
def test_a_time(value: str, seconds: float) -> None:
    assert location(f'proxy_read_timeout "{value}";')["read_timeout_s"] == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b c;", ["a", "b", "c"]),
        ("a \"b c\" 'd;}' e;", ["a", "b c", "d;}", "e"]),
        ("a ${b}c;", ["a", "${b}c"]),
        ("a b#c;", ["a", "b#c"]),
        ("a # b\n c;", ["a", "c"]),
        (r"a \;b;", ["a", r"\;b"]),
        ("a ~* \\.(js|css)$;", ["a", "~*", r"\.(js|css)$"]),
        ("a '';", ["a", ""]),
    ],
)
def test_the_words_of_a_directive(text: str, words: list[str]) -> None:
    (entry,) = nginx_config.parse(text)
    assert [entry.name, *entry.arguments] == words


@pytest.mark.parametrize("text", ["a {", "a;}", "a", 'a "b', "}", "a { b; }}"])
def test_what_nginx_would_not_start_with_is_not_understood(text: str) -> None:
    with pytest.raises(Unreadable):
        nginx_config.parse(text)


@given(st.text(alphabet="ab{};#\"'\\$ \n", max_size=200))
def test_nothing_makes_it_raise_anything_else(text: str) -> None:
    with contextlib.suppress(Unreadable):
        nginx_config.sites(nginx_config.parse(text))


def test_includes_are_followed_and_a_circle_ends(tmp_path: Path) -> None:
    main = tmp_path / "nginx.conf"
    (tmp_path / "sites").mkdir()
    main.write_text("include circle.conf; http { include sites/*; include gone.conf; }")
    (tmp_path / "circle.conf").write_text("include circle.conf;")
    (tmp_path / "sites" / "a").write_text("server { server_name a; }")
    (tmp_path / "sites" / "b").write_text("server { server_name b; }")
    gaps = Gaps()
    directives, files = nginx_config.load(str(main), gaps)
    assert [site["names"] for site in nginx_config.sites(directives)] == [["a"], ["b"]]
    assert str(tmp_path / "sites" / "b") in files
    assert {entry["reason"] for entry in gaps.entries} == {"not-found", "too-large"}


def test_nginx_itself_reads_the_same_files(tmp_path: Path) -> None:
    """`nginx -T` writes and binds, so it is asked only here, with everything led into a folder."""
    nginx = require("nginx")
    (tmp_path / "sites").mkdir()
    (tmp_path / "logs").mkdir()
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
        f" fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u;"
        f" scgi_temp_path {tmp_path}/s;"
        " include sites/*; }\n"
    )
    (tmp_path / "sites" / "one").write_text(
        "server { listen 127.0.0.1:18999; server_name 'a b' c; # }\n location ~ \\.(js|css)$ {} }"
    )
    done = subprocess.run(
        [nginx, "-T", "-q", "-p", tmp_path, "-c", main],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    directives, files = nginx_config.load(str(main), Gaps())
    assert done.returncode == 0, done.stderr
    dumped = [
        line.removeprefix("# configuration file ").rstrip(":")
        for line in done.stdout.splitlines()
        if line.startswith("# configuration file ")
    ]
    assert sorted(dumped) == sorted(files)
    assert nginx_config.sites(directives)[0]["names"] == ["a b", "c"]
