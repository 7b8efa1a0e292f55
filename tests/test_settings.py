"""Where a target comes from, what wins, and what a wrong file is told: file, line, key, allowed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eloquence_ops.credentials import Credentials, of_environment, of_target
from eloquence_ops.errors import EloquenceError, SettingsError, UsageError
from eloquence_ops.ice_urls import Login
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.secrets import Secret
from eloquence_ops.settings import KEYS, Redirection, Target, Value
from eloquence_ops.settings_files import FILE_NAME, Sources, find, read, resolve
from tests.sentences import is_safe, typed

KEY = "sk-live-0123456789"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`home/.config/eloquence` is the user's, `home/project/sub` is where the command runs."""
    (tmp_path / ".config" / "eloquence").mkdir(parents=True)
    (tmp_path / "project" / "sub").mkdir(parents=True)
    return tmp_path


def write(home: Path, place: str, text: str) -> Path:
    folder = home / {"user": ".config/eloquence", "project": "project", "sub": "project/sub"}[place]
    path = folder / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def resolved(
    home: Path,
    *,
    url: str | None = None,
    target: str | None = None,
    flags: Mapping[str, Value] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Target:
    environment = {"HOME": str(home), **(environ or {})}
    files = find(home / "project" / "sub", environment)
    return resolve(Sources(flags or {}, environment, files, target, url))


def api(home: Path, target: str | None = None, **environ: str) -> str:
    return str(resolved(home, target=target, environ=environ).api)


# Precedence


def test_each_source_wins_over_the_next_flags_environment_project_user(home: Path) -> None:
    write(home, "user", '[targets.p]\napi = "https://user.test"\nserver = "user@host"\n')
    target = resolved(home)
    assert (str(target.api), target.server) == ("https://user.test", "user@host")
    write(home, "project", '[targets.p]\napi = "https://project.test"\n')
    target = resolved(home)
    assert (str(target.api), target.server) == ("https://project.test", "user@host")
    assert api(home, ELOQUENCE_API="https://environment.test") == "https://environment.test"
    flags = {"api": "https://flag.test"}
    target = resolved(home, flags=flags, environ={"ELOQUENCE_API": "https://environment.test"})
    assert str(target.api) == "https://flag.test"


def test_the_nearest_file_upwards_is_the_projects(home: Path) -> None:
    write(home, "project", '[targets.p]\napi = "https://far.test"\nmedia_ports = "1-2"\n')
    write(home, "sub", '[targets.p]\napi = "https://near.test"\n')
    target = resolved(home)
    assert str(target.api) == "https://near.test"
    assert target.media_ports == (50000, 60000)


def test_xdg_config_home_moves_the_users_file(home: Path) -> None:
    moved = home / "elsewhere" / "eloquence"
    moved.mkdir(parents=True)
    (moved / FILE_NAME).write_text('[targets.p]\napi = "https://moved.test"\n', encoding="utf-8")
    write(home, "user", '[targets.p]\napi = "https://user.test"\n')
    assert api(home, XDG_CONFIG_HOME=str(home / "elsewhere")) == "https://moved.test"


def test_a_folder_of_that_name_is_no_settings_file(home: Path) -> None:
    (home / "project" / "sub" / FILE_NAME).mkdir()
    write(home, "project", '[targets.p]\napi = "https://project.test"\n')
    assert api(home) == "https://project.test"


TWO = '[targets.one]\napi = "https://one.test"\n[targets.two]\napi = "https://two.test"\n'


def test_a_target_is_chosen_by_name_by_default_or_because_it_is_the_only_one(home: Path) -> None:
    write(home, "project", TWO)
    assert resolved(home, target="two").name == "two"
    with pytest.raises(UsageError, match="one, two"):
        resolved(home)
    write(home, "project", f'default = "two"\n{TWO}')
    assert api(home) == "https://two.test"
    assert api(home, target="one") == "https://one.test"


def test_a_target_that_does_not_exist_names_those_that_do(home: Path) -> None:
    write(home, "project", TWO)
    with pytest.raises(UsageError) as refused:
        resolved(home, target="three")
    assert (
        typed(refused.value.sentence("fr"))
        == "La cible « three » n'existe pas. Connues : one, two."
    )


def test_with_nothing_at_all_it_says_how_to_begin(home: Path) -> None:
    with pytest.raises(UsageError) as refused:
        resolved(home)
    assert refused.value.phrase_id == "settings.nothing"


def test_this_very_machine_needs_no_settings() -> None:
    target = resolve(Sources(flags={}, environ={}, files=(), may_be_empty=True))
    assert (target.api, target.livekit, target.server, target.app) == (None, None, None, None)


def test_a_pasted_url_belongs_to_the_target_that_names_its_host(home: Path) -> None:
    write(home, "project", f'{TWO}livekit = "wss://live.two.test"\n')
    target = resolved(home, url="https://TWO.test:8443/api/sessions")
    assert (target.name, str(target.api)) == ("two", "https://two.test:8443")
    assert str(target.livekit) == "wss://live.two.test"
    target = resolved(home, url="wss://live.two.test/rtc")
    assert (target.name, str(target.api)) == ("two", "https://two.test")


def test_a_pasted_url_of_no_target_stands_alone(home: Path) -> None:
    write(home, "project", f'default = "two"\n{TWO}server = "u@h"\n')
    target = resolved(
        home,
        url="https://api.xn--loquence-90a.test",
        environ={"ELOQUENCE_LIVEKIT": "wss://live.test"},
    )
    assert target == Target(
        name="api.éloquence.test", api=target.api, written=(("api", "https://api.éloquence.test"),)
    )


def test_a_wrong_value_names_the_flag_or_the_variable_it_came_from(home: Path) -> None:
    with pytest.raises(UsageError, match=r"^--livekit: livekit: .*wss://livekit"):
        resolved(home, flags={"livekit": "ftp://x"})
    with pytest.raises(UsageError, match=r"^ELOQUENCE_API: api: "):
        resolved(home, environ={"ELOQUENCE_API": "http://a..b"})
    with pytest.raises(UsageError, match=r"^URL: api: "):
        resolved(home, url="http://a:99999")
    with pytest.raises(UsageError, match=r"^--connect-to: connect_to: "):
        resolved(home, flags={"api": "https://a.test", "connect_to": ("nonsense",)})


def test_what_was_pasted_behind_an_address_is_not_kept(home: Path) -> None:
    target = resolved(home, url="wss://live.test/rtc?access_token=opaque-and-secret")
    assert "opaque" not in repr(target)
    assert dict(target.written) == {"livekit": "wss://live.test"}


# What a file may hold


def test_every_key_of_the_contract_is_read(home: Path) -> None:
    write(
        home,
        "project",
        f"""
default = "production"
[targets.production]
api = "https://api.éloquence.com"
livekit = "wss://livekit.éloquence.com"
server = "ubuntu@51.159.110.4"
server_key = "SHA256:{"a" * 43}"
app = "../eloquence_app"
media_ports = "50000-50100"
remote_dir = "/srv/backend/"
asgi_app = "api.main:app"
api_unit = "api@blue.service"
livekit_unit = "livekit.service"
ca = "root.pem"
resolver = "127.0.0.1:5353"
connect_to = ["api.éloquence.com:443=127.0.0.1:8443", "[::1]:80=[::1]:8083"]
api_key_file = "~/key"
livekit_keys_file = "/etc/keys"
""",
    )
    target = resolved(home)
    project = home / "project"
    assert str(target.api) == "https://api.éloquence.com"
    assert target.app == str(project / "../eloquence_app")
    assert target.ca == str(project / "root.pem")
    assert target.api_key_file == str(Path("~/key").expanduser())
    assert target.livekit_keys_file == "/etc/keys"
    assert target.server_key == (f"SHA256:{'a' * 43}",)
    assert target.media_ports == (50000, 50100)
    assert target.remote_dir == "/srv/backend"
    assert target.resolver == (("127.0.0.1", 5353),)
    assert target.connect_to == (
        Redirection("api.xn--loquence-90a.com", 443, "127.0.0.1", 8443),
        Redirection("::1", 80, "::1", 8083),
    )


def test_several_host_keys_are_a_list(home: Path) -> None:
    keys = [f"SHA256:{letter * 43}" for letter in "ab"]
    write(home, "project", f"[targets.a]\nserver = 'ubuntu@host'\nserver_key = {keys}\n")
    assert resolved(home).server_key == tuple(keys)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server", "a b"),
        ("server", "-oProxyCommand=sh"),
        ("server", ""),
        ("server_key", "MD5:aa"),
        ("server_key", f"SHA256:{'a' * 43},SHA256:{'b' * 43}"),
        ("media_ports", "60000-50000"),
        ("media_ports", "0-10"),
        ("media_ports", "50000"),
        ("remote_dir", "relative"),
        ("remote_dir", "/a\nb"),
        ("asgi_app", "api"),
        ("asgi_app", "api:app; rm"),
        ("api_unit", "eloquence"),
        ("api_unit", "-x.service"),
        ("livekit_unit", "a b.service"),
        ("ca", ""),
        ("app", "a\u202eb"),
        ("resolver", "dns.test"),
        ("resolver", "127.0.0.1:0"),
        ("connect_to", "a.test=127.0.0.1:1"),
        ("connect_to", "a.test:443=b.test:443"),
        ("connect_to", "a.test:443=127.0.0.1"),
        ("connect_to", "a..b:443=127.0.0.1:1"),
        ("api", ""),
        ("api", "ftp://x"),
        ("livekit", "wss://user:pw@x"),
    ],
)
@pytest.mark.parametrize("language", get_args(Language))
def test_a_value_that_is_not_allowed_names_file_line_key_and_what_is(
    key: str, value: str, language: Language, home: Path
) -> None:
    shown = json.dumps([value] if key == "connect_to" else value)
    path = write(home, "project", f"\n[targets.p]\n{key} = {shown}\n")
    with pytest.raises(UsageError) as refused:
        resolved(home)
    sentence = refused.value.sentence(language)
    assert sentence.startswith(f"{path}:3")
    assert key in sentence
    assert phrase(KEYS[key].allowed, language) in sentence
    assert is_safe(sentence)
    assert "pw" not in sentence


