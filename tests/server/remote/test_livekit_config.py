"""What livekit.yaml says, without its secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from eloquence_ops.server.remote import livekit_config, yaml_subset
from eloquence_ops.server.remote.gaps import Gaps
from eloquence_ops.server.remote.livekit_keys import SECTIONS
from eloquence_ops.server.remote.units import Unit
from tests.real import require

SECRET = "hidden-hidden-hidden-hidden-0123456789"


def facts(path: Path) -> tuple[dict[str, object], Gaps]:
    gaps = Gaps()
    return livekit_config.facts(str(path), gaps), gaps


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "livekit.yaml"


def test_settings_sections_and_key_lengths(file: Path) -> None:
    file.write_text(
        f"port: 7880\nrtc:\n  tcp_port: 7881\n  udp_port: 7882-7885\nkeys:\n  APIone: {SECRET}\n"
        "redis:\n  password: hunter22\n"
    )
    found, gaps = facts(file)
    assert found["settings"] == [
        {"name": "port", "value": 7880},
        {"name": "rtc.udp_port", "value": "7882-7885"},
        {"name": "rtc.tcp_port", "value": 7881},
    ]
    assert found["sections"] == ["keys", "port", "redis", "rtc"]
    assert found["unknown_keys"] == []
    assert found["keys"] == [{"name": "APIone", "secret_length": len(SECRET)}]
    assert gaps.entries == []
    assert SECRET not in repr(found)
    assert "hunter22" not in repr(found)


def test_keys_from_a_key_file(file: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"APItwo: {SECRET}\n")
    file.write_text(f"port: 7880\nkey_file: {keys}\n")
    assert facts(file)[0]["keys"] == [{"name": "APItwo", "secret_length": len(SECRET)}]


def test_keys_that_livekit_does_not_know(file: Path) -> None:
    file.write_text("prot: 7880\nrtc:\n  port_range_begin: 1\nturn:\n  port: 3478\n")
    assert facts(file)[0]["unknown_keys"] == [
        {"name": "prot", "line": 1},
        {"name": "rtc.port_range_begin", "line": None},
        {"name": "turn.port", "line": None},
    ]


def test_a_file_that_is_not_there(file: Path) -> None:
    found, gaps = facts(file)
    assert found == {"path": str(file), "exists": False}
    assert gaps.entries == []


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("/usr/bin/livekit-server --config /etc/lk/a.yaml", "/etc/lk/a.yaml"),
        ("/usr/bin/livekit-server --config=/etc/lk/a.yaml", "/etc/lk/a.yaml"),
        ("/usr/bin/livekit-server --config a.yaml", "/srv/a.yaml"),
        ("/usr/bin/livekit-server", "/etc/livekit.yaml"),
        ("/usr/bin/livekit-server --config", "/srv/"),
    ],
)
def test_where_the_unit_takes_it_from(command: str, path: str) -> None:
    start = f"{{ path=x ; argv[]={command} ; ignore_errors=no ; }}"
    unit = Unit({"ExecStart": start, "WorkingDirectory": "/srv"})
    assert livekit_config.path_of(unit) == path


def refuses(file: Path) -> str:
    """What the real LiveKit says of a configuration that keeps it from starting."""
    done = subprocess.run(
        [require("livekit-server"), "--config", file, "ports"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("section", SECTIONS)
def test_the_real_livekit_knows_the_same_keys(section: str, file: Path) -> None:
    """It names every key that it does not know; the made-up one shows that it looked."""
    indent, text = "", ""
    for part in section.split(".") if section else []:
        text += f"{indent}{part.replace('[]', '')}:\n"
        indent += "  "
    keys = [f"{name}:" for name in sorted(SECTIONS[section])] + ["made_up: 1"]
    if section.endswith("[]"):
        keys = [f"- {keys[0]}", *(f"  {key}" for key in keys[1:])]
    file.write_text(text + "".join(f"{indent}{key}\n" for key in keys))
    said = refuses(file)
    assert "field made_up not found" in said
    assert said.count("not found in type") == 1, said
    unknown = livekit_config.facts(str(file), Gaps())["unknown_keys"]
    assert isinstance(unknown, list)
    assert [entry["name"] for entry in unknown] == [f"{section}.made_up".lstrip(".")]


def test_every_setting_that_the_real_livekit_has_an_option_for_is_known() -> None:
    """`help-verbose` lists those that are one value, dotted."""
    binary = require("livekit-server")
    told = subprocess.run(
        [binary, "help-verbose"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    options = re.findall(r"^ +--(\S+).*generated", told, re.MULTILINE)
    missing = [
        option
        for option in options
        for section, _, key in [option.rpartition(".")]
        if section in SECTIONS and key not in SECTIONS[section]
    ]
    assert len(options) > 150
    assert missing == []


@pytest.mark.parametrize(
    "text",
    ["rtc:\n\tudp_port: 1\n", "rtc:\n  udp_port: 1\n  \ttcp_port: 2\n", "\tport: 1\n"],
)
def test_the_real_livekit_refuses_tabs(text: str, file: Path) -> None:
    assert yaml_subset.parse(text).refused
    file.write_text(text)
    assert "could not parse config" in refuses(file)
