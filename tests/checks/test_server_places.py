"""Where the services are asked for on the server, by what its facts say."""

from __future__ import annotations

import pytest

from eloquence_ops.checks import server_places as places
from eloquence_ops.endpoints import Role, parse
from eloquence_ops.observations import AnyObservation, LiveKitConfig, ServerProcesses
from eloquence_ops.observations.server_livekit import Setting
from eloquence_ops.observations.server_sockets import ApiProcess
from eloquence_ops.settings import Target
from tests.checks.server_facts import PAST_PROXY, THROUGH_PROXY, listening, unit

API_UNIT, LIVEKIT_UNIT = "eloquence-api.service", "livekit.service"


def yaml(port: int) -> LiveKitConfig:
    settings = (Setting(name="port", value=port),)
    return LiveKitConfig(at_s=0.0, path="/etc/livekit.yaml", exists=True, settings=settings)


def by_hand(*ports: int) -> ServerProcesses:
    process = listening(("0.0.0.0", 1, "session-3.scope")).processes[0]
    running = ApiProcess(process=process, ports=ports, by_hand=True)
    return ServerProcesses(at_s=0.0, api=(running,), published_by_docker=(), seen=9)


@pytest.mark.parametrize(
    ("role", "facts", "place"),
    [
        pytest.param("api", [], "127.0.0.1:8083", id="nothing known"),
        pytest.param(
            "api", [listening(("0.0.0.0", 9000, API_UNIT))], "127.0.0.1:9000", id="what listens"
        ),
        pytest.param(
            "api",
            [listening(("10.0.0.5", 9000, API_UNIT))],
            "10.0.0.5:9000",
            id="at one address only",
        ),
        pytest.param(
            "api", [listening(("::", 8083, API_UNIT))], "[::1]:8083", id="at IPv6 addresses"
        ),
        pytest.param(
            "livekit",
            [listening(("::", 7880, LIVEKIT_UNIT), ("::", 7881, LIVEKIT_UNIT))],
            "127.0.0.1:7880",
            id="Go at both kinds of addresses",
        ),
        pytest.param(
            "api",
            [listening(("0.0.0.0", 22, "ssh.service")), by_hand(9000)],
            "127.0.0.1:9000",
            id="started by hand",
        ),
        pytest.param(
            "api",
            [listening(("0.0.0.0", 8090, API_UNIT)), by_hand(9000)],
            "127.0.0.1:8090",
            id="the unit's before one that was started by hand",
        ),
        pytest.param(
            "api",
            [unit(API_UNIT, command="uvicorn api:app --host 0.0.0.0 --port 9000")],
            "127.0.0.1:9000",
            id="what its command says, where it does not listen",
        ),
        pytest.param(
            "api",
            [unit(API_UNIT, command="gunicorn --bind=0.0.0.0:9001 api:app")],
            "127.0.0.1:9001",
            id="gunicorn's way to say it",
        ),
        pytest.param(
            "api",
            [unit(API_UNIT, command="uvicorn --port 9000"), listening(("::1", 8083, API_UNIT))],
            "[::1]:8083",
            id="what listens before what is written",
        ),
        pytest.param("livekit", [yaml(7990)], "127.0.0.1:7990", id="livekit.yaml"),
        pytest.param(
            "livekit",
            [yaml(7990), listening(("::", 7880, LIVEKIT_UNIT))],
            "127.0.0.1:7880",
            id="livekit.yaml that is not in force",
        ),
        pytest.param(
            "livekit",
            [listening(("::", 7881, LIVEKIT_UNIT), ("::", 7990, LIVEKIT_UNIT))],
            "127.0.0.1:7990",
            id="the port that is not ICE's",
        ),
    ],
)
def test_a_service_is_asked_for_where_it_listens(
    role: Role, facts: list[AnyObservation], place: str
) -> None:
    assert str(places.of_service(role, THROUGH_PROXY, facts)) == place


@pytest.mark.parametrize(
    ("address", "place"),
    [("0.0.0.0", "127.0.0.1:443"), ("203.0.113.10", "203.0.113.10:443"), ("::", "[::1]:443")],
)
def test_the_proxy_is_asked_where_it_listens(address: str, place: str) -> None:
    assert THROUGH_PROXY.api is not None
    facts = [listening((address, 443, "nginx.service"))]
    assert str(places.of_proxy(THROUGH_PROXY.api, facts)) == place


def test_an_address_is_a_proxys_where_tls_is_asked_for_or_the_port_is_another() -> None:
    plain = Target("t", api=parse("http://api.test", "api"))
    assert places.passes_proxy("api", THROUGH_PROXY, [])
    assert places.passes_proxy("api", plain, [])
    assert not places.passes_proxy("api", PAST_PROXY, [])
    assert not places.passes_proxy("livekit", PAST_PROXY, [])