WRONG_FILES = {
    "unknown key, near": ('[targets.p]\n\nlivekitt = "x"\n', 3, "livekitt", "“livekit”"),
    "unknown key": ('[targets.p]\nzzz = "x"\n', 2, "zzz", "connect_to"),
    "unknown at the top": ("apis = 1\n[targets.p]\n", 1, "apis", "default, targets"),
    "target for targets": ('[target.p]\napi = "x"\n', 1, "target", "“targets”"),
    "dotted key": ('targets.p.zzz = "x"\n', 1, "zzz", "connect_to"),
    "inline table": ('\ntargets = { p = { zzz = "x" } }\n', 2, "zzz", "connect_to"),
    "quoted name": ('[targets."a.b"]\n\nzzz = "x"\n', 3, "zzz", "connect_to"),
    "second target": (
        '[targets.a]\napi = "https://a.test"\n[targets.b]\napi = 1\n',
        4,
        "api",
        "http://",
    ),
    "number": ("[targets.p]\napi = 8083\n", 2, "api", "integer"),
    "boolean": ("[targets.p]\nserver = true\n", 2, "server", "boolean"),
    "list of numbers": ("[targets.p]\nconnect_to = [1]\n", 2, "connect_to", "array"),
    "text for a list": ('[targets.p]\nconnect_to = "a:1=1.2.3.4:1"\n', 2, "connect_to", "string"),
    "list for a text": ('[targets.p]\napi = ["https://a.test"]\n', 2, "api", "array"),
    "table for a text": ("[targets.p.api]\nx = 1\n", 1, "api", "table"),
    "date": ("[targets.p]\napi = 2026-01-01\n", 2, "api", "date"),
    "targets no table": ("targets = 3\n", 1, "targets", "[targets.production]"),
    "a target no table": ("[targets]\np = 3\n", 2, "p", "[targets.production]"),
    "default no text": ("default = 3\n[targets.p]\n", 1, "default", "the name of a target"),
    "default no target": ('\ndefault = "q"\n[targets.p]\n', 2, "default", "Known: p"),
    "secret": ('[targets.p]\napi_key = "hidden-value"\n', 2, "api_key", "ELOQUENCE_API_KEY"),
    "livekit's": (
        '[targets.p]\nlivekit_api_secret = "hidden-value"\n',
        2,
        "livekit_api_secret",
        "livekit_keys_file",
    ),
    "syntax": ('[targets.p]\napi = "https://a.test\n', 2, "", "TOML"),
    "syntax, far": ('[targets.p]\napi = "x"\n\n\n= 3\n', 5, "", "TOML"),
    "twice": ('[targets.p]\napi = "x"\napi = "y"\n', 3, "", "TOML"),
    "somebody's home": ('[targets.p]\nca = "~nobody-here/x"\n', 2, "ca", "a path"),
}


