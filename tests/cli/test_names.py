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


SETTINGS = ("--api", "https://api.éloquence.test", "--livekit", "wss://livekit.éloquence.test")


def flutter_app(root: Path) -> Path:
    """A small app that writes one name as people read it, and another without its accent."""
    app = root / "eloquence_app"
    (app / "lib" / "src").mkdir(parents=True)
    (app / "pubspec.yaml").write_text("homepage: https://github.com/eloquence/app\n")
    (app / "lib" / "src" / "api.dart").write_text(
        "class Api {\n  static const base = 'https://api.éloquence.test/api';\n}\n",
        encoding="utf-8",
    )
    (app / ".env").write_text(
        "API_KEY=sk_live_51Hq7\nLIVEKIT_URL=wss://me:sk_live_51Hq7@livekit.eloquence.test/x?t=eyJa\n"
    )
    return app


def test_the_apps_names_are_shown_with_their_place_and_judged(tmp_path: Path) -> None:
    app = flutter_app(tmp_path)
    done = run("check-punycode-dns", *SETTINGS, *nowhere(), "--app", app, cwd=tmp_path)
    assert done.code == 1
    text = " ".join(done.text.split())
    for said in (
        "in the app's source, lib/src/api.dart:2",
        "in the app's source, .env:2",
        "lib/src/api.dart:2 has api.éloquence.test, which Dart cannot look up; "
        "write api.xn--loquence-90a.test",
        "the app names livekit.eloquence.test (.env:2), meant is livekit.éloquence.test",
        "To fix: app.",
        "Write api.xn--loquence-90a.test there, first in lib/src/api.dart:2",
    ):
        assert said in text
    assert ".env.local" not in text  # the server's settings are not to be changed
    assert "not at fault" not in text
    assert "sk_live" not in done.text


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_json_says_that_the_source_was_read_and_holds_no_secret(lang: str, tmp_path: Path) -> None:
    app = flutter_app(tmp_path)
    record = tmp_path / "record.json"
    words = ("--app", app, "--output", "json", "--lang", lang, "--record", record)
    done = run("check-punycode-dns", *SETTINGS, *nowhere(), *words, cwd=tmp_path)
    document = json.loads(done.out)
    assert document["vantages"] == {"here": True, "server": False, "code": True}
    found = {entry["id"]: entry for entry in document["findings"] if entry["vantage"] == "code"}
    assert set(found) == {"dns.app.ok", "dns.app-name.unicode", "dns.app-name.look-alike"}
    assert found["dns.app-name.unicode"]["evidence"]["place"] == "lib/src/api.dart:2"
    assert [(cause["id"], cause["owner"]) for cause in document["causes"]] == [
        ("dns-lookalike-domain", "app"),
        ("app-unicode-host", "app"),
    ]
    assert "sk_live" not in done.text + record.read_text(encoding="utf-8")
    again = json.loads(run("replay", record, "--output", "json", cwd=tmp_path).out)
    assert again["vantages"]["code"] is True


def test_a_folder_of_the_app_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ("--app", "gone", "--output", f"json={report}", "--output", "console")
    done = run("check-punycode-dns", *words, cwd=tmp_path)
    document = json.loads(report.read_text(encoding="utf-8"))
    found = {entry["id"]: entry["status"] for entry in document["findings"]}
    assert found["dns.app.not-found"] == "unknown"
    assert document["vantages"]["code"] is False
    assert "the app: its folder does not exist" in " ".join(done.text.split())
    assert done.code == 3


def test_two_names_of_the_app_are_each_to_be_written_otherwise(tmp_path: Path) -> None:
    app = flutter_app(tmp_path)
    (app / ".env").write_text("LIVEKIT_URL=wss://livekit.éloquence.test\n", encoding="utf-8")
    done = run("check-punycode-dns", *SETTINGS, *nowhere(), "--app", app, cwd=tmp_path)
    text = " ".join(done.text.split())
    assert "Write api.xn--loquence-90a.test there, first in lib/src/api.dart:2" in text
    assert "Write livekit.xn--loquence-90a.test there, first in .env:1" in text
