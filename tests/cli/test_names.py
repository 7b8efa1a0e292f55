"""`eloquence check-punycode-dns`: the labels without a network, and a whole target's names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import holding, run, way_to
from tests.cli.labs import broken
from tests.probes.peers import free_port

NFD = "e\u0301loquence.test"


def nowhere() -> tuple[str, str]:
    return "--resolver", f"127.0.0.1:{free_port()}"


def test_each_form_of_each_label_is_shown_without_any_network(tmp_path: Path) -> None:
    done = run("check-punycode-dns", NFD, "xn--eloquence-.com", *nowhere(), cwd=tmp_path)
    assert done.code == 1
    for shown in ("e\\u0301loquence", "éloquence ✓", "xn--loquence-90a", "UTS 46", "was NFD"):
        assert shown in done.text
    assert "xn-- before plain ASCII" in " ".join(done.text.split())


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_same_as_json(lang: str, tmp_path: Path) -> None:
    words = ("api.éloquence.test", "%C3%A9loquence.test", "--output", "json", "--lang", lang)
    done = run("check-punycode-dns", *words, *nowhere(), cwd=tmp_path)
    document = json.loads(done.out)
    labels = [found for found in document["findings"] if found["check"] == "dns.label"]
    assert [found["id"] for found in labels] == ["dns.label.ok", "dns.label.percent-encoded"]
    assert labels[1]["evidence"]["host"] == "xn--loquence-90a.test"
    assert document["verdict"] == "broken"


@pytest.mark.parametrize(
    "name",
    [
        "\u202egnp.exe",
        "a" * 65536,
        "日本я.test",
        "é" * 40000,
        "..",
        "xn--",
        "http://éloquence.test/x",
    ],
    ids=lambda name: name[:12].encode("unicode_escape").decode(),
)
def test_whatever_is_typed_gets_an_answer_that_is_safe_to_show(name: str, tmp_path: Path) -> None:
    done = run("check-punycode-dns", name, *nowhere(), cwd=tmp_path)
    assert done.code in (1, 3)
    assert "\u202e" not in done.text
    assert "Traceback" not in done.complaint


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("192.0.2.1",), "is an address, not a name"),
        (tuple(f"n{number}.test" for number in range(17)), "At most 16"),
        ((), "Nothing to examine"),
    ],
)
def test_wrong_use(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = run("check-punycode-dns", *words, cwd=tmp_path)
    assert (done.code, told in done.complaint) == (2, True)


def test_the_names_of_the_target_are_examined_where_none_is_given(tmp_path: Path) -> None:
    with broken("dns-cdn-proxied") as system:
        done = run("check-punycode-dns", *way_to(system), cwd=tmp_path, environ=holding(system))
    assert done.code == 0
    assert "LiveKit's name leads to Cloudflare" in done.text
    assert "api.éloquence.test" in done.text
    assert "xn--loquence-90a" in done.text
    assert "the certificate holds its A-label, livekit.xn--loquence-90a.test" in done.text
