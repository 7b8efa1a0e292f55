"""The names in the addresses of an app's source: only hosts, each with its place, within bounds."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from eloquence_ops.probes import app_names
from eloquence_ops.probes.app_names import MOST_BYTES, MOST_FILES, MOST_NAMES, Name, names_in, read

NFD = "e\u0301loquence.com"
ADDRESS = "const api = 'https://api.éloquence.com';\n"


def app(root: Path, **files: str) -> Path:
    """An app's folder with these files in it; `lib__api_dart` is lib/api.dart."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def hosts(text: str) -> list[str]:
    return [host for _, host in names_in(text)]


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("const a = 'https://api.éloquence.com/api/sessions';", "api.éloquence.com"),
        ('final b = "wss://livekit.xn--loquence-90a.com:7443";', "livekit.xn--loquence-90a.com"),
        ("API_URL=http://%C3%A9loquence.com:8083", "%C3%A9loquence.com"),
        (f"url: WS://{NFD}/x", NFD),
        ("const a = 'https://ÉLOQUENCE.com';", "ÉLOQUENCE.com"),
        (r"const a = 'https://\u00e9loquence.com';", "éloquence.com"),
        (r"const a = 'https://\u{e9}loquence.com';", "éloquence.com"),
        ("Uri.https('api.éloquence.com', '/api')", "api.éloquence.com"),
        ('<domain includeSubdomains="true">éloquence.com</domain>', "éloquence.com"),
        ("const a = 'https://me:pass%40word@api.éloquence.com/x';", "api.éloquence.com"),
    ],
)
def test_a_host_is_taken_letter_by_letter_as_it_is_written(line: str, host: str) -> None:
    assert hosts(line) == [host]


@pytest.mark.parametrize(
    "line",
    [
        "'https://$host/api'",
        "'https://api.${domain}/api'",
        "'https://api.$domain'",
        "'https://' + host",
        "'https://api.' + domain",
        "'http://localhost:8083'",
        "'http://api.localhost:8083'",
        "'http://10.0.2.2:8083'",
        "'ws://[::1]:7880'",
        "'http://backend:8083'",
        "'https://docs.flutter.dev/cookbook'",
        'xmlns:android="http://schemas.android.com/apk/res/android"',
        '"http://www.w3.org/2000/svg"',
        "'https://example.com/x'",
        "'https://key.part:s3cret/rest@host'",
        "'https://a..b'",
        "  // https://api.éloquence.com",
        "  * https://api.éloquence.com",
        "final a = 1; // see https://api.éloquence.com",
        "# https://api.éloquence.com",
        "KEY=1 # https://api.éloquence.com",
        r"'https://\u{110000}\ud800'",
    ],
)
def test_what_names_no_host_of_the_app_is_passed_over(line: str) -> None:
    assert hosts(line) == []


def test_a_remark_ends_with_its_line_and_a_string_is_none() -> None:
    assert list(names_in("// one\nf('//', 'https://api.éloquence.com'); // https://b.test\n")) == [
        (2, "api.éloquence.com")
    ]


def test_each_spelling_has_the_place_where_it_stands_first(tmp_path: Path) -> None:
    app(
        tmp_path,
        **{
            "pubspec_yaml": "homepage: https://home.test\n",
            "lib__b_dart": f"\n{ADDRESS}",
            "lib__a__z_dart": f"{ADDRESS}{ADDRESS}const x = 'https://xn--loquence-90a.com';\n",
            "assets__config_json": '{"url": "wss://livekit.éloquence.com"}',
            "assets__logo_svg": "https://svg.test",
            "lib__notes_txt": "https://notes.test",
            "build__lib_dart": "'https://build.test'",
            "lib__build__x_dart": "'https://generated.test'",
        },
    )
    (tmp_path / ".env.production").write_text("KEY=s3cret\nURL=https://env.test/?k=s3cret\n")
    found = read(str(tmp_path))
    assert (found.outcome, found.files, found.cut, found.closed) == ("read", 5, False, 0)
    assert found.names == [
        Name("env.test", ".env.production:2"),
        Name("home.test", "pubspec.yaml:1"),
        Name("api.éloquence.com", "lib/a/z.dart:1"),
        Name("xn--loquence-90a.com", "lib/a/z.dart:3"),
        Name("livekit.éloquence.com", "assets/config.json:1"),
    ]
    assert "s3cret" not in repr(found)


