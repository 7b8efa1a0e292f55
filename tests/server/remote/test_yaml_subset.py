"""The part of YAML that is understood, and that the rest is told rather than guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.server.remote import yaml_subset

LIVEKIT = """\
# LiveKit
port: 7880
bind_addresses:
  - ""
  - 10.0.0.1
rtc:
    tcp_port: 7881   # ICE/TCP
    port_range_start: 50000
    port_range_end: 60000
    use_external_ip: true
    stun_servers: [stun.l.google.com:19302, "a#b:1"]
turn: { enabled: true, domain: turn.example.com, tls_port: 5349 }
keys:
  "API one": 'it''s # secret'
  APItwo: "a\\tb"
webhook:
  urls:
  - https://example.com/hook
room:
  enabled_codecs:
    - mime: audio/opus
      fmtp_line: x
    - mime: video/vp8
log_level:
"""


def test_a_configuration_of_livekit() -> None:
    document = yaml_subset.parse(LIVEKIT)
    assert document.not_understood == []
    assert document.value == {
        "port": 7880,
        "bind_addresses": ["", "10.0.0.1"],
        "rtc": {
            "tcp_port": 7881,
            "port_range_start": 50000,
            "port_range_end": 60000,
            "use_external_ip": True,
            "stun_servers": ["stun.l.google.com:19302", "a#b:1"],
        },
        "turn": {"enabled": True, "domain": "turn.example.com", "tls_port": 5349},
        "keys": {"API one": "it's # secret", "APItwo": "a\tb"},
        "webhook": {"urls": ["https://example.com/hook"]},
        "room": {
            "enabled_codecs": [{"mime": "audio/opus", "fmtp_line": "x"}, {"mime": "video/vp8"}]
        },
        "log_level": None,
    }
    assert document.lines["rtc"] == 6


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: &x 1\nb: *x\n", [1, 2]),
        ("a: !!int 1\n", [1]),
        ("a: |\n  text\n  more\nb: 1\n", [1]),
        ("a: >-\n  text\nb: 1\n", [1]),
        ("just words\nb: 1\n", [1]),
        ("\ta: 1\nb: 1\n", [1]),
        ("rtc:\n   use_external_ip: true\n  tcp_port: 1\nb: 1\n", [3]),
        ("a: [1, 2\nb: 1\n", [1]),
        ("a: 'open\nb: 1\n", [1]),
        ("a: " + "x" * 5000 + "\nb: 1\n", [1]),
    ],
)
def test_what_is_not_understood_is_told_by_its_line(text: str, lines: list[int]) -> None:
    document = yaml_subset.parse(text)
    assert document.not_understood == lines
    assert document.value.get("b", 1) in (1, None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7880", 7880),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1.5", 1.5),
        ("yes", "yes"),
        ("True", True),
        ("~", None),
        ("1.2.3.4", "1.2.3.4"),
        ("a:b", "a:b"),
        ("{a: 1, b: [2, 3]}", {"a": 1, "b": [2, 3]}),
        ("[]", []),
        ("9" * 30, "9" * 30),
    ],
)
def test_a_value(text: str, value: object) -> None:
    assert yaml_subset.parse(f"k: {text}").value == {"k": value}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n", "- 1\n- 2\n", "\r\n\r\n"])
def test_a_file_without_a_mapping_is_empty(text: str) -> None:
    assert yaml_subset.parse(text).value == {}


@given(st.text(alphabet="ab:-[]{}'\"#&*|> \n\t,1", max_size=200))
def test_nothing_makes_it_raise(text: str) -> None:
    yaml_subset.parse(text)
    yaml_subset.parse("\n".join(" " * at + "a:" for at in range(40)) + text)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("rtc:\n\tudp_port: 1\n", [2]),
        ("rtc:\n  udp_port: 1\n  \ttcp_port: 2\n", [3]),
        ("port: 1\n \t\nkeys:\n", []),
        ("port: 1\n\t# comment\n", []),
        ("port: 1\t# behind\n", []),
        # There it may stand: what it is in was not followed.
        ("rtc: {udp_port: 1,\n\ttcp_port: 2}\n", []),
        ("text: |\n  a\n\tb\n", []),
        ('text: "a\n\tb"\n', []),
    ],
)
def test_tabs_that_keep_every_reader_out(text: str, refused: list[int]) -> None:
    document = yaml_subset.parse(text)
    assert document.refused == refused
    assert bool(document.not_understood) is ("behind" not in text)
