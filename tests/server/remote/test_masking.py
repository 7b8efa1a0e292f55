"""Nothing secret leaves the server."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from eloquence_ops.server.remote import answering, given_secrets, masking, units, yaml_subset
from eloquence_ops.server.remote.host import Host, Parameters
from eloquence_ops.server.remote.masking import Masker
from tests.server.remote import recorded

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"invalid token: {JWT}, error", "invalid token: ***, error"),
        (f'"GET /rtc?access_token={JWT} HTTP/1.1"', '"GET /rtc?access_token=*** HTTP/1.1"'),
        ("X-API-Key: hunter22hunter", "X-API-Key: ***"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"),
        ("redis://user:pa55word@10.0.0.1/0", "redis://user:***@10.0.0.1/0"),
        ("'export LIVEKIT_API_SECRET=abc123': /x/.env", "'export LIVEKIT_API_SECRET=***': /x/.env"),
        ("OPENAI_API_KEY='sk-123 4'", "OPENAI_API_KEY=***"),
        ("PORT=8083 LANGUAGE=fr", "PORT=8083 LANGUAGE=fr"),
        ("status=1/FAILURE", "status=1/FAILURE"),
        ("No module named 'jwt'", "No module named 'jwt'"),
        ("one of key-file or keys must be provided", "one of key-file or keys must be provided"),
        ("LIVEKIT_API_KEY=APIabc123", "LIVEKIT_API_KEY=***"),
    ],
)
def test_what_looks_like_a_secret(text: str, kept: str) -> None:
    assert Masker([]).text(text) == kept


def test_what_systemd_itself_writes_of_the_environment_into_the_journal() -> None:
    raw = recorded.text("journal-api-noattr.jsonl")
    assert "s3cr3t" in raw
    assert "s3cr3t" not in Masker([]).text(raw)


def test_a_value_that_is_known_is_masked_in_every_form() -> None:
    masker = Masker(["pa/ss wo+rd"])
    assert masker.text("x pa/ss wo+rd y pa%2Fss%20wo%2Brd") == "x *** y ***"


def test_short_values_stay_since_they_are_ordinary_words() -> None:
    assert Masker(["fr", "8083", ""]).text("fr 8083") == "fr 8083"


@pytest.mark.parametrize("text", ["%22hunter2%22", r"'\\nhunter2'", "x=hunter2;", "<hunter2>"])
def test_a_short_value_is_found_behind_whatever_stands_before_it(text: str) -> None:
    assert "hunter2" not in Masker(["hunter2"]).text(text)


def test_a_short_value_within_a_word_is_that_word() -> None:
    assert Masker(["active"]).text("inactive, active") == "inactive, ***"


def test_a_long_value_is_found_within_anything_and_in_every_fact() -> None:
    secret = "0123456789abcdef"
    assert Masker([secret]).text(f"x{secret}y") == "x***y"
    assert Masker([secret]).fact(f"x{secret}y") == "x***y"


def test_a_secret_that_equals_a_state_leaves_the_facts_alone() -> None:
    """As somebody's password may; in what programs wrote it is masked all the same."""
    masker = Masker(["active", "10.0.0.5", "ubuntu"])
    facts = {
        "active_state": "active",
        "listeners": [{"address": "10.0.0.5", "user": "ubuntu"}],
        "nft": '{"daddr":"10.0.0.5"}',
        "last": [{"text": "login as ubuntu"}],
        "unknown": [{"fact": "ubuntu", "detail": "sudo: ubuntu"}],
        "requests": [{"path": "/x/ubuntu"}],
    }
    assert answering.safe(facts, masker) == facts | {
        "last": [{"text": "login as ***"}],
        "unknown": [{"fact": "ubuntu", "detail": "sudo: ***"}],
        "requests": [{"path": "/x/***"}],
    }


