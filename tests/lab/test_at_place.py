"""What an app is given, is what doctor examines, and doctor comes to the cause of the fault."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.errors import UsageError
from eloquence_ops.findings import Status
from eloquence_ops.lab.at_place import lab_at
from eloquence_ops.lab.expectation import how, unexpected
from eloquence_ops.lab.faults import Fault, all_faults, combined, named
from eloquence_ops.lab.in_clear import refuse_what_is_lost
from eloquence_ops.lab.places import Place
from eloquence_ops.lab.plan import LabPlan
from eloquence_ops.lab.services.listening import PortInUse, listening_socket
from eloquence_ops.run.examine import Result
from tests.lab.faulty import diagnosed
from tests.lab.loopback import request, run, send, status_and_body

# A network of loopback: nothing leaves the machine, and the addresses lead to it all the same.
PLACES = (
    Place("desktop", "127.0.0.1"),
    Place("emulator", "10.0.2.2"),
    Place("phone", "192.168.77.5", ("127.0.0.2", "127.0.0.1")),
)
EMULATOR, PHONE = PLACES[1:]
_AT_ONCE = 8


def met(place: Place) -> list[Fault]:
    """The faults that an app at this place meets."""
    found = []
    for fault in all_faults().values():
        with contextlib.suppress(UsageError):
            refuse_what_is_lost((fault,), place)
            found.append(fault)
    return found


async def all_diagnosed(place: Place) -> dict[str, Result]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(fault: Fault) -> Result:
        async with room:
            return await diagnosed((fault,), place=place)

    faults = met(place)
    results = await asyncio.gather(*(one(fault) for fault in faults))
    return {fault.id: result for fault, result in zip(faults, results, strict=True)}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.kind)
def test_every_fault_that_an_app_meets_is_named_there_too(place: Place) -> None:
    wrong = {}
    for fault_id, result in asyncio.run(all_diagnosed(place)).items():
        fault = all_faults()[fault_id]
        told = how(fault, result, catalogue())
        more = unexpected((fault,), result)
        errors = [found.id for found in result.findings if found.status is Status.ERROR]
        if told not in ("named", "tied") or more or result.diagnosis.unexplained or errors:
            wrong[fault_id] = (told, more, result.diagnosis.unexplained, errors)
    assert wrong == {}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.kind)
def test_a_healthy_lab_is_healthy_for_an_app_too(place: Place) -> None:
    result = asyncio.run(diagnosed((), place=place))
    assert [found.id for found in result.findings if found.status.is_problem] == []
    assert result.verdict == "healthy"
    assert result.seen.session is not None
    assert result.seen.session.url == str(result.seen.target.livekit)


def test_an_api_and_a_livekit_that_are_stopped_are_nginx_s_502() -> None:
    async def main() -> None:
        plan = combined(named(["api-not-running", "livekit-not-running"]))
        async with lab_at(EMULATOR, plan) as system:
            for url in system.services.values():
                host, _, port = url.partition("://")[2].partition(":")
                answer = await send(("127.0.0.1", int(port)), request(host=host))
                assert status_and_body(answer)[0] == 502
                assert b"nginx" in answer

    run(main())


def test_a_phone_s_lab_listens_on_its_address_and_loopback_and_nowhere_else() -> None:
    async def main() -> None:
        async with lab_at(PHONE, LabPlan()) as system:
            for url in system.services.values():
                port = int(url.rpartition(":")[2])
                for host in PHONE.listens:
                    answer = await send((host, port), request(host=PHONE.address))
                    assert status_and_body(answer)[0] == 200
                with pytest.raises(ConnectionRefusedError):
                    await send(("127.0.0.3", port), request(host=PHONE.address))

    run(main())


def test_a_page_of_another_name_does_not_reach_the_lab() -> None:
    """As a browser in that network could be led to it by a name of somebody else's."""

    async def main() -> None:
        async with lab_at(PHONE, LabPlan()) as system:
            port = int(system.services["api"].rpartition(":")[2])
            answer = await send(("127.0.0.1", port), request(host="rebinding.test"))
            assert status_and_body(answer)[0] == 404

    run(main())


def test_a_fixed_port_that_is_taken_is_another_one_and_said() -> None:
    async def main() -> None:
        with contextlib.ExitStack() as stack:
            for port in (8083, 7880):
                with contextlib.suppress(PortInUse):  # somebody else has it: as good
                    stack.enter_context(listening_socket(port))
            async with lab_at(EMULATOR, LabPlan(), fixed_ports=True) as system:
                assert dict(system.taken) == {"api": 8083, "livekit": 7880}
                assert not {url[-5:] for url in system.services.values()} & {":8083", ":7880"}

    run(main())


def test_nothing_is_left_of_it() -> None:
    async def main() -> None:
        async with lab_at(PHONE, combined(named(["api-wrong-base-url"]))) as system:
            ports = [int(url.rpartition(":")[2]) for url in system.services.values()]
        for port in ports:
            for host in PHONE.listens:
                with socket.socket() as client:
                    assert client.connect_ex((host, port)) != 0
        assert not system.folder.exists()

    run(main())
