"""Blocking calls beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from eloquence_ops.server.threads import in_background, in_thread


def test_a_result_and_an_error_come_back() -> None:
    def breaks() -> None:
        raise KeyError("here")

    assert asyncio.run(in_thread(lambda: 42)) == 42
    with pytest.raises(KeyError, match="here"):
        asyncio.run(in_thread(breaks))


def test_many_blocked_calls_do_not_hold_up_another() -> None:
    async def story() -> str:
        free = threading.Event()
        blocked = [asyncio.ensure_future(in_thread(free.wait)) for _ in range(100)]
        async with asyncio.timeout(20):
            answer = await in_thread(lambda: "here")
            free.set()
            await asyncio.gather(*blocked)
        return answer

    assert asyncio.run(story()) == "here"


def test_a_result_that_nobody_waits_for_any_more_is_got_rid_of() -> None:
    async def story() -> list[str]:
        free, done, unwanted = threading.Event(), asyncio.Event(), list[str]()
        loop = asyncio.get_running_loop()

        def late() -> str:
            free.wait()
            return "late"

        def dispose(result: str) -> None:
            unwanted.append(result)
            loop.call_soon_threadsafe(done.set)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_thread(late, unwanted=dispose)
        free.set()
        async with asyncio.timeout(20):
            await done.wait()
        return unwanted

    assert asyncio.run(story()) == ["late"]


@pytest.mark.filterwarnings("error")
def test_a_call_that_outlives_the_loop_disturbs_nobody() -> None:
    free, ended = threading.Event(), threading.Event()

    def late() -> None:
        free.wait()
        ended.set()

    async def story() -> None:
        async with asyncio.timeout(0.05):
            await in_thread(late)

    with pytest.raises(TimeoutError):
        asyncio.run(story())
    free.set()
    assert ended.wait(20)


@pytest.mark.filterwarnings("error")
def test_what_runs_in_the_background_fails_silently() -> None:
    ended = threading.Event()

    def breaks() -> None:
        ended.set()
        raise KeyError("here")

    in_background(breaks)
    assert ended.wait(20)
