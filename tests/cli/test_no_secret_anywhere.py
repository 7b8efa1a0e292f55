"""Marked secrets, every command, and a search of every byte that was written."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from eloquence_ops.lab.services import programs
from eloquence_ops.lab.services.api import LAB_LIVEKIT_SECRET
from eloquence_ops.server import children
from eloquence_ops.server.local import LocalLink
from tests.cli.command import COMMAND, Ended, ended, environment, holding, way_to
from tests.cli.hostile import Hostile, forms
from tests.cli.labs import broken, served

API_KEY = "MK-api/key+0123456789=="
LIVEKIT_SECRET = "mk-livekit-secret-abcdefghijklmnopqrst"
SUDO = "mk-sudo-password"
PROXY_PASSWORD = "mk-proxy-pass-42"
MARKED = (API_KEY, LIVEKIT_SECRET, SUDO, PROXY_PASSWORD)

ENVIRON = {
    "ELOQUENCE_API_KEY": API_KEY,
    "ELOQUENCE_LIVEKIT_API_KEY": "key-name",
    "ELOQUENCE_LIVEKIT_API_SECRET": LIVEKIT_SECRET,
    "ELOQUENCE_SUDO_PASSWORD": SUDO,
}


def proxies(port: int) -> dict[str, str]:
    url = f"http://somebody:{PROXY_PASSWORD}@127.0.0.1:{port}"
    return {"HTTP_PROXY": url, "HTTPS_PROXY": url, "ALL_PROXY": url}


OUTPUTS = (
    *("--output", "json=report.json", "--output", "short=report.short"),
    *("--output", "console", "-v", "--record", "run.json"),
)


class Cmdlines:
    """The command lines of every process of a session, looked at all the time."""

    def __init__(self, session: int) -> None:
        self._session, self._stop = session, threading.Event()
        self.seen: set[bytes] = set()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.is_set():
            for entry in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError, IndexError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[3]) == self._session:
                        self.seen.add((entry / "cmdline").read_bytes())
            time.sleep(0.02)

    def stop(self) -> set[bytes]:
        self._stop.set()
        self._thread.join()
        return self.seen


def carried_out(
    *words: str, cwd: Path, environ: dict[str, str], until: bytes | None = None
) -> tuple[Ended, set[bytes]]:
    """A command and the command lines it had; interrupted once it has printed `until`."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(cwd, {"TMPDIR": str(cwd), **environ}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    watch = Cmdlines(process.pid)
    printed = b""
    if until is not None:
        assert process.stdout is not None
        while until not in printed and (line := process.stdout.readline()):
            printed += line
        process.send_signal(signal.SIGINT)
    done = ended(process)
    return Ended(done.code, printed + done.out, done.err), watch.stop()


