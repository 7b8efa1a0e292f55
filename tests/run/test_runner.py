"""The runner: who starts when, how each ends, and that whoever started is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from eloquence_ops.run.board import Board, Fact, Probe
from eloquence_ops.run.runner import Runner

ADDRESS = Fact[str]("address")
TOKEN = Fact[str]("token")

Steps = Callable[[Board], Coroutine[Any, Any, None]]


def provides(fact: Fact[str], value: str, log: list[str] | None = None) -> Steps:
    async def measure(board: Board) -> None:
        await asyncio.sleep(0)
        board.put(fact, value)
        if log is not None:
            log.append(f"{fact.name} provided")

    return measure


async def nothing(_board: Board) -> None:
    return None


def run(*probes: Probe, interrupt_after_s: float | None = None) -> Runner:
    async def inside() -> Runner:
        runner = Runner(probes, Board())
        if interrupt_after_s is not None:
            asyncio.get_running_loop().call_later(interrupt_after_s, runner.interrupt)
        await asyncio.wait_for(runner.run(), 10)
        return runner

    return asyncio.run(inside())


def states(runner: Runner) -> dict[str, str]:
    return {end.id: end.state for end in runner.ends}


def test_a_probe_starts_when_what_it_needs_is_there() -> None:
    log: list[str] = []

    async def uses(board: Board) -> None:
        log.append(f"uses {board.get(ADDRESS)}")

    runner = run(
        Probe("second", uses, 1, needs=(ADDRESS,)),
        Probe("first", provides(ADDRESS, "there", log), 1, provides=(ADDRESS,)),
    )
    assert log == ["address provided", "uses there"]
    assert set(states(runner).values()) == {"done"}


def test_independent_probes_run_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    async def meets(_board: Board) -> None:
        await both.wait()

    assert set(states(run(Probe("one", meets, 2), Probe("other", meets, 2))).values()) == {"done"}


def test_a_hanging_probe_is_cut_off_and_named() -> None:
    async def hangs(_board: Board) -> None:
        await asyncio.Event().wait()

    assert states(run(Probe("hangs", hangs, 0.05), Probe("works", nothing, 1))) == {
        "hangs": "late",
        "works": "done",
    }


def test_even_one_that_will_not_let_go() -> None:
    async def clings(_board: Board) -> None:
        for _ in range(40):
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    assert states(run(Probe("clings", clings, 0.05))) == {"clings": "late"}


def test_a_defect_hides_nothing_else() -> None:
    async def breaks(_board: Board) -> None:
        raise RuntimeError("ours \x1b[31m")

    runner = run(Probe("breaks", breaks, 1), Probe("works", nothing, 1))
    assert states(runner) == {"breaks": "crashed", "works": "done"}
    (broken,) = (end for end in runner.ends if end.id == "breaks")
    assert broken.detail == r"RuntimeError: ours \x1b[31m"


def test_whoever_cannot_get_what_it_needs_is_starved_at_once_and_so_are_those_behind() -> None:
    runner = run(
        Probe("silent", nothing, 1, provides=(ADDRESS,)),
        Probe("needs address", provides(TOKEN, "t"), 1, needs=(ADDRESS,), provides=(TOKEN,)),
        Probe("needs token", nothing, 1, needs=(TOKEN,)),
    )
    assert states(runner) == {
        "silent": "done",
        "needs address": "starved",
        "needs token": "starved",
    }
    assert [end.missing for end in runner.ends if end.state == "starved"] == [
        ("address",),
        ("token",),
    ]


def test_what_was_seen_before_the_deadline_is_kept() -> None:
    async def halfway(board: Board) -> None:
        board.put(ADDRESS, "seen")
        await asyncio.Event().wait()

    async def inside() -> Board:
        board = Board()
        await Runner([Probe("halfway", halfway, 0.05)], board).run()
        return board

    assert asyncio.run(inside()).get(ADDRESS) == "seen"


def test_an_interrupt_ends_everything_and_still_finishes_what_was_started() -> None:
    finished: list[str] = []

    async def hangs(_board: Board) -> None:
        await asyncio.Event().wait()

    async def takes_back(_board: Board) -> None:
        await asyncio.sleep(0.01)
        finished.append("session closed")

    runner = run(
        Probe("session", hangs, 5, finish=takes_back),
        Probe("later", nothing, 1, needs=(TOKEN,)),
        Probe("provider", hangs, 5, provides=(TOKEN,)),
        interrupt_after_s=0.05,
    )
    assert finished == ["session closed"]
    assert runner.interrupted
    assert set(states(runner).values()) == {"interrupted"}
    assert set(states(runner)) == {"session", "later", "provider"}


def test_finishing_runs_last_started_first_and_only_for_who_started() -> None:
    order: list[str] = []

    def finish(name: str) -> Steps:
        async def take_back(_board: Board) -> None:
            order.append(name)

        return take_back

    run(
        Probe("one", provides(ADDRESS, "x"), 1, provides=(ADDRESS,), finish=finish("one")),
        Probe("two", nothing, 1, needs=(ADDRESS,), finish=finish("two")),
        Probe("never", nothing, 1, needs=(TOKEN,), finish=finish("never")),
    )
    assert order == ["two", "one"]


def test_finishing_has_a_deadline_and_a_second_interrupt_ends_it() -> None:
    async def hangs(_board: Board) -> None:
        await asyncio.Event().wait()

    async def inside() -> Runner:
        runner = Runner([Probe("p", nothing, 30, finish=hangs)], Board())
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, runner.interrupt)
        loop.call_later(0.1, runner.interrupt)
        await asyncio.wait_for(runner.run(), 5)
        return runner

    assert any("finish" in end.detail for end in asyncio.run(inside()).ends)
