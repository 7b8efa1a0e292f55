"""What answers over SSH: receives a job, starts its unit, and passes on what happens there.

Once the unit has started nothing depends on the door: it may be cut off at any moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from typing import Iterator

from eloquence_ops.deploy.remote import candidate, locking, systemd
from eloquence_ops.deploy.remote.frames import Heard, Speech
from eloquence_ops.deploy.remote.identity import Identity, acting_as, identity
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.place import Place, checked_release, place_of
from eloquence_ops.deploy.remote.receiving import Undone, Upload, receive
from eloquence_ops.deploy.remote.told import Told, read
from eloquence_ops.deploy.remote.why import Failed, of_system
from eloquence_ops.deploy.remote.work import VERDICT
from eloquence_ops.deploy.remote.writing import read_json, remove, write, write_json

_RUNNER = b"import sys\nsource = open(sys.argv[1], 'rb').read()\nexec(source)\n"
_GONE_S = 1.0
_ENDING_S = 600


def apply(request: dict[str, object], heard: Heard, speech: Speech, source: bytes) -> None:
    """The verb `apply`, to its end or the client's."""
    place = place_of(request)
    checked_release(str(request["release"]))
    folder = "{}-{}".format(place.run_of(str(request["release"])), os.getpid())
    staging = os.path.join(place.releases, ".incoming-" + os.path.basename(folder))
    job = Job(dict(request, staging=staging), folder)
    try:
        who = identity(job.user, job.group)
    except KeyError:
        raise Failed("files", "no user {}".format(job.user)) from None
    locking.wait_until_cleared(place)
    if locking.is_held(place):
        _refuse(speech, job, _locked(place))
        return
    with _ending_by_signals(), _received(place, job, who) as made:
        told = _prepare(place, job, source)
        try:
            told.step("receive", "begun")
            _pass_on(folder, speech, 0)
            _receive(job, who, heard)
        except (Failed, OSError, Undone) as error:
            told.step("receive", "failed")
            _pass_on(folder, speech, 1)
            _refuse(speech, job, _why(error))
            remove(folder)
            return
        except BaseException:
            remove(folder)
            raise
        told.step("receive", "done")
        job.request["made"] = made
        write_json(os.path.join(folder, "job.json"), job.request)
        refused = _launch(place, job)
        if refused is not None:
            remove(folder)
            _refuse(speech, job, refused)
            return
        made.clear()  # it is the unit's now
        job.request["launched"] = True
    relay(place, folder, heard, speech, 1)


@contextlib.contextmanager
def _received(place: Place, job: Job, who: Identity) -> Iterator[list[str]]:
    """A folder to receive into, and the folders above it that had to be made for it; gone at the
    end unless a unit was launched that has taken them over."""
    made: list[str] = []
    try:
        _make_folders(place, who, made)
        with acting_as(who):
            os.makedirs(os.path.join(job.staging, "files"), 0o755)
        yield made
    finally:
        if not job.request.get("launched"):
            with acting_as(who):
                shutil.rmtree(job.staging, ignore_errors=True)
            for path in reversed(made):
                with contextlib.suppress(OSError):
                    os.rmdir(path)


def _make_folders(place: Place, who: Identity, made: list[str]) -> None:
    if not os.path.isdir(place.remote_dir):
        os.makedirs(os.path.dirname(place.remote_dir), 0o755, exist_ok=True)
        os.mkdir(place.remote_dir, 0o755)
        made.append(place.remote_dir)
        os.chown(place.remote_dir, who.uid, who.gid, follow_symlinks=False)
    if not os.path.isdir(place.releases):
        # The folder may be root's still; what it is made in changes hands when the unit adopts it.
        os.mkdir(place.releases, 0o755)
        made.append(place.releases)
        os.chown(place.releases, who.uid, who.gid, follow_symlinks=False)


def _prepare(place: Place, job: Job, source: bytes) -> Told:
    os.makedirs(place.run, 0o700, exist_ok=True)
    os.chmod(os.path.dirname(place.run), 0o700)
    if not locking.is_held(place):
        _forget_old_jobs(place)
    os.mkdir(job.folder, 0o700)
    write(os.path.join(job.folder, "program"), source, 0o600)
    write(os.path.join(job.folder, "run.py"), _RUNNER, 0o600)
    return Told(os.path.join(job.folder, "events"))


def _forget_old_jobs(place: Place) -> None:
    """All but the last one, which somebody may still ask after."""
    last = (read_json(os.path.join(place.state, locking.LAST)) or {}).get("job")
    for name in os.listdir(place.run):
        path = os.path.join(place.run, name)
        pid = name.rpartition("-")[2]
        alive = pid.isdigit() and os.path.exists("/proc/" + pid)
        if os.path.isdir(path) and path != last and not alive:
            shutil.rmtree(path, ignore_errors=True)


