"""Over two hosts to a third: three real sshds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops.server import ssh
from eloquence_ops.server.destination import Destination
from eloquence_ops.server.errors import HostKeyRefused, LinkError, LoginRefused, SshConfigError
from tests.probes.peers import free_port, peer, silent
from tests.real import require
from tests.server.client import Client
from tests.server.machines import Machine, machine
from tests.server.test_broken_links import QUICK

# Each host has a key of its own.
KINDS = {"ecdsa": "ecdsa-sha2-nistp256", "rsa": "rsa-sha2-512", "ed25519": "ssh-ed25519"}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, list[Machine]]]:
    """Three machines, and a client who reaches `third` over `first` and `second` alone."""
    folder = tmp_path_factory.mktemp("machines")
    client = Client.new(folder / "client")
    with contextlib.ExitStack() as stack:
        made = [
            stack.enter_context(
                machine(folder / name, client.key(f"for-{name}"), extra=f"HostKeyAlgorithms {kind}")
            )
            for name, kind in zip(("first", "second", "third"), KINDS.values(), strict=True)
        ]
        yield client, made


@pytest.fixture
def client(machines: tuple[Client, list[Machine]], tmp_path: Path) -> Client:
    """Each test has its own known hosts."""
    whose, made = machines
    client = Client(whose.home, {})
    known = "".join(
        f"[127.0.0.1]:{one.port} {one.host_keys[kind]}\n"
        for one, kind in zip(made, KINDS, strict=True)
    )
    (client.home / ".ssh" / "known_hosts").write_text(known)
    client.configure(configuration(made))
    return client


def configuration(made: list[Machine], way: str = "first,second") -> str:
    hosts = "".join(
        f"Host {name}\n Port {one.port}\n IdentityFile ~/.ssh/for-{name}\n"
        for name, one in zip(("first", "second", "third"), made, strict=True)
    )
    return f"{hosts}Host third\n ProxyJump {way}\nHost *\n HostName 127.0.0.1\n User free\n"


def who_connects(client: Client, **how: object) -> str:
    """What the third machine sees."""

    async def story() -> str:
        link = await ssh.connect(Destination("third"), client.account, **how)  # type: ignore[arg-type]
        try:
            return (await link.run('echo "$SSH_CONNECTION"', timeout_s=20)).stdout.decode().strip()
        finally:
            await link.close()

    return asyncio.run(story())


def test_each_host_is_entered_with_its_own_key(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    _, made = machines
    logins = [one.log().count("Accepted publickey") for one in made]
    seen = who_connects(client)
    assert seen.split()[3] == str(made[2].port)
    now = [one.log().count("Accepted publickey") for one in made]
    assert [after - before for before, after in zip(logins, now, strict=True)] == [1, 1, 1]


def test_jumps_within_jumps(client: Client, machines: tuple[Client, list[Machine]]) -> None:
    nested = configuration(machines[1], "second").replace(
        "Host second\n", "Host second\n ProxyJump first\n"
    )
    client.configure(nested)
    assert who_connects(client)


def forget(client: Client, *places: int) -> None:
    file = client.home / ".ssh" / "known_hosts"
    lines = file.read_text().splitlines()
    file.write_text("".join(f"{line}\n" for at, line in enumerate(lines) if at not in places))


def fingerprints(made: list[Machine]) -> list[str]:
    return [one.fingerprint(kind) for one, kind in zip(made, KINDS, strict=True)]


@pytest.mark.parametrize("place", [0, 1])
def test_an_unknown_key_on_the_way_stops_and_its_fingerprint_lets_on(
    client: Client, machines: tuple[Client, list[Machine]], place: int
) -> None:
    made = machines[1]
    forget(client, place)
    its = fingerprints(made)[place]
    with pytest.raises(HostKeyRefused) as error:
        who_connects(client)
    assert error.value.phrase_id == "hostkey.unknown-hop"
    assert str(made[place].port) in error.value.sentence("en")
    for language in ("en", "fr"):
        assert f"--server-key {its}" in error.value.sentence(language)
    assert who_connects(client, accepted_keys=[its])


def test_the_accepted_key_of_the_destination_opens_no_hop(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    forget(client, 0)
    with pytest.raises(HostKeyRefused) as error:
        who_connects(client, accepted_keys=fingerprints(machines[1])[2:])
    assert error.value.phrase_id == "hostkey.unknown-hop"


def test_where_no_host_is_known_each_is_accepted_by_its_own_key(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    """As in a CI job that goes through a bastion; the order does not matter."""
    forget(client, 0, 1, 2)
    accepted = fingerprints(machines[1])
    assert who_connects(client, accepted_keys=accepted[::-1])
    with pytest.raises(HostKeyRefused) as error:
        who_connects(client, accepted_keys=accepted[:2])
    assert error.value.phrase_id == "hostkey.unknown"


def test_a_hop_cannot_pass_itself_off_as_the_destination(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    """The third host is the first one here; its key was accepted, once."""
    made = machines[1]
    forget(client, 0, 1, 2)
    accepted = fingerprints(made)
    text = configuration(made, "first").replace(f"Port {made[2].port}", f"Port {made[0].port}")
    client.configure(text.replace("for-third", "for-first"))
    with pytest.raises(HostKeyRefused) as error:
        who_connects(client, accepted_keys=[accepted[0], accepted[2]])
    assert error.value.phrase_id == "hostkey.not-the-accepted"
    with pytest.raises(HostKeyRefused):
        who_connects(client, accepted_keys=[accepted[0]])
    assert who_connects(client, accepted_keys=[accepted[0], accepted[0]])


def test_the_accepted_key_is_the_destinations(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    forget(client, 2)
    assert who_connects(client, accepted_keys=fingerprints(machines[1])[2:])


def test_a_hop_that_takes_no_key_is_named(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    text = configuration(machines[1]).replace("for-second", "for-third")
    client.configure(text)
    with pytest.raises(LoginRefused) as error:
        who_connects(client)
    assert f"free@127.0.0.1:{machines[1][1].port}" in error.value.sentence("en")


def test_the_last_leg_is_refused(client: Client, machines: tuple[Client, list[Machine]]) -> None:
    _, made = machines
    closed = free_port()
    client.configure(configuration(made).replace(f"Port {made[2].port}", f"Port {closed}"))
    with pytest.raises(LinkError) as error:
        who_connects(client)
    assert error.value.phrase_id == "link.hop-refused"
    sentence = error.value.sentence("en")
    assert str(made[1].port) in sentence
    assert str(closed) in sentence
    assert "Connection refused" in sentence


def test_a_last_leg_that_says_nothing(
    client: Client, machines: tuple[Client, list[Machine]]
) -> None:
    _, made = machines

    async def story() -> str:
        async with peer(silent) as port, asyncio.timeout(20):
            client.configure(configuration(made).replace(f"Port {made[2].port}", f"Port {port}"))
            with pytest.raises(LinkError) as error:
                await ssh.connect(Destination("third"), client.account, deadlines=QUICK)
            return error.value.phrase_id

    assert asyncio.run(story()) == "link.mute"


def test_a_proxy_command(client: Client, machines: tuple[Client, list[Machine]]) -> None:
    require("nc")
    _, made = machines
    text = configuration(made).replace("ProxyJump first,second", "ProxyCommand nc %h %p")
    client.configure(text)
    assert who_connects(client)


@pytest.mark.parametrize(
    ("command", "phrase_id"),
    [("exit 1", "link.hung-up"), ("sleep 600", "link.mute"), ("echo hello", "link.not-ssh"),
     ("yes", "link.not-ssh"), ("/nowhere/program", "link.hung-up")],
)  # fmt: skip
def test_a_proxy_command_that_leads_nowhere(
    client: Client, machines: tuple[Client, list[Machine]], command: str, phrase_id: str
) -> None:
    text = configuration(machines[1]).replace("ProxyJump first,second", f"ProxyCommand {command}")
    client.configure(text)
    with pytest.raises(LinkError) as error:
        who_connects(client, deadlines=QUICK)
    assert error.value.phrase_id == phrase_id


def test_a_proxy_command_does_not_see_our_secrets(
    client: Client, machines: tuple[Client, list[Machine]], tmp_path: Path
) -> None:
    client.environ.update(ELOQUENCE_SUDO_PASSWORD="hunter22", PATH="/usr/bin:/bin")
    text = configuration(machines[1])
    client.configure(text.replace("ProxyJump first,second", f"ProxyCommand env > {tmp_path}/env"))
    with pytest.raises(LinkError):
        who_connects(client, deadlines=QUICK)
    assert "hunter22" not in (tmp_path / "env").read_text()


def test_a_circle_is_no_way(client: Client, machines: tuple[Client, list[Machine]]) -> None:
    client.configure("Host *\n ProxyJump first\n")
    with pytest.raises(SshConfigError):
        who_connects(client)
