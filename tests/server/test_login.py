"""Logging in to a real sshd: agent, files, passphrases, and what is said where nothing fits."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eloquence_ops.secrets import Secret
from eloquence_ops.server.errors import LoginRefused
from tests.real import require
from tests.server.client import Client
from tests.server.machines import Machine, machine

PASSPHRASE = "open sesame"


def enters(client: Client, server: Machine, **how: Any) -> bool:
    """Whether a command runs as the user. Raises as `connect` does."""
    client.trust(server)

    async def story() -> bool:
        async with client.link(server.port, **how) as link:
            return (await link.run("true", timeout_s=20)).exit_status == 0

    return asyncio.run(story())


def refused(client: Client, server: Machine, **how: Any) -> LoginRefused:
    with pytest.raises(LoginRefused) as refusal:
        enters(client, server, **how)
    assert "Traceback" not in refusal.value.sentence("fr")
    return refusal.value


@contextlib.contextmanager
def agent(client: Client, *names: str) -> Iterator[None]:
    """A real ssh-agent of this client, which holds these keys of ~/.ssh; the files stay."""
    require("ssh")
    path = client.home / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        client.environ["SSH_AUTH_SOCK"] = str(path)
        while not path.exists():
            time.sleep(0.01)
        for name in names:
            command = ["ssh-add", "-q", str(client.home / ".ssh" / name)]
            subprocess.run(command, check=True, env=client.environ, capture_output=True)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def admitting(tmp_path: Path, *public: str, extra: str = "") -> Iterator[Machine]:
    with machine(tmp_path / "machine", *public, extra=extra) as made:
        yield made


async def says(passphrase: str) -> Secret:
    return Secret(passphrase)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_of_each_kind_at_its_default_place(
    newcomer: Client, tmp_path: Path, kind: str
) -> None:
    public = newcomer.key(f"id_{kind}", kind=kind)
    with admitting(tmp_path, public) as server:
        assert enters(newcomer, server)


@pytest.mark.parametrize("format_", ["PEM", "PKCS8", "RFC4716"])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_in_each_format(
    newcomer: Client, tmp_path: Path, format_: str, passphrase: str
) -> None:
    newcomer.key("other", kind="rsa")
    file = newcomer.home / ".ssh" / "other"
    options = ["-q", "-p", "-P", "", "-N", passphrase, "-m", format_, "-f", str(file)]
    subprocess.run(["ssh-keygen", *options], check=True, capture_output=True)
    with admitting(tmp_path, Path(f"{file}.pub").read_text()) as server:
        assert enters(newcomer, server, key_file=file, ask=lambda _: says(PASSPHRASE))


def test_the_key_that_was_named_comes_first(newcomer: Client, tmp_path: Path) -> None:
    newcomer.key()
    public = newcomer.key("deploy")
    file = newcomer.home / ".ssh" / "deploy"
    with admitting(tmp_path, public, extra="MaxAuthTries 1") as server:
        assert enters(newcomer, server, key_file=file)
        error = refused(newcomer, server)
        assert "MaxAuthTries" in error.sentence("en")


def test_a_named_key_that_is_not_there(newcomer: Client, server: Machine) -> None:
    error = refused(newcomer, server, key_file=newcomer.home / "nowhere")
    assert str(newcomer.home / "nowhere") in error.sentence("en")


def test_the_agents_key(newcomer: Client, tmp_path: Path) -> None:
    public = newcomer.key("secret", passphrase="")
    with admitting(tmp_path, public) as server, agent(newcomer, "secret"):
        (newcomer.home / ".ssh" / "secret").unlink()
        (newcomer.home / ".ssh" / "secret.pub").unlink()
        assert enters(newcomer, server)
        newcomer.configure("IdentityAgent none")
        assert refused(newcomer, server).phrase_id == "login.no-key"
        newcomer.environ["ELSEWHERE"] = newcomer.environ.pop("SSH_AUTH_SOCK")
        newcomer.configure("IdentityAgent ${ELSEWHERE}")
        assert enters(newcomer, server)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_the_agents_keys_of_other_kinds(newcomer: Client, tmp_path: Path, kind: str) -> None:
    public = newcomer.key("one", kind=kind)
    with admitting(tmp_path, public) as server, agent(newcomer, "one"):
        assert enters(newcomer, server)


def test_an_agent_with_many_keys_tries_those_of_the_configuration_first(
    newcomer: Client, tmp_path: Path
) -> None:
    names = [f"key{number}" for number in range(8)]
    publics = [newcomer.key(name) for name in names]
    with admitting(tmp_path, publics[-1]) as server, agent(newcomer, *names):
        error = refused(newcomer, server)
        assert "MaxAuthTries" in error.sentence("en")
        assert "6" in error.sentence("en")
        newcomer.configure(f"IdentityFile ~/.ssh/{names[-1]}")
        assert enters(newcomer, server)
        # Its public half alone is enough to choose it.
        (newcomer.home / ".ssh" / names[-1]).unlink()
        newcomer.configure(f"IdentityFile ~/.ssh/{names[-1]}.pub\nIdentitiesOnly yes")
        assert enters(newcomer, server)


def test_identities_only_keeps_the_agents_other_keys_back(newcomer: Client, tmp_path: Path) -> None:
    newcomer.key()
    public = newcomer.key("other")
    with admitting(tmp_path, public) as server, agent(newcomer, "other"):
        assert enters(newcomer, server)
        newcomer.configure("IdentitiesOnly yes")
        assert "other" not in refused(newcomer, server).values["tried"]


def test_an_agent_that_has_gone(newcomer: Client, tmp_path: Path) -> None:
    public = newcomer.key()
    newcomer.environ["SSH_AUTH_SOCK"] = str(newcomer.home / "gone")
    with admitting(tmp_path, public) as server:
        assert enters(newcomer, server)
    with admitting(tmp_path) as server:
        assert str(newcomer.home / "gone") in refused(newcomer, server).sentence("en")


def test_an_agent_that_refuses_to_sign(newcomer: Client, tmp_path: Path) -> None:
    """Confirmation is asked for by a program that is not there: that is a no."""
    public = newcomer.key("careful")
    with admitting(tmp_path, public) as server, agent(newcomer):
        path = newcomer.home / ".ssh" / "careful"
        command = ["ssh-add", "-q", "-c", str(path)]
        subprocess.run(command, check=True, env=newcomer.environ, capture_output=True)
        path.unlink()
        assert refused(newcomer, server).phrase_id == "login.agent-refuses"


def test_an_encrypted_key_is_asked_for(newcomer: Client, tmp_path: Path) -> None:
    public = newcomer.key(passphrase=PASSPHRASE)
    asked: list[Path] = []
    answers = ["wrong", PASSPHRASE]

    async def ask(path: Path) -> Secret | None:
        asked.append(path)
        return Secret(answers[len(asked) - 1])

    with admitting(tmp_path, public) as server:
        assert enters(newcomer, server, ask=ask)
    assert asked == [newcomer.home / ".ssh" / "id_ed25519"] * 2


@pytest.mark.parametrize("answers", [[None], ["wrong", "wrong", "wrong"]])
def test_a_passphrase_that_nobody_knows(
    newcomer: Client, tmp_path: Path, answers: list[str | None]
) -> None:
    public = newcomer.key(passphrase=PASSPHRASE)
    given = iter(answers)

    async def ask(path: Path) -> Secret | None:
        answer = next(given)
        return Secret(answer) if answer else None

    with admitting(tmp_path, public) as server:
        error = refused(newcomer, server, ask=ask)
    assert "was not unlocked" in error.sentence("en")
    assert list(given) == []


def test_without_a_terminal_an_encrypted_key_is_not_asked_for(
    newcomer: Client, tmp_path: Path
) -> None:
    public = newcomer.key(passphrase=PASSPHRASE)
    with admitting(tmp_path, public) as server:
        error = refused(newcomer, server)
    assert "ssh-add" in error.sentence("en")
    assert "phrase secrète" in error.sentence("fr")


def test_nobody_is_asked_for_a_passphrase_that_is_not_needed(
    newcomer: Client, tmp_path: Path
) -> None:
    newcomer.key(passphrase=PASSPHRASE)
    public = newcomer.key("id_rsa", kind="rsa")

    async def ask(path: Path) -> Secret | None:
        raise AssertionError(path)

    with admitting(tmp_path, public) as server:
        assert enters(newcomer, server, ask=ask)


def test_what_is_said_where_no_key_is_taken(newcomer: Client, tmp_path: Path) -> None:
    newcomer.key()
    (newcomer.home / ".ssh" / "id_rsa").write_text("no key")
    with admitting(tmp_path) as server:
        error = refused(newcomer, server, user="ubuntu")
        assert error.phrase_id == "login.refused"
        sentence = error.sentence("en")
        assert f"ubuntu@127.0.0.1:{server.port}" in sentence
        assert str(newcomer.home / ".ssh" / "id_ed25519") in sentence
        assert str(newcomer.home / ".ssh" / "id_rsa") in sentence
        assert "accepts: publickey." in sentence


def test_a_server_that_takes_passwords_only(newcomer: Client, tmp_path: Path) -> None:
    newcomer.key()
    extra = "PubkeyAuthentication no\nPasswordAuthentication yes"
    with admitting(tmp_path, extra=extra) as server:
        sentence = refused(newcomer, server).sentence("en")
        assert "password" in sentence
        assert "no keys at all" in sentence


def test_a_server_that_lets_everybody_in(newcomer: Client, tmp_path: Path) -> None:
    extra = "PasswordAuthentication yes\nPermitEmptyPasswords yes"

    async def story(port: int) -> int:
        async with newcomer.link(port, user="anybody") as link:
            much = await link.run("head -c 5000000 /dev/zero", timeout_s=30)
            return len(much.stdout)

    with admitting(tmp_path, extra=extra) as server:
        newcomer.trust(server)
        assert asyncio.run(story(server.port)) == 5_000_000


def test_a_server_that_wants_a_second_factor(newcomer: Client, tmp_path: Path) -> None:
    public = newcomer.key()
    extra = "PasswordAuthentication yes\nAuthenticationMethods publickey,password"
    with admitting(tmp_path, public, extra=extra) as server:
        assert refused(newcomer, server).phrase_id == "login.more-wanted"


def test_a_certificate_beside_the_key(newcomer: Client, tmp_path: Path) -> None:
    newcomer.key("authority")
    newcomer.key()
    ssh = newcomer.home / ".ssh"
    options = ["-q", "-s", str(ssh / "authority"), "-I", "me", "-n", "root"]
    sign = ["ssh-keygen", *options, str(ssh / "id_ed25519.pub")]
    subprocess.run(sign, check=True, capture_output=True)
    extra = f"TrustedUserCAKeys {ssh}/authority.pub"
    with admitting(tmp_path, extra=extra) as server:
        assert enters(newcomer, server)


@pytest.mark.parametrize(
    "content",
    [b"", b"ssh-ed25519-cert-v01@openssh.com", b"x !!", b"\xff\xfe", b"ssh-rsa AAAAB3NzaC1yc2EA x"],
)
def test_a_broken_certificate_beside_the_key_keeps_nobody_out(
    newcomer: Client, tmp_path: Path, content: bytes
) -> None:
    public = newcomer.key()
    (newcomer.home / ".ssh" / "id_ed25519-cert.pub").write_bytes(content)
    with admitting(tmp_path, public) as server:
        newcomer.trust(server)
        assert enters(newcomer, server)
