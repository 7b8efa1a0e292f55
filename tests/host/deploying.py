"""`eloquence deploy` and its kin, run by the client against the host as a CI job runs them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.host.examining import fingerprint
from tests.host.layout import API_UNIT, REMOTE_DIR
from tests.host.machine import Done, Host

UNIT: Final = "eloquence-api-deploy.service"
_STATE: Final = "/var/lib/eloquence-deploy/eloquence-api"
QUICK: Final = ("--no-public-check", "--watch", "0")
"""For tests of something else than the checks."""


def deploy(host: Host, source: Path, *more: str, server: str = "", **environ: str) -> Done:
    """Its exit code is the caller's to judge."""
    return eloquence(host, "deploy", str(source), *more, server=server, **environ)


def eloquence(host: Host, *words: str, server: str = "", **environ: str) -> Done:
    """Any command that speaks with the server."""
    return host.eloquence(*words, *_server(host, server), timeout_s=90, **_secrets(host), **environ)


def document(done: Done) -> dict[str, Any]:
    """The document of `--output json`; raises `AssertionError` with what was said instead."""
    assert done.stdout.startswith("{"), f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def deployed(host: Host, source: Path, *more: str, **environ: str) -> dict[str, Any]:
    """A deploy that must succeed; its document."""
    done = deploy(host, source, *more, "--output", "json", **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return document(done)


def settings(folder: Path, **keys: object) -> dict[str, str]:
    """A settings file of the person's own, as variables of the environment that lead to it."""
    path = folder / "settings/eloquence/eloquence.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{name} = {json.dumps(value)}" for name, value in keys.items())
    path.write_text("\n".join(("[targets.test]", *lines, "")), encoding="utf-8")
    return {"XDG_CONFIG_HOME": str(folder / "settings")}


# --- While it runs -------------------------------------------------------------------------------


class Client:
    """A deploy in a process of its own, to be disturbed."""

    def __init__(self, host: Host, *words: str, **environ: str) -> None:
        home = {"HOME": str(host.boot.folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self._out = host.boot.folder / f"client-{time.monotonic_ns()}"
        command = ["ip", "netns", "exec", host.client.name, sys.executable, "-m", "eloquence_ops"]
        with self._out.open("wb") as out, self._out.with_suffix(".err").open("wb") as err:
            self.process = subprocess.Popen(
                [*command, *words, *_server(host, "")],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=home | _secrets(host) | environ,
            )

    def said(self) -> str:
        """Everything so far."""
        return self._out.read_text("utf-8") + self._out.with_suffix(".err").read_text("utf-8")

    def wait(self, timeout_s: float = 120) -> Done:
        code = self.process.wait(timeout_s)
        out, err = self._out.read_text("utf-8"), self._out.with_suffix(".err").read_text("utf-8")
        return subprocess.CompletedProcess([], code, out, err)


@contextlib.contextmanager
def deploying(host: Host, *words: str, **environ: str) -> Iterator[Client]:
    """`words` are those after `eloquence`; at the end of the block it is no more."""
    client = Client(host, *words, **environ)
    try:
        yield client
    finally:
        client.process.kill()
        client.process.wait(20)


# --- What is on the host afterwards --------------------------------------------------------------


_STRAY: Final = f"""
shopt -s nullglob
cd {REMOTE_DIR} || exit
for folder in releases/*/; do
  test -s "$folder/.eloquence/record.json" || echo "$folder without a record"
done
for folder in environments/*; do
  test -L "$folder" || test -s "$folder/environment.json" || echo "$folder not whole"
  grep -qs "$(basename "$folder")" releases/*/.eloquence/record.json /dev/null ||
    echo "$folder unused"
done
find . -xdev '(' -name '*.tmp' -o -name '.tmp*' -o -name '*.part' -o -name '*.new' \
  -o -name '*.eloquence-*' ')' -not -path '*/site-packages/*'
ls -A /run/eloquence-deploy/eloquence-api 2>/dev/null | sed '1,2d; s|^|/run/eloquence-deploy: |'
find /run/eloquence-deploy -name '*secret*'
ls -A /run/systemd/system /etc/systemd/system | grep -e -candidate -e -recover
ls -d /etc/systemd/system/*.wants/*-recover.service {_STATE}/boot
systemctl list-units --all --plain --no-legend 'eloquence-api-*' | grep -ve '\\.slice' -e -by-hand-
pgrep -fa '[p]ublic-on-signal|[-]I -S -B'
test ! -e {_STATE}/apply.json || echo "a journal"
true
"""


def version_of(host: Host) -> str:
    """Which release answers (`sources.version`)."""
    answer = host.shell("curl --silent --fail --max-time 5 http://127.0.0.1:8083/", check=False)
    found = json.loads(answer.stdout) if answer.returncode == 0 else {}
    return str(found.get("v", "")) if found else "none"


def stray(host: Host) -> list[str]:
    """What should not be there when no deploy is under way.

    The unit says how it ended and then ends itself: that is waited for.
    """
    until = time.monotonic() + 10
    while (found := host.shell(_STRAY).stdout.splitlines()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def digests(folder: Path) -> dict[str, str]:
    """Of a source's files, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def current_digests(host: Host) -> dict[str, str]:
    """Of the files of the release that `current` points to."""
    listed = host.shell(
        f"cd {REMOTE_DIR}/current/ && find . -type f -not -path './.eloquence/*' "
        "-not -path '*/__pycache__/*' -not -name '.env*' -print0 | xargs -0 sha256sum --"
    ).stdout
    rows = (line.split("  ./", 1) for line in listed.splitlines())
    return {path: digest for digest, path in rows}


def serves(host: Host) -> bool:
    """Whether the API opens a session and closes it, by way of its port, and its unit is well."""
    host.wait_until(f"test $(systemctl is-active {API_UNIT}) = active")
    said = host.curl(
        *("--fail", "--header", f"X-API-Key: {host.keys.api_key}", "--json", '{"user_id": "t"}'),
        f"http://{host.address}:8083/api/sessions",
        check=False,
    )
    return said.returncode == 0 and "session_id" in said.stdout


def wait_until_begun(client: Client, step: str) -> None:
    """Until a deploy has begun a step, and waits there."""
    deadline = time.monotonic() + 60
    while f"[{step}]" not in client.said():
        assert client.process.poll() is None, client.said()
        assert time.monotonic() < deadline, client.said()
        time.sleep(0.02)


def wait_until_ended(host: Host, timeout_s: float = 60) -> None:
    """Until no apply is under way, however it ended."""
    host.wait_until(f"! systemctl --quiet is-active {UNIT}", timeout_s=timeout_s)
    host.wait_until(f"test $(systemctl is-active {UNIT}) != deactivating", timeout_s=timeout_s)


def _server(host: Host, server: str) -> tuple[str, ...]:
    return ("--server", server or host.ssh_target, "--server-key", fingerprint(host))


def _secrets(host: Host) -> dict[str, str]:
    return {"ELOQUENCE_API_KEY": host.keys.api_key, "ELOQUENCE_SSH_KEY": str(host.key_path)}