@pytest.mark.parametrize("case", WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file_is_told_by_file_line_key_and_what_is_allowed(
    case: tuple[str, int, str, str], tmp_path: Path
) -> None:
    text, line, key, allowed = case
    path = tmp_path / FILE_NAME
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read(path)
    sentence = refused.value.sentence("en")
    assert refused.value.exit_code == 2
    assert sentence.startswith(f"{path}:{line}:")
    assert key in sentence
    assert allowed in sentence
    assert "hidden-value" not in sentence
    french = refused.value.sentence("fr")
    assert french != sentence
    assert typed(french).startswith(f"{path}:{line} :")


@pytest.mark.parametrize(
    ("raw", "phrase_id", "where"),
    [
        (b'\n\napi = "\xff"\n', "settings.not-utf8", ":3"),
        ("api".encode("utf-16"), "settings.not-utf8", ":1"),
        (b"#" * (1024 * 1024 + 1), "settings.large", ""),
        (b"[" * 100_000, "settings.syntax", ""),
        (b"a=" + b"[" * 100_000, "settings.syntax", ""),
        (b"\x00", "settings.syntax", ":1"),
    ],
)
def test_what_is_no_text_at_all_is_refused(
    raw: bytes, phrase_id: str, where: str, tmp_path: Path
) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(raw)
    with pytest.raises(SettingsError) as refused:
        read(path)
    assert refused.value.phrase_id == phrase_id
    assert f"{path}{where}" in refused.value.sentence("en")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml", Path("/proc/self/mem")):
        with pytest.raises(SettingsError) as refused:
            read(path)
        assert refused.value.phrase_id == "settings.unreadable"
        assert str(path) in refused.value.sentence("fr")


def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b'\xef\xbb\xbf[targets.p]\r\napi = "https://a.test"\r\n')
    written = read(path).targets["p"]["api"]
    assert (written.value, written.where) == ("https://a.test", f"{path}:2")


