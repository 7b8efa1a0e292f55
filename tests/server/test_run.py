"""Commands on a server: the same over SSH and on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from eloquence_ops.server.errors import CommandTooSlow, LinkError
from eloquence_ops.server.link import Completed, Link
from eloquence_ops.server.local import LocalLink
from tests.server.client import Client
from tests.server.machines import Machine

Linked = Callable[[], contextlib.AbstractAsyncContextManager[Link]]


@contextlib.asynccontextmanager
async def on_this_machine(home: Path) -> AsyncIterator[Link]:
    link = LocalLink({"PATH": "/usr/bin:/bin", "ELOQUENCE_API_KEY": "sk-live-1"}, home)
    try:
        yield link
    finally:
        await link.close()


@pytest.fixture(params=["ssh", "local"])
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> Linked:
    if request.param == "local":
        return lambda: on_this_machine(tmp_path)
    server: Machine = request.getfixturevalue("server")
    authorized: Client = request.getfixturevalue("authorized")
    return lambda: authorized.link(server.port, user="free")


def run(linked: Linked, *commands: str | list[str], **how: object) -> Completed:
    async def story() -> Completed:
        completed: Completed | None = None
        async with linked() as link:
            for command in commands:
                completed = await link.run(command, **{"timeout_s": 60.0} | how)  # type: ignore[arg-type]
        assert completed is not None
        return completed

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("echo out; echo err >&2; exit 3", 3, b"out\n", b"err\n"),
        (
            ["printf", "%s|", "a b", "$HOME", "it's", "é", "; false"],
            0,
            "a b|$HOME|it's|é|; false|",
            b"",
        ),
        ("exit 255", 255, b"", b""),
        ("kill -9 $$", None, b"", b""),
        ("printf '\\000\\377'", 0, b"\x00\xff", b""),
        ("f() { echo \"$1\"; }\nf 'two\nlines'", 0, b"two\nlines\n", b""),
    ],
)
def test_what_a_command_says_and_how_it_ends(
    linked: Linked, command: str | list[str], status: int | None, stdout: bytes | str, stderr: bytes
) -> None:
    completed = run(linked, command)
    expected = stdout if isinstance(stdout, bytes) else stdout.encode()
    assert (completed.exit_status, completed.stdout, completed.stderr) == (status, expected, stderr)
    assert not completed.truncated


def test_twenty_megabytes_on_both_streams_at_once(linked: Linked) -> None:
    half = "head -c 20000000 /dev/zero"
    completed = run(linked, f"{half} & {half} >&2; wait", limit_bytes=50_000_000)
    assert len(completed.stdout) == len(completed.stderr) == 20_000_000
    assert completed.exit_status == 0


def test_one_stream_that_is_full_before_the_other_begins(linked: Linked) -> None:
    script = "head -c 9000000 /dev/zero >&2; echo done"
    completed = run(linked, script, limit_bytes=10_000_000)
    assert completed.stdout == b"done\n"
    assert len(completed.stderr) == 9_000_000


def test_megabytes_in_and_out_at_once(linked: Linked) -> None:
    data = bytes(range(256)) * 40_000
    assert run(linked, "cat", stdin=data, limit_bytes=20_000_000).stdout == data


@pytest.mark.parametrize("command", ["true", "head -c 10", "exec 0<&-; sleep 0.3; echo later"])
def test_a_command_may_leave_its_input_unread(linked: Linked, command: str) -> None:
    assert run(linked, command, stdin=b"x" * 8_000_000).exit_status == 0


def test_endless_output_is_ended_and_said_to_be_truncated(linked: Linked) -> None:
    completed = run(linked, "yes", limit_bytes=100_000)
    assert completed.truncated
    assert completed.exit_status is None
    assert completed.stdout == (b"y\n" * 50_000)


def test_exactly_as_much_as_is_allowed_is_not_truncated(linked: Linked) -> None:
    completed = run(linked, "head -c 1000 /dev/zero", limit_bytes=1000)
    assert not completed.truncated
    assert completed.exit_status == 0


async def is_running(link: Link, marker: str) -> bool:
    # The brackets keep it from finding itself.
    found = await link.run(["pgrep", "-f", f"[{marker[0]}]{marker[1:]}"], timeout_s=20)
    return found.exit_status == 0


async def until(link: Link, marker: str, *, running: bool) -> None:
    async with asyncio.timeout(20):
        while await is_running(link, marker) is not running:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.1)


@pytest.fixture
def nap() -> str:
    """A command that takes an hour, and that nobody else runs."""
    return f"sleep 3600.{random.randrange(10**9)}"


def test_at_the_deadline_a_command_is_ended_and_what_it_said_is_kept(
    linked: Linked, nap: str
) -> None:
    async def story() -> None:
        async with linked() as link:
            with pytest.raises(CommandTooSlow) as slow:
                await link.run(f"echo begun; {nap} & wait", timeout_s=1)
            assert slow.value.partial.stdout == b"begun\n"
            await until(link, nap, running=False)

    asyncio.run(story())


def test_a_cancelled_command_is_ended(linked: Linked, nap: str) -> None:
    async def story() -> None:
        async with linked() as link:
            command = asyncio.create_task(link.run(nap, timeout_s=600))
            await until(link, nap, running=True)
            command.cancel()
            with pytest.raises(asyncio.CancelledError):
                await command
            await until(link, nap, running=False)

    asyncio.run(story())


def test_commands_run_beside_each_other(linked: Linked) -> None:
    """One waits for the other: in a row they would never end."""

    async def story(folder: str) -> None:
        async with linked() as link:
            await link.run(["mkfifo", f"{folder}/pipe"], timeout_s=20)
            reading = link.run(["cat", f"{folder}/pipe"], timeout_s=20)
            writing = link.run(f"echo met > {folder}/pipe", timeout_s=20)
            met, _ = await asyncio.gather(reading, writing)
            assert met.stdout == b"met\n"
            await link.run(["rm", "-r", folder], timeout_s=20)

    async def made() -> str:
        async with linked() as link:
            completed = await link.run(["mktemp", "-d"], timeout_s=20)
            return completed.stdout.decode().strip()

    asyncio.run(story(asyncio.run(made())))


def test_a_hundred_commands_in_a_row_leave_the_link_whole(
    server: Machine, authorized: Client
) -> None:
    """sshd disconnects whoever speaks of a channel that has just been closed."""

    def over_ssh() -> contextlib.AbstractAsyncContextManager[Link]:
        return authorized.link(server.port, user="free")

    assert run(over_ssh, *["echo one; exit 3"] * 100).exit_status == 3


def test_it_runs_in_the_home_folder(linked: Linked) -> None:
    completed = run(linked, '[ "$(pwd -P)" = "$(cd && pwd -P)" ] || [ "$(pwd)" = "$PWD" ]')
    assert completed.exit_status == 0


def test_a_program_that_is_not_there(linked: Linked) -> None:
    async def story() -> None:
        async with linked() as link:
            if isinstance(link, LocalLink):  # which knows it before it runs
                with pytest.raises(LinkError, match="/nowhere/program"):
                    await link.run(["/nowhere/program"], timeout_s=20)
            else:
                completed = await link.run(["/nowhere/program"], timeout_s=20)
                assert completed.exit_status == 127

    asyncio.run(story())


def test_commands_on_this_machine_do_not_see_our_secrets(tmp_path: Path) -> None:
    completed = run(lambda: on_this_machine(tmp_path), "env; pwd")
    assert b"ELOQUENCE" not in completed.stdout
    assert completed.stdout.decode().splitlines()[-1] == str(tmp_path)


def test_a_completed_command_does_not_show_its_output_by_accident() -> None:
    completed = Completed(0, b"secret", b"secret", False, 0.1)
    assert "secret" not in repr(completed)
