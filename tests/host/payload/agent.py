"""The coach's worker: LiveKit tells it of each new room, and it sends a coach there.

`python agent.py ws://127.0.0.1:7880`, with the API's `.env.local`. A coach takes part over the
signalling only: seen by the others as an agent, and without a voice. systemd is told `registered`
(`systemctl show --property=StatusText`) once LiveKit knows the worker.
"""

import asyncio
import json
import os
import secrets
import socket
import sys
import time

import aiohttp
from adapters.settings import settings
from livekit.api import AccessToken, VideoGrants
from livekit.protocol import agent, models, rtc

PING_S = 5  # LiveKit drops who has not pinged for 15 s


class Worker:
    """Works until LiveKit goes; systemd starts it again then."""

    def __init__(self, livekit: str, http: aiohttp.ClientSession) -> None:
        self.livekit, self.http = livekit, http
        self.coaches: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        async with self.http.ws_connect(
            f"{self.livekit}/agent?protocol=1", headers=_bearer(_own_token())
        ) as self.socket:
            await self._say(register=agent.RegisterWorkerRequest(
                type=agent.JT_ROOM,
                version="1.0.0",
                allowed_permissions=models.ParticipantPermission(
                    can_subscribe=True, can_publish=True, can_publish_data=True, agent=True
                ),
            ))  # fmt: skip
            async for message in self.socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    await self._hear(agent.ServerMessage.FromString(message.data))

    async def _hear(self, said: agent.ServerMessage) -> None:
        match said.WhichOneof("message"):
            case "register":
                await self._say(update_worker=agent.UpdateWorkerStatus(status=agent.WS_AVAILABLE))
                print(f"registered worker {said.register.worker_id}", flush=True)
                tell_systemd("STATUS=registered")
            case "availability":
                await self._say(availability=agent.AvailabilityResponse(
                    job_id=said.availability.job.id,
                    available=True,
                    participant_identity=f"agent-{said.availability.job.id}",
                ))  # fmt: skip
                _log("received job request", said.availability.job)
            case "assignment":
                coach = asyncio.create_task(self._coach(said.assignment))
                self.coaches.add(coach)
                coach.add_done_callback(self.coaches.discard)

    async def _say(self, **what: object) -> None:
        await self.socket.send_bytes(agent.WorkerMessage(**what).SerializeToString())

    async def _coach(self, job: agent.JobAssignment) -> None:
        """In the room until LiveKit closes it."""
        async with self.http.ws_connect(
            f"{self.livekit}/rtc?protocol=15", headers=_bearer(job.token)
        ) as room:
            await self._say(
                update_job=agent.UpdateJobStatus(job_id=job.job.id, status=agent.JS_RUNNING)
            )
            pinging = asyncio.create_task(_ping(room))
            _log("joined room", job.job)
            try:
                async for _ in room:
                    pass
            finally:
                pinging.cancel()
                _log("left room", job.job)


async def _ping(room: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        await asyncio.sleep(PING_S)
        ping = rtc.SignalRequest(ping_req=rtc.Ping(timestamp=int(time.time() * 1000)))
        await room.send_bytes(ping.SerializeToString())


def _log(message: str, job: agent.Job) -> None:
    """A line of JSON, as livekit-agents writes them where nobody watches."""
    said = {
        "message": message,
        "level": "INFO",
        "name": "livekit.agents",
        "job_id": job.id,
        "room": job.room.name,
        "room_id": job.room.sid,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
    }
    print(json.dumps(said), flush=True)


def _own_token() -> str:
    token = AccessToken(settings.livekit_api_key, settings.livekit_api_secret)
    identity = f"worker-{secrets.token_hex(4)}"
    return token.with_identity(identity).with_grants(VideoGrants(agent=True)).to_jwt()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def tell_systemd(state: str) -> None:
    """sd_notify(3); by hand nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(state.encode(), address.replace("@", "\0", 1))


async def main(livekit: str) -> None:
    async with aiohttp.ClientSession() as http:
        await Worker(livekit, http).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