FRAGMENTS = st.sampled_from(
    [
        *(
            b"[targets.p]\n",
            b"[targets]\n",
            b"default",
            b" = ",
            b'"',
            b"'",
            b"\n",
            b"[",
            b"]",
            b"{",
        ),
        *(b"api", b"ca", b"connect_to", b"~nobody/x", b"~", b"1", b"true", b"\xff", b"\\u0000"),
        *(b'"https://a.test"', b".", b"#", b"}", b",", b"\x00", b"2026-01-01", b"inf"),
    ]
)


def settled(path: Path) -> EloquenceError | None:
    try:
        resolve(Sources({}, {}, (read(path),)))
    except EloquenceError as refusal:
        return refusal
    return None


@given(st.one_of(st.binary(), st.lists(FRAGMENTS, max_size=12).map(b"".join)))
def test_any_bytes_are_settings_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(raw)
    refusal = settled(path)
    if refusal is not None:
        assert refusal.exit_code == 2
        assert is_safe(refusal.sentence("en"))
        assert is_safe(refusal.sentence("fr"))


# Secrets


def key_of(
    home: Path, *, url: str | None = None, target: str | None = None, **environ: str
) -> str | None:
    found = of_target(resolved(home, url=url, target=target, environ=environ), environ).api_key
    return found.reveal() if found else None


