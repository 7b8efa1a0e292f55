"""What is left of a fault where an app sees it by address is read from its plan."""

from __future__ import annotations

from typing import Any

import pytest

from eloquence_ops.errors import UsageError
from eloquence_ops.lab.faults import Fault, all_faults, combined, named
from eloquence_ops.lab.in_clear import in_clear, refuse_what_is_lost
from eloquence_ops.lab.places import Place
from eloquence_ops.lab.plan import LabPlan

DESKTOP = Place("desktop", "127.0.0.1")
EMULATOR = Place("emulator", "10.0.2.2")
PHONE = Place("phone", "192.168.77.5", ("192.168.77.5", "127.0.0.1"))

# A plan's part, and why an app in the emulator would not meet it.
LOST: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
    "certificate": ({"certificate": {"validity": "expired"}}, "lab.not-in-clear-certificate"),
    "name": ({"dns": {"without": ("livekit",)}}, "lab.not-in-clear-name"),
    "environment": ({"client": {"environ": {"A": "b"}}}, "lab.not-in-clear-machine"),
    "ws beside https": (
        {"api": {"url": "ws://livekit.xn--loquence-90a.test"}},
        "lab.not-in-clear-url",
    ),
    "clear text": (
        {"api": {"scheme": "http", "front": "plain-service", "port": 8083}},
        "lab.not-in-clear-scope",
    ),
    "a key that everybody knows": (
        {"api": {"also_accepts": ("default-key",)}},
        "lab.not-in-clear-scope",
    ),
}


def fault(lab: dict[str, dict[str, Any]]) -> Fault:
    return Fault.model_validate(
        {"id": "some-fault", "title": {"en": "A", "fr": "B"}, "shows": "some-fault", "lab": lab}
    )


@pytest.mark.parametrize(("lab", "why"), LOST.values(), ids=LOST)
def test_what_an_app_would_not_meet_is_refused_with_why(
    lab: dict[str, dict[str, Any]], why: str
) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_what_is_lost((fault(lab),), EMULATOR)
    assert refused.value.phrase_id == why
    assert "eloquence lab up some-fault" in refused.value.sentence("en")
    assert "eloquence lab up some-fault" in refused.value.sentence("fr")


def test_one_fault_that_is_lost_is_named_among_others() -> None:
    with pytest.raises(UsageError, match="cert-expired"):
        refuse_what_is_lost(named(["api-not-running", "cert-expired"]), PHONE)


def test_an_address_of_the_server_s_own_is_a_fault_elsewhere_only() -> None:
    local = named(["session-url-unreachable"])
    refuse_what_is_lost(local, EMULATOR)
    refuse_what_is_lost(local, PHONE)
    with pytest.raises(UsageError):
        refuse_what_is_lost(local, DESKTOP)


def test_an_address_of_another_port_is_a_fault_on_the_same_machine_too() -> None:
    refuse_what_is_lost((fault({"api": {"url": "ws://localhost:7000"}}),), DESKTOP)


@pytest.mark.parametrize(
    ("front", "scheme"),
    [
        ("proxy", "http"),
        ("tls-closes", "http"),
        ("tls-silent", "http"),
        ("plain-service", "https"),
        ("nobody", "https"),
        ("tcp-closes", "https"),
        ("tls-1.1", "https"),
    ],
)
def test_https_stays_only_where_no_certificate_is_shown(front: str, scheme: str) -> None:
    plan = LabPlan.model_validate({"api": {"front": front}})
    assert in_clear(plan, EMULATOR).api.scheme == scheme


def test_where_only_the_port_is_wrong_the_scheme_is_the_api_s() -> None:
    plan = in_clear(combined(named(["api-wrong-base-url"])), EMULATOR)
    assert (plan.api.scheme, plan.api.port) == ("http", 8443)


@pytest.mark.parametrize("fault_id", all_faults())
def test_what_is_in_clear_is_so_already(fault_id: str) -> None:
    once = in_clear(combined(named([fault_id])), EMULATOR)
    assert in_clear(once, EMULATOR).model_copy(update={"api": once.api}) == once
