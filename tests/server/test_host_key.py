"""The key that a real server shows, and whether the way goes on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from eloquence_ops.server.destination import Destination
from eloquence_ops.server.errors import HostKeyRefused, LinkError, LoginRefused
from eloquence_ops.server.session import shown_key
from eloquence_ops.server.ssh_config import route
from eloquence_ops.server.way import DEADLINES, Way
from tests.server.client import Client
from tests.server.machines import Machine, machine


@pytest.fixture
def visitor(authorized: Client, newcomer: Client) -> Client:
    """Whose key the server takes, and who knows no host yet."""
    newcomer.configure(f"IdentityFile {authorized.home}/.ssh/id_ed25519\n")
    return newcomer


def entered(client: Client, port: int, accepted: str | None = None) -> str:
    """The type of the key that was shown, once we are in."""

    async def story() -> str:
        async with client.link(port, accepted_keys=[accepted] if accepted else []) as link:
            await link.run("true", timeout_s=20)
            return shown_key(link._session).type

    return asyncio.run(story())


def refusal(client: Client, port: int, accepted: str | None = None) -> HostKeyRefused:
    with pytest.raises(HostKeyRefused) as refused:
        entered(client, port, accepted)
    return refused.value


def test_an_unknown_key_stops_and_its_fingerprint_lets_on(server: Machine, visitor: Client) -> None:
    error = refusal(visitor, server.port)
    assert error.phrase_id == "hostkey.unknown"
    fingerprint = error.values["fingerprint"]
    assert fingerprint == server.fingerprint("ed25519")
    for language in ("en", "fr"):
        assert f"--server-key {fingerprint}" in error.sentence(language)
    for written in (fingerprint, f"{fingerprint}="):
        assert entered(visitor, server.port, written) == "ssh-ed25519"
    assert not (visitor.home / ".ssh" / "known_hosts").exists()


def test_an_unknown_key_is_sent_nothing(server: Machine, visitor: Client) -> None:
    before = server.log().count("Accepted publickey")
    refusal(visitor, server.port)
    assert server.log().count("Accepted publickey") == before
    assert "userauth-request" not in server.log().rpartition("Connection from")[2]


def test_another_fingerprint_does_not_let_on(server: Machine, visitor: Client) -> None:
    wrong = "SHA256:" + "A" * 43
    assert refusal(visitor, server.port, wrong).phrase_id == "hostkey.not-the-accepted"
    visitor.trust(server)
    assert refusal(visitor, server.port, wrong).phrase_id == "hostkey.not-the-accepted"


@pytest.mark.parametrize(
    "line",
    [
        "[127.0.0.1]:{port} {key}",
        "[127.0.0.*]:{port} {key}",
        "127.0.0.1 {key}",
        "other,[127.0.0.1]:{port} {key} a comment",
    ],
)
def test_a_known_key(server: Machine, visitor: Client, line: str) -> None:
    visitor.know("nonsense")
    visitor.know(line.format(port=server.port, key=server.host_keys["ed25519"]))
    assert entered(visitor, server.port) == "ssh-ed25519"


def test_a_known_key_under_a_hashed_name(server: Machine, visitor: Client) -> None:
    visitor.trust(server)
    file = visitor.home / ".ssh" / "known_hosts"
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert "127.0.0.1" not in file.read_text()
    assert entered(visitor, server.port) == "ssh-ed25519"


@pytest.mark.parametrize(
    ("kind", "type_"),
    [("rsa", "ssh-rsa"), ("ecdsa", "ecdsa-sha2-nistp256"), ("ed25519", "ssh-ed25519")],
)
def test_a_server_is_asked_for_the_key_that_is_known(
    server: Machine, visitor: Client, kind: str, type_: str
) -> None:
    visitor.trust(server, kind)
    assert entered(visitor, server.port) == type_


@pytest.fixture
def another_key(tmp_path: Path) -> Callable[[str], str]:
    """A public key of a kind, that is not the server's."""

    def make(kind: str) -> str:
        path = tmp_path / f"another_{kind}"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
        return " ".join(Path(f"{path}.pub").read_text().split()[:2])

    return make


