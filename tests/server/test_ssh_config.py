"""From a destination to the hosts on the way to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from eloquence_ops.errors import UsageError
from eloquence_ops.server import destination
from eloquence_ops.server.destination import Destination
from eloquence_ops.server.errors import SshConfigError
from eloquence_ops.server.ssh_config import Account, Host, route
from eloquence_ops.settings import KEYS
from tests.server.client import Client


def hosts(client: Client, asked: str) -> list[str]:
    return [str(host) for host in route(destination.parse(asked), client.account)]


def only(client: Client, asked: str = "server") -> Host:
    (host,) = route(destination.parse(asked), client.account)
    return host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server", Destination("server")),
        ("ubuntu@51.159.110.4", Destination("51.159.110.4", "ubuntu")),
        ("ubuntu@server.example:2222", Destination("server.example", "ubuntu", 2222)),
        ("[2001:db8::1]", Destination("2001:db8::1")),
        ("me@[2001:db8::1]:22", Destination("2001:db8::1", "me", 22)),
        ("éloquence.com", Destination("éloquence.com")),
        ("me@domain@server", Destination("server", "me@domain")),
        ("ssh://me@server:2222", Destination("server", "me", 2222)),
        ("ssh://server/", Destination("server")),
    ],
)
def test_a_destination_is_read(text: str, expected: Destination) -> None:
    assert destination.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "me@", "server:0", "server:65536", "server:port", "-oProxyCommand=x", "me@-x",
             "a b", "http://server", "server:22:22", "2001:db8::1", "a/b", "[server]"],
)  # fmt: skip
def test_what_is_no_destination(text: str) -> None:
    with pytest.raises(UsageError):
        destination.parse(text)


@pytest.mark.parametrize(
    "text", ["server", "me@server:2222", "me@[::1]:2222", "éloquence.com", "a.b"]
)
def test_the_setting_and_the_destination_agree(text: str) -> None:
    assert KEYS["server"].parse(text) == text
    assert str(destination.parse(text)) == text


def test_without_a_configuration(newcomer: Client) -> None:
    ssh = newcomer.home / ".ssh"
    newcomer.key("id_rsa", kind="rsa")
    newcomer.environ["SSH_AUTH_SOCK"] = "/run/agent"
    host = only(newcomer, "Server.Example")
    assert (host.name, host.port, host.user) == ("Server.Example", 22, "somebody")
    assert host.known_as == "server.example"
    assert host.agent == "/run/agent"
    assert host.identity_files == (ssh / "id_rsa",)
    assert not host.identities_only
    assert host.known_hosts == (
        ssh / "known_hosts",
        ssh / "known_hosts2",
        newcomer.home / "etc" / "ssh_known_hosts",
        newcomer.home / "etc" / "ssh_known_hosts2",
    )


def test_tokens_and_variables(newcomer: Client) -> None:
    newcomer.configure(
        "Host server\n HostName %h.example\n User ubuntu\n Port 2222\n HostKeyAlias named\n"
        "IdentityFile ~/.ssh/%h-%r-%p\nIdentityFile ${KEYS}/%n-%u-100%%\n"
        "IdentityAgent ${KEYS}/agent\nUserKnownHostsFile %d/known-%k none\n"
        "ProxyCommand nc %h %p\n"
    )
    newcomer.environ["KEYS"] = "/keys"
    host = only(newcomer)
    assert host.identity_files == (
        newcomer.home / ".ssh" / "server.example-ubuntu-2222",
        Path("/keys/server-somebody-100%"),
    )
    assert host.agent == "/keys/agent"
    assert host.known_hosts[0] == newcomer.home / "known-named"
    assert len(host.known_hosts) == 3
    assert host.proxy_command == "nc server.example 2222"
    assert str(host) == "ubuntu@server.example:2222"


@pytest.mark.parametrize(
    ("line", "agent"),
    [
        ("IdentityAgent none", None),
        ("IdentityAgent SSH_AUTH_SOCK", "/run/agent"),
        ("IdentityAgent $OTHER", "/run/other"),
        ("IdentityAgent $MISSING", None),
        ("IdentityAgent /run/own", "/run/own"),
    ],
)
def test_the_agent(newcomer: Client, line: str, agent: str | None) -> None:
    newcomer.environ.update(SSH_AUTH_SOCK="/run/agent", OTHER="/run/other")
    newcomer.configure(line)
    assert only(newcomer).agent == agent


def test_a_name_with_accents_goes_on_the_wire_as_its_a_label(newcomer: Client) -> None:
    newcomer.configure("Host éloquence.com\n User ubuntu\n")
    host = only(newcomer, "éloquence.com")
    assert (host.name, host.known_as) == ("xn--loquence-90a.com",) * 2
    assert host.user == "ubuntu"


@pytest.mark.parametrize(
    ("text", "asked", "way"),
    [
        ("Host a\n ProxyJump b\n", "a", ["somebody@b", "somebody@a"]),
        (
            "Host a\n ProxyJump b,me@c:2222\nHost b\n HostName 10.0.0.1\n User you\n"
            "Host c\n Port 1\n",
            "a",
            ["you@10.0.0.1", "me@c:2222", "somebody@a"],
        ),
        # Each jump by its own configuration, its own jumps included ...
        ("Host a\n ProxyJump b\nHost b\n ProxyJump c\n", "a",
         ["somebody@c", "somebody@b", "somebody@a"]),
        # ... except where the one before it is named.
        ("Host a\n ProxyJump c,b\nHost b\n ProxyJump x\n", "a",
         ["somebody@c", "somebody@b", "somebody@a"]),
        ("Host a\n ProxyJump via-%h\n", "a", ["somebody@via-a", "somebody@a"]),
        ("Host * !b\n ProxyJump b\n", "a", ["somebody@b", "somebody@a"]),
        ("Host a\n ProxyJump none\nHost *\n ProxyJump b\n", "a", ["somebody@a"]),
        ("Host a\n ProxyJump ssh://b:2222,[::1]\n", "a",
         ["somebody@b:2222", "somebody@[::1]:22".removesuffix(":22"), "somebody@a"]),
    ],
)  # fmt: skip
def test_jumps(newcomer: Client, text: str, asked: str, way: list[str]) -> None:
    newcomer.configure(text)
    assert hosts(newcomer, asked) == way


def test_a_proxy_command_holds_for_the_first_host_on_the_way(newcomer: Client) -> None:
    newcomer.configure("Host a\n ProxyJump b,c\nHost *\n ProxyCommand nc %h %p\n")
    way = route(destination.parse("a"), newcomer.account)
    assert [host.proxy_command for host in way] == ["nc b 22", None, None]


@pytest.mark.parametrize(
    ("text", "phrase_id"),
    [
        ("Host *\n ProxyJump b\n", "sshconfig.circle"),
        ("Host a\n ProxyJump b\nHost b\n ProxyJump a\n", "sshconfig.circle"),
        ("Host a*\n ProxyJump %h\n", "sshconfig.circle"),
        ("ProxyJump -oProxyCommand=x\n", "sshconfig.not-a-jump"),
        ("ProxyJump a,,b\n", "sshconfig.not-a-jump"),
        ("Port http\n", "sshconfig.not-a-port"),
        ("Port 0\n", "sshconfig.not-a-port"),
    ],
)
def test_what_leads_nowhere(newcomer: Client, text: str, phrase_id: str) -> None:
    newcomer.configure(text)
    with pytest.raises(SshConfigError) as error:
        hosts(newcomer, "a")
    assert error.value.phrase_id == phrase_id


def test_the_system_wide_configuration_comes_after(newcomer: Client) -> None:
    etc = newcomer.home / "etc"
    etc.mkdir()
    (etc / "ssh_config").write_text("Include more\nHost *\n User system\n Port 3\n")
    (etc / "more").write_text("Host a\n HostKeyAlias included\n")
    newcomer.configure("Host a\n User own\n")
    host = only(newcomer, "a")
    assert (host.user, host.port, host.known_as) == ("own", 3, "included")


def test_the_account_of_this_process() -> None:
    account = Account.of_this_process({"A": "b"})
    assert account.name
    assert account.home.is_absolute()
    assert [source.path.name for source in account.configuration] == ["config", "ssh_config"]