def test_the_settings_that_are_only_about_a_secret_destroy_no_fact(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text(
        "TOKEN_ISSUER=livekit\nAUTH_HOST=127.0.0.1\nAUTH_MODE=active\nAUTH_ENABLED=enabled\n"
        "KEY_FILE=/etc/livekit/keys.yaml\nAUTH=127.0.0.1\nLIVEKIT_API_SECRET=secret\n"
    )
    host = Host(Parameters("n", 5.0, "a.service", "l.service", str(tmp_path), "api:app"))
    for text in (
        "livekit.service is active and enabled on 127.0.0.1",
        "open /etc/livekit/keys.yaml",
        "secret is too short, should be at least 32 characters for security",
    ):
        assert host.masker().text(text) == text


def test_of_livekits_configuration_the_names_of_key_pairs_and_files_are_told() -> None:
    value = yaml_subset.parse(
        "key_file: /etc/livekit/keys.yaml\n"
        "turn:\n  key_file: /etc/livekit/turn.pem\n"
        "webhook:\n  api_key: APIname1\n"
        "redis:\n  password: pa55word\n"
    ).value
    assert given_secrets.in_settings(value) == ["pa55word"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["uvicorn", "--ssl-keyfile-password", "x"], ["uvicorn", "--ssl-keyfile-password", "***"]),
        (["a", "--api-key", "s3cret", "b"], ["a", "--api-key", "***", "b"]),
        (["livekit-server", "--keys", "id: secret"], ["livekit-server", "--keys", "***"]),
        (["a", "--token=abc"], ["a", "--token=***"]),
        (["uvicorn", "--ssl-keyfile", "/k.pem"], ["uvicorn", "--ssl-keyfile", "/k.pem"]),
        (["uvicorn", "--env-file", ".env.local"], ["uvicorn", "--env-file", ".env.local"]),
        (["x", "--password", "--verbose"], ["x", "--password", "--verbose"]),
        (["x", "--password", "--A-b_C9", "y"], ["x", "--password", "***", "y"]),
        (["l", "--config-body", "keys: {a: b}", "--dev"], ["l", "--config-body", "***", "--dev"]),
        (["l", "--config-body=keys: {a: b}"], ["l", "--config-body=***"]),
        (["redis-server", "--requirepass", "x"], ["redis-server", "--requirepass", "***"]),
        (["env", "API_SECRET=a b", "uvicorn"], ["env", "API_SECRET=***", "uvicorn"]),
        (["auth", "api:app"], ["auth", "api:app"]),
    ],
)
def test_the_words_of_a_command(words: list[str], shown: list[str]) -> None:
    assert masking.without_values(words) == shown


@pytest.mark.parametrize(
    ("joined", "shown"),
    [
        ("livekit-server --keys APIx: S3CRET", "livekit-server --keys ***"),
        ("l --keys APIx: S3CRET APIy: T --config /l.yaml", "l --keys *** --config /l.yaml"),
        ("l --keys=APIx: S3CRET -c /l.yaml", "l --keys=*** -c /l.yaml"),
        ("l --config-body port: 1 keys: a: S --dev", "l --config-body *** --dev"),
        ("l --config-body --- keys: {a: S}", "l --config-body ***"),
        ("env API_SECRET=a b S uvicorn api:app --port 1", "env API_SECRET=*** --port 1"),
        ("uvicorn api:app --port 1", "uvicorn api:app --port 1"),
    ],
)
def test_a_value_of_several_words_in_a_command_that_systemd_joined(joined: str, shown: str) -> None:
    assert " ".join(masking.without_values(joined.split(), exact=False)) == shown


@pytest.mark.parametrize(
    ("words", "exact", "secrets"),
    [
        (["l", "--keys", "APIx: S3CRET", "--dev"], True, ["S3CRET"]),
        (["l", "--keys", "APIx: S3CRET\\nAPIy: OTHER"], True, ["S3CRET", "OTHER"]),
        (["l", "--keys", "APIx:", "S3CRET", "--dev"], False, ["S3CRET"]),
        (["l", "--keys=APIx:", "S3CRET"], False, ["S3CRET"]),
        (["l", "--config-body", "redis:\n  password: P\nkeys:\n  A: S"], True, ["P", "S"]),
        (["env", "API_SECRET=S3CRET", "uvicorn", "api:app"], True, ["S3CRET"]),
        (["x", "--password=S3CRET"], True, ["S3CRET"]),
        (["uvicorn", "api:app", "--port", "8083"], True, []),
    ],
)
def test_secrets_given_on_a_command_line(words: list[str], exact: bool, secrets: list[str]) -> None:
    assert given_secrets.in_words(words, exact=exact) == secrets


