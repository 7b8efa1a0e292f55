"""The faults of the test host show where one would look, and not on a healthy one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.host.examining import doctor, finding
from tests.host.faults import FAULTS
from tests.host.hosts import BootHost
from tests.host.machine import Host
from tests.host.shown import API, API_BEHIND, LIVEKIT_BEHIND, SHOWN, end_of, make
from tests.host.test_hops import BY_A_FIREWALL, THROUGH_NGINX
from tests.host.test_machine_causes import ONLY_INSIDE, OUTSIDE_TOO
from tests.systems.test_services_inside import EXPECTED, LIVEKIT, ON_LOOPBACK

pytestmark = pytest.mark.real

_UPGRADE: Final = (
    *("--http1.1", "--header", "Connection: Upgrade", "--header", "Upgrade: websocket"),
    *(
        "--header",
        "Sec-WebSocket-Version: 13",
        "--header",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ),
)


# All others are made, and seen to be there, where a diagnosis is made of them.
MADE_HERE: Final = ("livekit-secret-short", "livekit-yaml-edited", "clock-not-kept")


@pytest.mark.parametrize("name", MADE_HERE)
def test_a_fault_shows_where_one_would_look(host: Host, name: str) -> None:
    make(host, name)


def test_every_fault_is_seen_to_be_there_by_some_test() -> None:
    made = {*MADE_HERE, *EXPECTED, *ON_LOOPBACK, *(name for name, *_ in LIVEKIT)}
    made |= {*THROUGH_NGINX, *BY_A_FIREWALL, *ONLY_INSIDE, *OUTSIDE_TOO}
    assert made == set(FAULTS)


def test_nothing_of_that_shows_on_a_healthy_host(boot_host: BootHost) -> None:
    assert set(SHOWN) == set(FAULTS)
    with boot_host() as host:
        for name, shown in SHOWN.items():
            assert host.shell(shown.on_host, check=False).returncode != 0, name
        for url in (API, API_BEHIND, LIVEKIT_BEHIND):
            assert end_of(host, url) == "200"


_SITE: Final = "/etc/nginx/sites-available/eloquence"


@pytest.fixture(scope="module")
def edited(boot_host: BootHost) -> Iterator[tuple[Host, str]]:
    """One host whose site is edited again and again, each time as it was installed."""
    with boot_host() as host:
        yield host, host.read(_SITE)


@pytest.mark.parametrize(
    ("edit", "status"),
    [
        ("", "101"),
        ("/proxy_http_version/d", "101"),
        ("/proxy_set_header Upgrade/d", "404"),
        ("/proxy_set_header Connection/d", "404"),
        ('s/proxy_set_header Connection .*/proxy_set_header Connection "";/', "404"),
        ("s/proxy_set_header Connection .*/proxy_set_header Connection keep-alive;/", "404"),
        ("s/proxy_set_header Connection .*/proxy_set_header Connection $http_connection;/", "101"),
    ],
)
def test_a_websocket_opens_where_nginx_sets_both_headers(
    edited: tuple[Host, str], edit: str, status: str
) -> None:
    """What `nginx_config` takes for a configuration that passes them on, and what it does not."""
    host, installed = edited
    host.write(_SITE, installed)
    opened = host.curl(
        *("--header", f"X-API-Key: {host.keys.api_key}", "--json", '{"user_id": "u"}'),
        f"{API_BEHIND}api/sessions",
    )
    token = opened.stdout.partition('"token":"')[2].partition('"')[0]
    host.shell(f"sed -i '{edit}' {_SITE} && systemctl restart nginx")
    told = finding(doctor(host, "--only", "server", "--timeout", "2"), "server.proxy-upgrade")
    assert (told["status"] == "pass") == (status == "101")
    assert end_of(host, f"{LIVEKIT_BEHIND}rtc?access_token={token}", *_UPGRADE) == status


def test_livekit_takes_no_token_of_a_clock_that_is_ahead(host: Host) -> None:
    FAULTS["api-clock-ahead"](host)
    opened = host.curl(
        *("--header", f"X-API-Key: {host.keys.api_key}", "--json", '{"user_id": "u"}'),
        f"{API}api/sessions",
    )
    token = opened.stdout.partition('"token":"')[2].partition('"')[0]
    assert end_of(host, f"{LIVEKIT_BEHIND}rtc/validate?access_token={token}") == "401"