def test_the_api_key_comes_from_the_environment_or_a_file(home: Path) -> None:
    (home / "project" / "key").write_text(f"{KEY}\n", encoding="utf-8")
    write(home, "project", '[targets.p]\napi = "https://a.test"\napi_key_file = "key"\n')
    assert key_of(home) == KEY
    assert key_of(home, ELOQUENCE_API_KEY="from-environment") == "from-environment"
    assert key_of(home, ELOQUENCE_API_KEY="") == KEY


def test_a_key_file_goes_only_to_the_host_written_beside_it(home: Path) -> None:
    (home / "project" / "key").write_text(KEY, encoding="utf-8")
    write(home, "project", '[targets.p]\napi = "https://a.test"\napi_key_file = "key"\n')
    assert key_of(home, url="https://a.test/api/sessions") == KEY
    assert key_of(home, target="p") == KEY
    assert key_of(home, target="p", ELOQUENCE_API="https://other.test") is None
    assert key_of(home, ELOQUENCE_API="https://other.test") is None
    assert key_of(home, url="https://other.test") is None
    assert resolved(home, target="p", flags={"api": "https://b.test"}).api_key_file is None


def test_a_file_found_on_the_way_does_not_get_the_users_key_for_its_own_host(home: Path) -> None:
    (home / ".config" / "eloquence" / "key").write_text(KEY, encoding="utf-8")
    write(home, "user", '[targets.p]\napi = "https://a.test"\napi_key_file = "key"\n')
    write(home, "project", '[targets.p]\napi = "https://evil.test"\n')
    assert api(home) == "https://evil.test"
    assert key_of(home) is None


def test_the_user_may_keep_the_key_for_a_target_of_the_project(home: Path) -> None:
    (home / ".config" / "eloquence" / "key").write_text(KEY, encoding="utf-8")
    write(home, "user", '[targets.p]\napi_key_file = "key"\n')
    write(home, "project", '[targets.p]\napi = "https://a.test"\n')
    assert key_of(home) == KEY
    assert key_of(home, target="p", ELOQUENCE_API="https://other.test") is None


def test_livekits_keys_stay_with_livekits_host(home: Path) -> None:
    (home / "project" / "keys").write_text("name: its-secret\n", encoding="utf-8")
    write(home, "project", '[targets.p]\nlivekit = "wss://l.test"\nlivekit_keys_file = "keys"\n')
    assert resolved(home, url="wss://l.test").livekit_keys_file
    moved = resolved(home, target="p", flags={"livekit": "wss://other.test"})
    assert moved.livekit_keys_file is None


def test_livekits_pair_beside_eloquence_livekit_is_for_no_other_host(home: Path) -> None:
    pair = {"ELOQUENCE_LIVEKIT_API_KEY": "k", "ELOQUENCE_LIVEKIT_API_SECRET": "s"}
    environ = {"ELOQUENCE_LIVEKIT": "wss://l.test", **pair}
    assert (
        of_target(resolved(home, url="wss://l.test", environ=environ), environ).livekit_key == "k"
    )
    moved = resolved(home, url="wss://other.test", environ=environ)
    assert of_target(moved, environ).livekit_key is None


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [("me: a-password\n", "me", "a-password"), ("1700000000:me:pw=\n", "1700000000:me", "pw=")],
)
def test_the_login_for_turn_comes_from_a_file_or_the_environment(
    text: str, username: str, password: str, tmp_path: Path
) -> None:
    path = tmp_path / "login"
    path.write_text(text, encoding="utf-8")
    target = Target("t", turn_login_file=str(path))
    assert of_target(target, {}).turn_login == Login(username, Secret(password))
    environ = {"ELOQUENCE_TURN_USERNAME": "u", "ELOQUENCE_TURN_PASSWORD": "p-of-turn"}
    found = of_target(target, environ)
    assert found.turn_login == Login("u", Secret("p-of-turn"))
    assert Secret("p-of-turn") in found.secrets()
    path.write_text("only one word", encoding="utf-8")
    with pytest.raises(UsageError, match="name: password"):
        of_target(target, {})