def test_secrets_given_in_the_environment_of_a_unit() -> None:
    (unit,) = units.parse(
        'Id=l.service\nEnvironment=PORT=1 "LIVEKIT_KEYS=APIx: S3CRET" '
        '"LIVEKIT_CONFIG=keys: {APIy: OTHER}" "API_KEY=with a space"\n'
    )
    assert given_secrets.in_variables(unit.variables) == ["S3CRET", "OTHER", "with a space"]


def test_what_a_unit_was_given_is_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither with the unit nor in what its program wrote of it."""
    (unit,) = units.parse(
        "Id=l.service\nEnvironment=LIVEKIT_CONFIG=x REDIS_PASSWORD=pa55w0rd\n"
        "ExecStart={ path=/l ; argv[]=/l --keys APIx: S3CRETS3CRET --port 1 ; ignore_errors=no }\n"
    )
    host = Host(Parameters("n", 5.0, "a.service", "l.service", "/nowhere", "api:app"))
    monkeypatch.setattr(host, "units", lambda: {"l.service": unit})
    monkeypatch.setattr(host, "processes", dict)
    told = {
        "units": [units.described(unit, "l.service")],
        "last": [{"text": "dial with pa55w0rd, signed by S3CRETS3CRET"}],
    }
    safe = str(answering.safe(told, host.masker()))
    assert "S3CRET" not in safe
    assert "pa55w0rd" not in safe
    assert "/l --keys *** --port 1" in safe


def test_what_a_process_was_given_is_told_nowhere() -> None:
    """In its own environment, as a hand-started API has it: read from the real /proc."""
    program = "import time; print(flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", program, "--api-key", "k3y k3y", "api:app"],
        env={"API_TOKEN": "t0ken t0ken"},
        stdout=subprocess.PIPE,
    ) as started:
        try:
            assert started.stdout is not None
            started.stdout.readline()  # by then it is this program, no longer its parent's copy
            host = Host(Parameters("n", 5.0, "a.service", "l.service", "/nowhere", "api:app"))
            text = host.masker().text("of k3y k3y and t0ken t0ken")
            shown = host.processes()[started.pid].described()["command"]
        finally:
            started.kill()
    assert text == "of *** and ***"
    assert str(shown).endswith("--api-key *** api:app")


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("LIVEKIT_API_SECRET", "abc", ["abc"]),
        ("LIVEKIT_API_KEY", "APIabc", []),
        ("API_KEY", "k", ["k"]),
        ("PORT", "8083", []),
        ("DATABASE_URL", "postgres://u:p%40ss@h/d", ["p%40ss", "p@ss"]),
        ("LIVEKIT_URL", "ws://localhost:7880", []),
        ("AUTH_MODE", "active", []),
        ("TOKEN_ISSUER", "livekit", []),
        ("PRIVATE_KEY_PATH", "/etc/key.pem", []),
        ("AUTH_SERVER", "https://auth.example:8443/", []),
        ("AUTH_SERVER", "https://auth.example/s3cret", ["https://auth.example/s3cret"]),
        ("SLACK_WEBHOOK_URL", "https://h.example/T0/B0", ["https://h.example/T0/B0"]),
        ("AUTH_HOST", "https://u:pass12@h/", ["pass12", "pass12"]),
        ("TOKEN", "12345678", ["12345678"]),
        ("TOKEN", "2001:db8::1", []),
        ("TOKEN", "hunter", ["hunter"]),
    ],
)
def test_which_settings_are_secret(name: str, value: str, secrets: list[str]) -> None:
    assert masking.secrets_in(name, value) == secrets


def test_a_text_is_masked_before_it_is_cut() -> None:
    secret = "0123456789abcdef"
    text = "x" * (600 - 8) + secret
    safe = answering.safe({"a": [text]}, Masker([secret]))
    assert isinstance(safe, dict)
    assert "01234" not in safe["a"][0]


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 30000,
        "://" * 30000,
        "://a:" * 20000,
        "A" * 90000,
        "key=" * 20000,
        "Bearer " * 12000,
        "-----BEGIN PRIVATE KEY-----" * 3000,
    ],
)
def test_text_made_to_keep_it_busy_does_not(text: str) -> None:
    """A pattern that went over the text again for each start would take minutes."""
    begun = time.process_time()
    Masker(["known-secret"]).text(text)
    assert time.process_time() - begun < 5
