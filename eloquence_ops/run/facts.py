"""The facts that probes hand to one another within a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from eloquence_ops.endpoints import Endpoint
from eloquence_ops.observations import AddressLookup, ServerFact
from eloquence_ops.probes.http import Answer, HttpClient
from eloquence_ops.probes.session import OpenedSession
from eloquence_ops.run.board import Fact
from eloquence_ops.secrets import Secret
from eloquence_ops.server.link import Link

if TYPE_CHECKING:
    from eloquence_ops.probes.room import IceServer

Role = str
"""`api`, `livekit`, `handed-out`, or `address-1` and so on: what an address is to a run."""


SESSION: Final = Fact[OpenedSession]("session")
API_KEY: Final = Fact[Secret]("api-key")
# Which address of LiveKit an app with this session would use, if it can be used from here at all.
APP_USES: Final = Fact[Role]("app-uses")
SESSIONS_ROUTE: Final = Fact[bool]("sessions-route")
ONLY_OLD_ROUTES: Final = Fact[bool]("only-old-routes")
# There when the API was not met at its address: no name, no connection, no answer, somebody else.
LOOK_BESIDE: Final = Fact[bool]("look-beside")
# The API's clients, where there are several and one of them has to be chosen.
API_CANDIDATES: Final = Fact[list[HttpClient]]("api-candidates")
# What the chosen one was answered to GET on the sessions route, and what the others will be.
ROUTE_ANSWER: Final = Fact[Answer]("route-answer")
LATER_ANSWERS: Final = Fact[list["asyncio.Task[Answer]"]]("later-answers")
# There when a proxy gave up waiting for the API to open a session.
PROXY_GAVE_UP: Final = Fact[bool]("proxy-gave-up")

LINK: Final = Fact[Link]("link")
# Empty where nothing could be read.
SERVER_FACTS: Final = Fact[tuple[ServerFact, ...]]("server-facts")


def endpoint_of(role: str) -> Fact[Endpoint]:
    return Fact(f"endpoint:{role}")


def lookup_of(role: str) -> Fact[AddressLookup]:
    return Fact(f"lookup:{role}")


def clients_of(role: Role) -> Fact[list[HttpClient]]:
    """One for each address family over which a connection comes about."""
    return Fact(f"clients:{role}")


def tried_of(role: Role) -> Fact[bool]:
    """There when the first address of each family was tried, whatever came of it."""
    return Fact(f"tried:{role}")


def proven_of(role: Role) -> Fact[bool]:
    """There when the UDP ports of the settings were tried, whatever came of it."""
    return Fact(f"proven:{role}")


def client_of(role: Role) -> Fact[HttpClient]:
    return Fact(f"client:{role}")


def answers_as_livekit(role: Role) -> Fact[bool]:
    """Whether what answers over TLS at this address is LiveKit."""
    return Fact(f"answers-as-livekit:{role}")


def own_token_taken_by(role: Role) -> Fact[bool]:
    """There when LiveKit at this address has called a token good that our own key pair signed."""
    return Fact(f"own-token-taken:{role}")


def ice_servers_of(role: Role) -> Fact[tuple[IceServer, ...]]:
    """What LiveKit at this address handed out with a join, passwords and all."""
    return Fact(f"ice-servers:{role}")


def token_taken_by(role: Role) -> Fact[bool]:
    """There when LiveKit at this address has called the session's token good."""
    return Fact(f"token-taken:{role}")