def written(done: Ended, cmdlines: Iterable[bytes], cwd: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte that a command left anywhere, by where it is."""
    yield "standard output", done.out
    yield "standard error", done.err
    for line in cmdlines:
        yield "command line", line
    for path in cwd.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(cwd)), path.read_bytes()


def shown(places: Iterable[tuple[str, bytes]], secrets: Iterable[str]) -> list[str]:
    """Where a secret shows, in any form, or most of it does."""
    wanted = {form for secret in secrets for form in forms(secret)}
    wanted |= {secret[: max(8, len(secret) * 2 // 3)] for secret in secrets}
    return [
        f"{where}: {form}"
        for where, content in places
        for form in wanted
        if form.lower() in content.decode(errors="replace").lower()
    ]


def secret_parts(tokens: Iterable[str]) -> list[str]:
    """What makes a token one: its payload and its signature."""
    return [part for token in tokens for part in token.split(".")[1:]]


def nothing_shown(
    *words: str,
    cwd: Path,
    environ: dict[str, str],
    more: Iterable[str] = (),
    until: bytes | None = None,
) -> Ended:
    done, cmdlines = carried_out(*words, cwd=cwd, environ=environ, until=until)
    places = list(written(done, cmdlines, cwd))
    assert shown(places, (*MARKED, *more)) == []
    assert b"Traceback" not in done.err
    assert b"defect" not in done.out + done.err
    return done


def test_the_search_finds_what_it_looks_for() -> None:
    for form in forms(API_KEY):
        assert shown([("here", f"<{form}>".encode())], [API_KEY])


@pytest.mark.parametrize("command", ["doctor", "check-api", "check-livekit"])
@pytest.mark.parametrize("opens", [True, False])
def test_a_hostile_server_gets_nothing_shown(command: str, opens: bool, tmp_path: Path) -> None:
    api, livekit = Hostile(list(MARKED), opens), Hostile(list(MARKED))
    with served(api, livekit) as (api_port, livekit_port):
        flags = ["--api", f"http://127.0.0.1:{api_port}", "--timeout", "1", *OUTPUTS]
        if command != "check-api":
            flags += ["--livekit", f"ws://127.0.0.1:{livekit_port}"]
        environ = {**ENVIRON, **proxies(livekit_port)}
        done = nothing_shown(command, *flags, cwd=tmp_path, environ=environ)
        tokens = secret_parts(api.tokens)
        places = list(written(done, (), tmp_path))
    assert shown(places, tokens) == []
    assert done.code in (0, 1, 3)
    assert "POST /api/sessions" in api.asked
    assert bool(tokens) == opens
    # The other way round too: what is read back and told again, in the other language.
    for words in (("-v", "--lang", "fr"), ("--output", "json"), ("--baseline", "run.json")):
        nothing_shown("replay", "run.json", *words, cwd=tmp_path, environ=ENVIRON, more=tokens)


def test_the_key_was_really_sent_and_to_the_api_only(tmp_path: Path) -> None:
    """Else this whole file would prove nothing."""
    api, livekit = Hostile([API_KEY]), Hostile([API_KEY])
    heard: dict[str, list[bytes]] = {"api": [], "livekit": []}

    def listening(name: str, app: Hostile) -> object:
        async def listen(scope: dict[str, object], receive: object, send: object) -> None:
            heard[name] += [value for _, value in scope.get("headers", ())]  # type: ignore[attr-defined]
            await app(scope, receive, send)  # type: ignore[arg-type]

        return listen

    apps = (listening("api", api), listening("livekit", livekit))
    with served(*apps) as (api_port, livekit_port):
        flags = ["--api", f"http://127.0.0.1:{api_port}", "--timeout", "1"]
        flags += ["--livekit", f"ws://127.0.0.1:{livekit_port}"]
        nothing_shown("doctor", *flags, cwd=tmp_path, environ=ENVIRON)
    assert API_KEY.encode() in heard["api"]
    assert API_KEY.encode() not in b" ".join(heard["livekit"])
    assert any(value.startswith(b"Bearer eyJ") for value in heard["livekit"])


def test_read_only_posts_only_what_can_open_nothing(tmp_path: Path) -> None:
    """And ends what a server opens for it all the same."""
    api = Hostile([API_KEY])
    with served(api) as (port,):
        flags = ["--api", f"http://127.0.0.1:{port}", "--timeout", "1", "--read-only"]
        nothing_shown("doctor", *flags, cwd=tmp_path, environ=ENVIRON)
    assert api.posted == ["[]"]
    assert [entry.partition(" ")[0] for entry in api.asked].count("DELETE") == 1


def test_waiting_sends_no_key_again_and_again(tmp_path: Path) -> None:
    api = Hostile([API_KEY], opens=False)
    with served(api) as (port,):
        flags = ["--api", f"http://127.0.0.1:{port}", "--timeout", "1", "--wait", "3"]
        nothing_shown("check-api", *flags, cwd=tmp_path, environ=ENVIRON)
    assert len(api.posted) <= 1


def test_what_is_pasted_with_an_address_is_not_repeated(tmp_path: Path) -> None:
    hostile = Hostile([API_KEY])
    token = Hostile([]).token()
    with served(hostile) as (port,):
        pasted = f"ws://127.0.0.1:{port}/rtc?access_token={token}&auto_subscribe=1"
        nothing = nothing_shown_in_output("doctor", pasted, cwd=tmp_path, secrets=[token])
        opaque = f"http://127.0.0.1:{port}/api/sessions?key={LIVEKIT_SECRET}"
        also = nothing_shown_in_output("doctor", opaque, cwd=tmp_path, secrets=[LIVEKIT_SECRET])
    assert {nothing.code, also.code} <= {0, 1, 3}
    for wrong in (
        f"https://somebody:{SUDO}@api.test",
        f"ftp://somebody:{SUDO}@api.test",
        f"http://api.test:{API_KEY}",
        API_KEY,
        f"http://api.test:99999/?access_token={token}",
    ):
        secrets = [*MARKED, token]
        done = nothing_shown_in_output("doctor", wrong, cwd=tmp_path, secrets=secrets)
        assert done.code == 2
        assert done.err.count(b"\n") == 1


def nothing_shown_in_output(*words: str, cwd: Path, secrets: Iterable[str]) -> Ended:
    """Here the secret is in our own command line, where the user put it."""
    options = ("--timeout", "1", *OUTPUTS) if words[0] == "doctor" else ()
    done, _ = carried_out(*words, *options, cwd=cwd, environ=ENVIRON)
    parts = [part for secret in secrets for part in (secret, *secret_parts([secret]))]
    assert shown(written(done, (), cwd), parts) == []
    assert b"Traceback" not in done.err
    return done


@pytest.mark.parametrize(
    "pasted",
    [
        API_KEY,
        f"X-API-Key: {API_KEY}",
        f"ELOQUENCE_API_KEY={API_KEY}",
        f"zzz {LIVEKIT_SECRET} zzz",
        f"https://somebody:{PROXY_PASSWORD}@proxy.test",
        f"502 Bad Gateway {API_KEY}",
    ],
)
def test_explain_does_not_repeat_what_was_pasted(pasted: str, tmp_path: Path) -> None:
    nothing_shown_in_output("explain", pasted, cwd=tmp_path, secrets=MARKED)


def test_init_writes_none_of_the_environment(tmp_path: Path) -> None:
    words = ("init", "--name", "p", "--api", "http://127.0.0.1:1")
    done = nothing_shown(*words, cwd=tmp_path, environ=ENVIRON)
    assert done.code == 0
    assert (tmp_path / "eloquence.toml").is_file()


@pytest.mark.parametrize("fault", ["api-key-rejected", "token-wrong-secret", "own-network"])
def test_the_demo_shows_none_of_the_labs_secrets(fault: str, tmp_path: Path) -> None:
    environ = {**ENVIRON, **proxies(1)}
    words = ("demo", fault, "--timeout", "1", *OUTPUTS)
    more = ("lab-api-key", LAB_LIVEKIT_SECRET, "not-the-servers-key")
    done = nothing_shown(*words, cwd=tmp_path, environ=environ, more=more)
    assert done.code == 0
    assert b"eyJ" not in b"".join(content for _, content in written(done, (), tmp_path))


def test_a_lab_left_running_prints_no_secret(tmp_path: Path) -> None:
    words = ("lab", "up", "own-network")
    more = ("lab-api-key", LAB_LIVEKIT_SECRET)
    done = nothing_shown(*words, cwd=tmp_path, environ=ENVIRON, more=more, until=b"Ctrl-C")
    assert done.code == 0


def test_an_interrupted_run_shows_none_either(tmp_path: Path) -> None:
    with broken("livekit-hanging") as system:
        environ = {**ENVIRON, **holding(system), **proxies(1)}
        words = ("doctor", *way_to(system), *OUTPUTS)
        process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=tmp_path,
            env=environment(tmp_path, environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert done.code == 130
    places = list(written(done, (), tmp_path))
    assert shown(places, (*MARKED, system.api_key, LAB_LIVEKIT_SECRET)) == []


def test_a_wrong_settings_file_is_told_without_its_secret(tmp_path: Path) -> None:
    for line in (
        f'api_key = "{API_KEY}"',
        f'api_key = "{API_KEY}',
        f'api = "https://somebody:{SUDO}@api.test"',
        f'apikey = "{API_KEY}"',
        f'media_ports = "password={SUDO}"',
    ):
        place = tmp_path / str(abs(hash(line)))
        place.mkdir()
        file = place / "eloquence.toml"
        file.write_text(f"[targets.p]\n{line}\n", encoding="utf-8")
        done, _ = carried_out("doctor", cwd=place, environ=ENVIRON)
        assert done.code == 2
        assert shown([("", done.out), ("", done.err)], MARKED) == []


def test_secrets_do_not_reach_the_environment_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six modules start processes here (what is sent to a server starts its own there)."""
    import eloquence_ops

    folder = Path(eloquence_ops.__file__).parent
    starting = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if "remote" not in path.parts
        and any(word in path.read_text(encoding="utf-8") for word in ("subprocess", "os.system"))
    }
    assert starting == {
        "deploy/origin.py",
        "deploy/wheels.py",
        "lab/services/programs.py",
        "probes/media/child.py",
        "server/dial.py",
        "server/local.py",
    }
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    printed = asyncio.run(programs.said("/usr/bin/env"))
    assert "PATH=" in printed
    assert shown([("environment", printed.encode())], MARKED) == []
    given = children.environment({**ENVIRON, "PATH": "/bin"})
    assert shown([("environment", repr(given).encode())], MARKED) == []
    assert given["PATH"] == "/bin"


def test_a_command_on_this_machine_sees_none_of_them(tmp_path: Path) -> None:
    async def said() -> bytes:
        link = LocalLink({**os.environ, **ENVIRON}, tmp_path)
        return (await link.run(("env",), timeout_s=10)).stdout

    assert shown([("environment", asyncio.run(said()))], MARKED) == []