def _receive(job: Job, who: Identity, heard: Heard) -> None:
    sent, wheels = job.sent(), job.wheels()
    job.manifest()
    frame = heard.next()
    if frame.kind == "s":
        write(os.path.join(job.folder, "secrets"), frame.payload, 0o600)
        frame = heard.next()
    heard.again(frame)
    with acting_as(who):
        if sent or wheels:
            receive(heard, job.staging, sent, wheels)
            files = os.path.join(job.staging, "files")
            missing = [path for path in sent if not os.path.lexists(os.path.join(files, path))]
            if missing:
                raise Failed("files", "announced, and not sent", path=missing[0])
        else:
            Upload(heard).finish()


def _launch(place: Place, job: Job) -> dict[str, object] | None:
    """Starts the unit that does the work; why not, where it is refused."""
    words = candidate.program_words(job.folder)
    recover = " ".join([*words, "recover", job.folder])
    described = "eloquence: {} {} by {}".format(job.kind, job.release, job.who or "?")
    done = systemd.run(
        [
            *("systemd-run", "--quiet", "--collect", "--no-block", "--unit=" + place.apply_unit),
            "--property=Description=" + described.replace("%", "%%"),
            "--property=ExecStopPost=" + recover,
            "--property=TimeoutStopSec={}".format(_ENDING_S),
            "--property=TimeoutStartSec=infinity",
            "--property=OOMScoreAdjust=-500",
            *("--", *words, "apply", job.folder),
        ]
    )
    if done.status == 0:
        return None
    if locking.is_held(place):
        return _locked(place)
    return Failed("unit", "systemd-run: " + done.stderr.strip()).described("lock")


def _locked(place: Place) -> dict[str, object]:
    held = locking.holder(place) or {}
    return dict(Failed("locked", str(held.get("who") or "")).described("lock"), lock=held)


def _why(error: BaseException) -> dict[str, object]:
    if isinstance(error, Undone):
        error = Failed("asked", str(error))
    if isinstance(error, OSError):
        error = of_system(error)
    return error.described("receive") if isinstance(error, Failed) else {}


def _refuse(speech: Speech, job: Job, why: dict[str, object]) -> None:
    place = place_of(job.request)
    speech.say_now(
        {
            "event": "ended",
            "outcome": "refused",
            "release": job.release,
            "current": place.current_release(),
            "serves": None,
            "why": why,
        }
    )


def follow(request: dict[str, object], heard: Heard, speech: Speech) -> None:
    """What the apply does that runs now, or what the last one did."""
    place = place_of(request)
    running = _running(place)
    known = running or read_json(os.path.join(place.state, locking.LAST)) or {}
    folder = str(known.get("job") or "")
    release = request.get("release")
    other = release is not None and release != known.get("release")
    if other or not os.path.isdir(folder):
        speech.say_now({"event": "nothing"})
        return
    since = int(str(request.get("since") or 0))
    # After a boot whoever puts things in order tells events of his own, from the first on.
    told_by_another = since > len(read(os.path.join(folder, "events"), 0))
    relay(place, folder, heard, speech, 0 if told_by_another else since)


def _running(place: Place) -> dict[str, object] | None:
    """Who has just begun has not said so yet."""
    until = time.monotonic() + _GONE_S
    while True:
        found = read_json(os.path.join(place.run, locking.RUNNING))
        if found is not None or time.monotonic() > until or not locking.is_held(place):
            return found
        time.sleep(0.05)


def relay(place: Place, folder: str, heard: Heard, speech: Speech, since: int) -> None:
    """Events from number `since` on, until the last; confirmations the other way."""
    looked = time.monotonic()
    while True:
        since, ended = _pass_on(folder, speech, since)
        if ended:
            return
        frame = heard.waiting(0.05)
        if frame is not None:
            if not frame.kind:
                return  # the client has gone; the unit goes on
            _verdict(folder, frame.kind, frame.payload)
        if time.monotonic() - looked > _GONE_S:
            looked = time.monotonic()
            if not locking.is_held(place):
                since, ended = _pass_on(folder, speech, since)
                if not ended:
                    _recover(place, folder)


def _pass_on(folder: str, speech: Speech, since: int) -> tuple[int, bool]:
    lines = read(os.path.join(folder, "events"), since)
    for line in lines:
        speech.pass_on(line)
    return since + len(lines), any(json.loads(line)["event"] == "ended" for line in lines)


def _verdict(folder: str, kind: str, payload: bytes) -> None:
    if kind in ("c", "u"):
        verdict = "confirm" if kind == "c" else "undo"
        reason = payload.decode("utf-8", "replace")[:300]
        path = os.path.join(folder, VERDICT)
        write_json(path, {"verdict": verdict, "reason": reason})


def _recover(place: Place, folder: str) -> None:
    """The unit is gone and has not said how it ended: even its last command was killed."""
    words = [*candidate.program_words(folder), "recover", folder]
    systemd.run(["systemd-run", "--quiet", "--collect", "--unit=" + place.apply_unit, "--", *words])


@contextlib.contextmanager
def _ending_by_signals() -> Iterator[None]:
    """sshd hangs up on us when the link ends: then what was received is removed."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, _ended) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(number: int, _frame: object) -> None:
    sys.exit(128 + number)