@pytest.mark.parametrize("accept_it", [False, True])
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_changed_key_stops_whatever_was_accepted(
    server: Machine,
    visitor: Client,
    another_key: Callable[[str], str],
    kind: str,
    accept_it: bool,
) -> None:
    visitor.know(f"[127.0.0.1]:{server.port} {another_key(kind)}")
    accepted = server.fingerprint(kind) if accept_it else None
    error = refusal(visitor, server.port, accepted)
    assert error.phrase_id == "hostkey.changed"
    file = visitor.home / ".ssh" / "known_hosts"
    assert error.values["place"] == f"{file}:1"
    assert error.values["fingerprint"] == server.fingerprint(kind)


def test_what_a_changed_key_says_to_do_helps(
    server: Machine, visitor: Client, another_key: Callable[[str], str]
) -> None:
    visitor.know(f"elsewhere {another_key('ecdsa')}")
    visitor.know(f"[127.0.0.1]:{server.port} {another_key('ed25519')}")
    file = visitor.home / ".ssh" / "known_hosts"
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    command = refusal(visitor, server.port).values["forget"]
    assert command in refusal(visitor, server.port).sentence("fr")
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    assert refusal(visitor, server.port).phrase_id == "hostkey.unknown"
    assert len(file.read_text().splitlines()) == 1


@pytest.mark.parametrize("accept_it", [False, True])
def test_a_revoked_key_stops_whatever_was_accepted(
    server: Machine, visitor: Client, accept_it: bool
) -> None:
    visitor.trust(server)
    visitor.know(f"@revoked * {server.host_keys['ed25519']}")
    accepted = server.fingerprint("ed25519") if accept_it else None
    assert refusal(visitor, server.port, accepted).phrase_id == "hostkey.revoked"


def test_a_host_that_has_lost_the_known_kind_of_key_has_changed(
    authorized: Client, visitor: Client, server: Machine, tmp_path: Path
) -> None:
    folder = tmp_path / "machine"
    with machine(folder, extra="HostKeyAlgorithms ssh-ed25519") as made:
        visitor.know(f"[127.0.0.1]:{made.port} {server.host_keys['rsa']}")
        assert refusal(visitor, made.port).phrase_id == "hostkey.changed"


def test_the_files_that_the_configuration_names(server: Machine, visitor: Client) -> None:
    elsewhere = visitor.home / "elsewhere"
    elsewhere.write_text(f"server {server.host_keys['ed25519']}\n")
    file = visitor.home / ".ssh" / "config"
    alias = "HostKeyAlias server\nPort 22\n"
    file.write_text(
        f"{file.read_text()}UserKnownHostsFile none\nGlobalKnownHostsFile {elsewhere}\n"
    )
    assert refusal(visitor, server.port).phrase_id == "hostkey.unknown"
    file.write_text(file.read_text() + alias)
    assert entered(visitor, server.port) == "ssh-ed25519"


def test_the_key_is_judged_before_the_login(server: Machine, newcomer: Client) -> None:
    """Without any key of ours the first refusal is the host key's."""
    assert refusal(newcomer, server.port).phrase_id == "hostkey.unknown"
    newcomer.trust(server)
    with pytest.raises(LoginRefused):
        entered(newcomer, server.port)


def test_a_link_that_ends_between_the_handshake_and_the_key(
    server: Machine, visitor: Client
) -> None:
    async def story() -> None:
        way = Way()
        try:
            (host,) = route(Destination("127.0.0.1", port=server.port), visitor.account)
            await way.go_on(host, visitor.account, DEADLINES)
            way.session.end()
            way.verify(is_last=True)
        finally:
            way.end()

    with pytest.raises(LinkError) as ended:
        asyncio.run(story())
    assert ended.value.phrase_id == "link.handshake-cut"
