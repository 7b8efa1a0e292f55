"""Which place of nginx's configuration serves a request, and where it leads."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.checks import server_sites
from eloquence_ops.checks.server_places import Place
from eloquence_ops.observations import ServerProxies
from tests.checks.server_facts import API, location, nginx, seen, site

PLACE = Place("127.0.0.1", 8083)


def serving(*sites: dict[str, Any], path: str = "/api/sessions") -> server_sites.Serving | None:
    return server_sites.serving(API, path, seen(nginx(*sites)))


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (("/",), "/"),
        (("/", "/api/", "/api"), "/api/"),
        (("/", "= /api/sessions"), "= /api/sessions"),
        (("/", "~ ^/api"), "~ ^/api"),
        (("^~ /api/", "~ ^/api"), "^~ /api/"),
        (("/", "~* ^/API"), "~* ^/API"),
        (("/", "~ ^/API"), "/"),
        (("/", "@named"), "/"),
        (("/rtc",), None),
        # An expression of Perl's that is not Python's, and one that could take for ever.
        (("/", "~ (?<name"), None),
        (("/", "~ ^(a+)+$"), None),
    ],
)
def test_a_location_is_chosen_as_nginx_does(paths: tuple[str, ...], chosen: str | None) -> None:
    found = serving(site(*map(location, paths)))
    assert (found.location.path if found else None) == chosen


@pytest.mark.parametrize(
    "other",
    [
        site(location(), name="other.test"),
        site(location(), name="*.xn--loquence-90a.test"),
        site(location(), tls=False),
        site(location(), listens=("8443 ssl",)),
    ],
    ids=["another name", "a wildcard", "without TLS", "another port"],
)
def test_only_a_site_of_this_very_address_is_followed(other: dict[str, Any]) -> None:
    assert serving(other) is None
    assert serving(other, site(location())) is not None


def test_a_name_may_be_written_as_people_read_it() -> None:
    assert serving(site(location(), name="api.éloquence.test")) is not None


@pytest.mark.parametrize(
    ("passes", "more", "leads"),
    [
        ("http://127.0.0.1:8083", {}, True),
        ("http://localhost:8083/", {}, True),
        ("http://api.internal:8083", {}, True),
        ("http://127.0.0.1:8084", {}, False),
        ("http://localhost", {}, False),
        ("https://127.0.0.1:8083", {}, False),
        ("http://backend", {"upstreams": ("127.0.0.1:8083", "127.0.0.1:8084")}, True),
        ("http://10.0.0.9:8084", {}, None),
        ("http://203.0.113.10:8083", {}, None),
        ("http://$backend", {}, None),
        ("http://unix:/run/api.sock", {"upstreams": ("unix:/run/api.sock",)}, None),
        ("http://backend", {"upstreams": ()}, None),
        ("http://127.0.0.1:99999", {}, None),
    ],
)
def test_where_a_location_leads(passes: str, more: dict[str, Any], leads: bool | None) -> None:
    found = serving(site(location(passes=passes, **more)))
    assert found is not None
    assert found.leads_to(PLACE) is leads


@pytest.mark.parametrize(("after_s", "in_force"), [(-60, True), (1, True), (30, False)])
def test_files_that_changed_after_they_were_read_are_not_in_force(
    after_s: float, in_force: bool
) -> None:
    found = server_sites.serving(
        API, "/api/sessions", seen(nginx(site(location()), changed_after_s=after_s))
    )
    assert found is not None
    assert found.in_force is in_force


def test_what_does_not_run_has_nothing_in_force() -> None:
    (stopped,) = nginx(site(location())).proxies
    proxies = ServerProxies(at_s=0.0, proxies=(stopped.model_copy(update={"loaded_at": None}),))
    found = server_sites.serving(API, "/api/sessions", seen(proxies))
    assert found is not None
    assert not found.in_force
