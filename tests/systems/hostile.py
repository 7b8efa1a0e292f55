"""Runs the real command against an attack, and keeps everything that came of it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.report import json as json_report
from eloquence_ops.report.account import Storyteller
from eloquence_ops.run.examine import examine
from eloquence_ops.run.recording import read
from tests.cli.command import ROOT, environment
from tests.probes.peers import peer
from tests.systems.by_hand import KEY, Asked
from tests.systems.hostility import Around, Attack

TIMEOUT_S: Final = 1.5
# Far beyond every deadline of the command: one that gets there hangs.
HANGS_S: Final = 60.0
_AT_ONCE: Final = 4


@dataclass(frozen=True)
class Ended:
    """One run: exit code, seconds, the most memory in bytes, and every byte that it wrote.

    `asked` is what reached a good API or LiveKit; `trapped`, an address where nothing must.
    """

    code: int
    seconds: float
    peak: int
    console: bytes
    complaint: bytes
    json: bytes
    short: bytes
    recording: bytes
    replayed: str
    asked: tuple[Asked, ...]
    asked_livekit: tuple[Asked, ...]
    trapped: bytes

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.json)
        return found

    @property
    def statuses(self) -> dict[str, str]:
        return {finding["id"]: finding["status"] for finding in self.document["findings"]}

    @property
    def written(self) -> dict[str, str]:
        """Everything that comes before somebody's eyes."""
        return {
            "console": self.console.decode(),
            "complaint": self.complaint.decode(),
            "json": self.json.decode(),
            "short": self.short.decode(),
            "recording": self.recording.decode(),
        }


async def all_ended(attacks: Sequence[Attack], folder: Path) -> dict[str, Ended | Exception]:
    """One run each, several at a time; an exception where one left nothing to look at."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, attack: Attack) -> Ended | Exception:
        async with room:
            own = folder / str(number)
            own.mkdir()
            try:
                return await attacked(attack, own)
            except Exception as failure:  # raised again in the tests of this attack
                return failure

    async with asyncio.TaskGroup() as group:
        runs = {a.id: group.create_task(one(number, a)) for number, a in enumerate(attacks)}
    return {name: run.result() for name, run in runs.items()}


async def attacked(attack: Attack, folder: Path) -> Ended:
    trapped, asked, told = bytearray(), list[Asked](), list[Asked]()

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trapped.extend(b"connected; ")
        while data := await reader.read(65536):
            trapped.extend(data)

    tls = attack.tls(folder) if attack.tls else None
    end = "s" if attack.is_secure else ""
    async with peer(trap) as trap_port:
        around = Around("", f"http://127.0.0.1:{trap_port}", told)
        async with peer(attack.livekit(around), tls=tls) as port:
            livekit = f"ws{end}://127.0.0.1:{port}"
            around = Around(livekit, around.trap, asked)
            async with peer(attack.api(around), tls=tls) as api_port:
                api = f"http{end}://127.0.0.1:{api_port}"
                code, seconds, console, complaint = await _doctor(folder, api, livekit)
    recording = folder / "recording"
    story = Storyteller(examine(read(recording), catalogue()), catalogue(), "en")
    return Ended(
        code=code,
        seconds=seconds,
        peak=int((folder / "peak").read_text()),
        console=console,
        complaint=complaint,
        json=(folder / "json").read_bytes(),
        short=(folder / "short").read_bytes(),
        recording=recording.read_bytes(),
        replayed=json_report.render(story),
        asked=tuple(asked),
        asked_livekit=tuple(told),
        trapped=bytes(trapped),
    )


async def _doctor(folder: Path, api: str, livekit: str) -> tuple[int, float, bytes, bytes]:
    """Exit code, seconds, standard output and standard error."""
    words = ["--api", api, "--livekit", livekit, "--timeout", str(TIMEOUT_S), "-v"]
    words += ["--output", "console", "--output", f"json={folder / 'json'}"]
    words += ["--output", f"short={folder / 'short'}", "--record", str(folder / "recording")]
    if (root := folder / "root.pem").exists():
        words += ["--ca", str(root)]
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.cli.measured", str(folder / "peak"), "doctor", *words),
        cwd=ROOT,
        env=environment(folder, {"ELOQUENCE_API_KEY": KEY}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(HANGS_S):
            console, complaint = await process.communicate()
    except TimeoutError:
        raise AssertionError(f"doctor did not end within {HANGS_S} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, time.monotonic() - begun, console, complaint