def test_a_key_beside_eloquence_api_does_not_go_to_a_pasted_url_of_another_host(
    home: Path,
) -> None:
    environ = {"ELOQUENCE_API": "https://a.test", "ELOQUENCE_API_KEY": KEY}
    assert key_of(home, url="https://a.test:8443/docs", **environ) == KEY
    assert key_of(home, url="https://b.test", **environ) is None
    assert key_of(home, url="https://b.test", ELOQUENCE_API_KEY=KEY) == KEY


@pytest.mark.parametrize("text", [f"{KEY}\n", f"{KEY}\r\nX-Evil: 1", f"a {KEY}", f"é{KEY}", "\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        of_target(Target("t"), {"ELOQUENCE_API_KEY": text})
    for sentence in (refused.value.sentence("en"), refused.value.sentence("fr")):
        assert "ELOQUENCE_API_KEY" in sentence
        assert KEY not in sentence
    assert KEY not in repr(refused.value.__dict__)


@pytest.mark.parametrize(
    ("raw", "phrase_id"),
    [
        (b"", "settings.key-file-empty"),
        (b" \n", "settings.key-file-empty"),
        (b"two words", "settings.key-characters"),
        (b"\xff\xfe", "settings.key-file"),
        (b"a" * (64 * 1024 + 1), "settings.key-file-large"),
        (None, "settings.key-file"),
    ],
)
def test_a_key_file_that_holds_no_key_is_named(
    raw: bytes | None, phrase_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(UsageError) as refused:
        of_target(Target("t", api_key_file=str(path)), {})
    assert refused.value.phrase_id == phrase_id
    assert "two words" not in refused.value.sentence("en")


@pytest.mark.parametrize(
    "text", ["name: its-secret\n", '# keys\n\n  name: "its-secret"  \n', "name: 'its-secret'"]
)
def test_livekits_pair_is_read_as_livekit_yaml_has_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    found = of_target(Target("t", livekit_keys_file=str(path)), {})
    assert found == Credentials(None, "name", Secret("its-secret"))
    assert found.secrets() == (Secret("its-secret"),)


def test_livekits_pair_comes_whole_from_one_place(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("name: its-secret\n", encoding="utf-8")
    target = Target("t", livekit_keys_file=str(path))
    both = {"ELOQUENCE_LIVEKIT_API_KEY": "k", "ELOQUENCE_LIVEKIT_API_SECRET": "s"}
    assert of_target(target, both).livekit_key == "k"
    assert of_target(target, {"ELOQUENCE_LIVEKIT_API_KEY": "k"}).livekit_key == "name"
    path.write_text("no pair here\n", encoding="utf-8")
    with pytest.raises(UsageError, match="key: secret"):
        of_target(target, {})


def test_the_password_for_sudo_comes_from_the_environment_alone() -> None:
    found = of_target(Target("t"), {"ELOQUENCE_SUDO_PASSWORD": "pass word"})
    assert found.sudo_password == Secret("pass word")
    assert found.secrets() == (Secret("pass word"),)
    assert of_target(Target("t"), {"ELOQUENCE_SUDO_PASSWORD": ""}).sudo_password is None


def test_a_password_of_two_lines_would_be_two_attempts() -> None:
    with pytest.raises(UsageError) as refused:
        of_target(Target("t"), {"ELOQUENCE_SUDO_PASSWORD": "hunter22\n"})
    assert "hunter22" not in refused.value.sentence("fr")


def test_every_secret_of_the_environment_is_known_as_one() -> None:
    environ = {"ELOQUENCE_API_KEY": "a", "ELOQUENCE_LIVEKIT_API_SECRET": "b", "HOME": "c"}
    assert set(of_environment(environ)) == {Secret("a"), Secret("b")}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_looked_into_holds_no_settings(home: Path) -> None:
    (home / ".config").chmod(0)
    write(home, "project", '[targets.p]\napi = "https://a.test"\n')
    assert api(home) == "https://a.test"