def test_the_domains_of_androids_network_configuration_are_names_too(tmp_path: Path) -> None:
    config = tmp_path / "android/app/src/main/res/xml/network_security_config.xml"
    config.parent.mkdir(parents=True)
    config.write_text("<x>\n<domain>éloquence.com</domain></x>", encoding="utf-8")
    place = "android/app/src/main/res/xml/network_security_config.xml:2"
    assert read(str(tmp_path)).names == [Name("éloquence.com", place)]


def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert read(str(tmp_path / "none")).outcome == "not-found"
    assert read(str(tmp_path / "file")).outcome == "no-folder"
    assert read(str(tmp_path / ("x" * 300))).outcome == "unreadable"


def test_links_lead_nowhere_outside_and_in_no_circle(tmp_path: Path) -> None:
    outside = app(tmp_path / "outside", lib__secret_dart="'https://outside.test'")
    root = app(tmp_path / "app", lib__api_dart=ADDRESS, **{"lib__own_dart": "'https://own.test'"})
    (root / "lib/loop").symlink_to(root / "lib")
    (root / "lib/away").symlink_to(outside / "lib")
    (root / "lib/away.dart").symlink_to(outside / "lib/secret.dart")
    (root / "lib/self.dart").symlink_to(root / "lib/self.dart")
    (root / ".env").symlink_to("/etc/hostname")
    (root / "lib/zz.dart").symlink_to(root / "lib/own.dart")
    found = read(str(root))
    assert found.outcome == "read"
    assert [name.typed for name in found.names] == ["api.éloquence.com", "own.test"]


def test_pipes_and_binary_files_are_passed_over(tmp_path: Path) -> None:
    app(tmp_path, lib__api_dart=ADDRESS)
    os.mkfifo(tmp_path / "lib/pipe.dart")
    (tmp_path / "lib/binary.dart").write_bytes(b"\x7fELF\0\xff'https://binary.test'")
    (tmp_path / "lib/latin.dart").write_bytes(b"// \xe9\n'https://latin.test'")
    found = read(str(tmp_path))
    assert [name.typed for name in found.names] == ["api.éloquence.com", "latin.test"]
    assert found.files == 2


def test_of_a_huge_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    app(tmp_path, lib__api_dart=ADDRESS)
    os.truncate(tmp_path / "lib/api.dart", 1024**3)
    (tmp_path / "lib/long.dart").write_text(" " * MOST_BYTES + "'https://late.test'")
    begun = time.monotonic()
    found = read(str(tmp_path))
    assert [name.typed for name in found.names] == []  # a file of zeros is no text
    assert found.cut
    assert time.monotonic() - begun < 5


def test_a_line_of_a_megabyte_of_quotes_and_addresses_takes_no_longer(tmp_path: Path) -> None:
    line = "".join(f"\"'https://n{number}.test\\" for number in range(50_000))
    app(tmp_path, lib__api_dart=line, lib__b_dart="\\u{" * 300_000 + "://")
    begun = time.monotonic()
    found = read(str(tmp_path))
    assert (len(found.names), found.cut) == (MOST_NAMES, True)
    assert time.monotonic() - begun < 5


def test_of_too_many_files_as_many_are_read_as_the_bound_says(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for number in range(3_000):
        (tmp_path / f"lib/f{number:04}.dart").write_text(f"'https://n{number % 9}.test'")
    found = read(str(tmp_path), seconds=60)
    assert (found.files, found.cut, len(found.names)) == (MOST_FILES, True, 9)


def test_when_the_time_is_up_what_was_found_is_kept(tmp_path: Path) -> None:
    app(tmp_path, lib__api_dart=ADDRESS)
    found = read(str(tmp_path), seconds=0)
    assert (found.outcome, found.cut) == ("read", True)


def test_a_folder_deeper_than_any_app_ends(tmp_path: Path) -> None:
    deep = tmp_path / "lib" / "/".join(["d"] * 60)
    deep.mkdir(parents=True)
    (deep / "x.dart").write_text("'https://deep.test'")
    assert app_names.read(str(tmp_path)).names == []
