"""LiveKit examined with its own key pair: a token of ours, a room of ours, and its list of rooms.

So it is known what LiveKit does with a token that is surely right, and LiveKit can be examined
where the API is down. Nobody else's room is entered: the name is drawn for this run, and the room
is removed again, also after Ctrl-C.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from eloquence_ops.checks.livekit import is_taken
from eloquence_ops.checks.livekit_exposure import is_named
from eloquence_ops.observations.ice import RoomLeftOpen
from eloquence_ops.probes.http import HttpRequest
from eloquence_ops.probes.session import widest_scope
from eloquence_ops.run.facts import (
    Role,
    client_of,
    endpoint_of,
    ice_servers_of,
    lookup_of,
    own_token_taken_by,
)
from eloquence_ops.secrets import Secret

if TYPE_CHECKING:
    from eloquence_ops.probes.room_service import KeyPair, Rooms
    from eloquence_ops.run.board import Board, Probe
    from eloquence_ops.run.plan import Plan


class OwnRoom:
    """The probes of one plan that use the pair at the LiveKit of one role."""

    def __init__(self, plan: Plan, role: Role) -> None:
        self._plan, self._role = plan, role
        self._name = f"eloquence-doctor-{secrets.token_hex(8)}"
        self._may_be_there = False

    def all(self) -> list[Probe]:
        plan, role = self._plan, self._role
        if plan.livekit_key is None or plan.livekit_secret is None:
            return []
        client, taken = client_of(role), own_token_taken_by(role)
        found = [
            plan.probe(f"{role}.own-token", self._ask, needs=(client,), provides=(taken,)),
            plan.probe(f"{role}.rooms", self._list, needs=(client, taken)),
        ]
        # Where sound alone is asked for, that has a room of its own.
        if not plan.read_only and "livekit" in plan.areas:
            found.append(
                plan.probe(
                    f"{role}.own-room",
                    self._visit,
                    4,
                    needs=(client, taken),
                    provides=(ice_servers_of(role),),
                    finish=self._remove,
                )
            )
        return found

    async def _pair(self) -> KeyPair:
        plan = self._plan
        assert plan.livekit_key is not None  # noqa: S101  # `all` has no probe without
        assert plan.livekit_secret is not None  # noqa: S101
        # Reading LiveKit's library takes longer than a request: the others go on meanwhile.
        await asyncio.to_thread(import_module, "eloquence_ops.probes.room_service")
        from eloquence_ops.probes.room_service import KeyPair

        return KeyPair(plan.livekit_key, plan.livekit_secret)

    async def _ask(self, board: Board) -> None:
        """At `/rtc/validate`, which creates nothing. Only a LiveKit that somebody here named is
        given a token: an API may hand out any address."""
        if not is_named(board.get(endpoint_of(self._role)), self._plan.target):
            return
        token = (await self._pair()).token(self._name, self._name)
        self._plan.redactor.add(token)
        bearer = Secret(f"Bearer {token.reveal()}")
        answer = await board.get(client_of(self._role)).send(
            HttpRequest("livekit-own-token", "GET", "/rtc/validate", (("Authorization", bearer),))
        )
        board.note(answer.observation)
        if is_taken(answer.observation):
            board.put(own_token_taken_by(self._role), True)

    async def _rooms(self, board: Board) -> Rooms | None:
        """None where a token that manages rooms would cross the internet in clear."""
        own = board.get(endpoint_of(self._role))
        if not own.secure and widest_scope(board.get(lookup_of(self._role))) == "public":
            return None
        pair = await self._pair()
        from eloquence_ops.probes.room_service import Rooms

        return Rooms(board.get(client_of(self._role)), pair, self._plan.redactor)

    async def _list(self, board: Board) -> None:
        rooms = await self._rooms(board)
        if rooms is not None:
            board.note(await rooms.listed())

    async def _visit(self, board: Board) -> None:
        plan, role = self._plan, self._role
        pair, rooms = await self._pair(), await self._rooms(board)
        await asyncio.to_thread(import_module, "eloquence_ops.probes.signalling")
        from eloquence_ops.probes import signalling

        self._may_be_there = True
        if rooms is not None:
            await rooms.make(self._name)
        token = pair.token(self._name, self._name)
        plan.redactor.add(token)
        road = board.get(client_of(role)).road
        board.note(
            await signalling.visit(
                road,
                token,
                context=plan.tls_context if road.endpoint.secure else None,
                redactor=plan.redactor,
                timeout_s=plan.timeout_s,
                started=board.started,
                room="own",
                hand_out=partial(board.put, ice_servers_of(role)),
            )
        )

    async def _remove(self, board: Board) -> None:
        """Without a list of rooms LiveKit does it by itself, some seconds after we left."""
        if not self._may_be_there:
            return
        rooms = await self._rooms(board)
        if rooms is not None and not await rooms.remove(self._name):
            board.note(
                RoomLeftOpen(
                    at_s=time.monotonic() - board.started,
                    endpoint=str(board.get(endpoint_of(self._role))),
                    room=self._name,
                )
            )
