"""The work itself, in a unit of its own: step by step, each taken back when a later one fails."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import Callable, Tuple

from eloquence_ops.deploy.remote import (
    adoption,
    assembling,
    before,
    candidate,
    installed,
    livekit,
    locking,
    ports,
    recovery,
    switching,
    systemd,
    tidying,
)
from eloquence_ops.deploy.remote.checking import Service
from eloquence_ops.deploy.remote.identity import acting_as, identity
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.packages import Builder
from eloquence_ops.deploy.remote.place import Place, place_of
from eloquence_ops.deploy.remote.survey import listener, masker_of, unit_hash
from eloquence_ops.deploy.remote.told import Told
from eloquence_ops.deploy.remote.tree import OWN
from eloquence_ops.deploy.remote.verification import compare, verify
from eloquence_ops.deploy.remote.why import Failed, of_system
from eloquence_ops.deploy.remote.working import run_as
from eloquence_ops.deploy.remote.writing import link, read_json, remove, write_json
from eloquence_ops.server.remote import environment_file

SKIPPED = "skipped"
VERDICT = "verdict.json"
_SETTLING_S = 1.0
_START_S = 60.0
_WATCH_S = 6.0

Step = Tuple[str, Callable[["Apply"], "str | None"]]


class Apply:
    """One job. `run` tells how it ended as the last event, and raises nothing."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.place: Place = switching.with_its_port(place_of(job.request), job)
        self.told = Told(os.path.join(job.folder, "events"))
        self.who = identity(job.user, job.group)
        self.secrets = _secrets(job.folder)
        self.ledger = Ledger(self.place, {})
        self.before: dict[str, object] = {}
        self.environment = ""
        self.step = ""
        self.pid = 0

    def run(self) -> None:
        failed: Failed | None = None
        try:
            for self.step, do in STEPS:
                self._check()
                locking.note_step(self.place, self.step)
                self.told.step(self.step, "begun")
                self._hold()
                skipped = do(self) == SKIPPED
                self.told.step(self.step, SKIPPED if skipped else "done")
        except Failed as error:
            failed = error
        except OSError as error:
            failed = of_system(error)
        except Exception as error:  # a defect of ours must not leave the server half done
            failed = Failed("crashed", "{}: {}".format(type(error).__name__, error))
        if failed is None:
            self._ended("deployed", None)
            return
        self.told.step(self.step, "failed")
        self._undo(self._masked(failed))

    def _undo(self, failed: Failed) -> None:
        why = failed.described(self.step)
        if not self.ledger.data:
            remove_staging(self.place, self.job)
            self._ended("refused", why)
            return
        if self.ledger.data.get("committed"):
            # It is good and serves; what came after is only tidying.
            self.told.note("not-tidied", detail=failed.detail)
            recovery.finish(self.place, self.ledger)
            self._ended("deployed", None)
            return
        back = recovery.restore(self.place, self.ledger, self.told, self.job.folder)
        remove_staging(self.place, self.job)
        self._ended("undone" if back else "lost", why)

    def _ended(self, outcome: str, why: dict[str, object] | None) -> None:
        end(self.place, self.job, self.told, outcome, why)

    def _masked(self, failed: Failed) -> Failed:
        """What services and installers said may hold a secret."""
        masker = masker_of(self.place, [str(self.secrets.get("api_key") or "")])
        failed.lines = [masker.text(line) for line in failed.lines]
        failed.body = masker.text(failed.body)
        failed.detail = masker.text(failed.detail)
        return failed

    def _check(self) -> None:
        """Raises `Failed` where the client has taken it back."""
        verdict = read_json(os.path.join(self.job.folder, VERDICT))
        undo = verdict is not None and verdict.get("verdict") == "undo"
        if verdict is not None and undo and not self.ledger.data.get("committed"):
            raise Failed("asked", str(verdict.get("reason") or ""))

    def _hold(self) -> None:
        hold = self.job.section("hold")
        if hold.get("step") == self.step:
            until = time.monotonic() + float(str(hold.get("seconds") or 0))
            while time.monotonic() < until:
                self._check()
                time.sleep(0.05)

    def _key(self) -> str:
        """The API's key: of its own settings, else what the client has."""
        try:
            with open(self.place.env_local, encoding="utf-8") as file:
                for entry in reversed(environment_file.parse(file.read())):
                    if entry.name == "API_KEY" and entry.value:
                        return entry.value
        except (OSError, ValueError):
            pass
        return str(self.secrets.get("api_key") or "")

    # The steps, in order.

    def lock(self) -> str | None:
        locking.take(self.place, self.job)
        clear_staging(self.place, self.job)
        return None

    def recover(self) -> str | None:
        return None if recovery.left_by_another(self.place, self.told, self.job) else SKIPPED

    def base(self) -> str | None:
        base = self.job.section("base")
        if base:
            found = {"layout": self.place.layout(), "current": self.place.current_release()}
            for name, value in found.items():
                if name in base and base[name] != value:
                    raise Failed("changed", "{}: {} now".format(name, value))
            units = base.get("units")
            for unit, digest in units.items() if isinstance(units, dict) else ():
                if digest and unit_hash(str(unit)) != digest:
                    raise Failed("changed", "{} is another one now".format(unit), path=str(unit))
        self.before = before.snapshot(self.place)
        self._may_take_port()
        if self.job.is_rollback and installed.record(self.place, self.job.release) is None:
            raise Failed("files", "no such release", path=self.job.release)
        self.ledger.set(
            release=self.job.release,
            kind=self.job.kind,
            who=self.job.who,
            since=round(time.time(), 3),
            job=self.job.folder,
            user=self.who.name,
            group=self.who.group,
            before=self.before,
            previous=self.place.current_release(),
        )
        return None

    def _may_take_port(self) -> None:
        held = listener(self.place)
        runs = self.before["mode"] in ("socket", "plain")
        if held is None or (runs and self.before["port"] == self.place.port):
            return
        what = "pid {}: {}".format(held["pid"], held["command"])
        unit = str(held["unit"] or "")
        if unit.endswith(".service") and not unit.startswith(("user@", self.place.stem)):
            raise Failed("port-taken", "{} of {}".format(what, unit))
        if runs or not self.job.flag("take_over"):
            raise Failed("port-taken", what)

    def adopt(self) -> str | None:
        made = self.job.words(self.job.request.get("made"))
        flat = self.place.layout() == "flat"
        adoption.make_folders(self.place, self.who, self.ledger, made)
        api = systemd.show(self.place.api_unit)[self.place.api_unit]
        adopted = ""
        if flat:
            serve = self.job.text("serve")
            adopted = adoption.adopt(self.place, self.who, self.ledger, api, self.before, serve)
            self.told.note("adopted", release=adopted)
        else:
            adoption.move_env_local(self.place, self.who, self.ledger)
        self._write_env_local()
        return None if adopted else SKIPPED

    def _write_env_local(self) -> None:
        text = self.secrets.get("env_local")
        if isinstance(text, str) and text:
            from eloquence_ops.deploy.remote.writing import write

            self.ledger.will_replace(self.place.env_local)
            with acting_as(self.who):
                write(self.place.env_local, text.encode("utf-8"), 0o600)

    def assemble(self) -> str | None:
        if self.job.is_rollback:
            return SKIPPED
        self.ledger.will_make(self.place.release(self.job.release))
        adopted = str(self.ledger.data.get("adopted") or "")
        assembling.assemble(self.place, self.who, self.job, adopted)
        return None

    def packages(self) -> str | None:
        if self.job.is_rollback:
            return SKIPPED
        wanted = self.job.section("environment")
        reuse = wanted.get("reuse")
        if isinstance(reuse, str) and reuse:
            self.environment = reuse
            python = os.path.join(self.place.environments, reuse, "bin/python")
            if not os.path.exists(python):
                raise Failed("packages", "no environment {}".format(reuse), path=python)
        else:
            self.environment = self._build(wanted.get("build"))
        own = os.path.join(self.place.release(self.job.release), OWN)
        with acting_as(self.who):
            link(os.path.join(own, "environment"), "../../../environments/" + self.environment)
        assembling.record(self.place, self.who, self.job, self.environment, self.ledger)
        return None if not reuse else SKIPPED

    def _build(self, how: object) -> str:
        home = os.path.join(self.place.environments, self.job.release)
        self.ledger.will_make(home)
        builder = Builder(
            self.place, self.who, lambda line: self.told.said("packages", line), self._check
        )
        named = self.job.section("requirements").get("path")
        release = self.place.release(self.job.release)
        requirements = os.path.join(release, str(named)) if named else None
        from_wheels = isinstance(how, dict) and how.get("wheelhouse") is True
        wheels = None
        if from_wheels:
            wheels = os.path.join(self.place.releases, ".wheels-" + self.job.release)
            self.ledger.will_make(wheels)
            assembling.gather_wheels(self.place, self.who, self.job, self.ledger, wheels)
        found = builder.build(
            self.job.release, requirements, wheels, self.job.section("requirements").get("sha256")
        )
        if wheels is not None:
            with acting_as(self.who):
                remove(wheels)
        return found

    def units_verify(self) -> str | None:
        texts = {**self.job.texts("units"), **self.job.texts("candidate")}
        replacing = (self.place.current + "/", self.place.release(self.job.release) + "/")
        verify(os.path.join(self.job.folder, "verify"), texts, replacing)
        return None

    def before_switch(self) -> str | None:
        return self._hooks("before_switch")

    def after_switch(self) -> str | None:
        return self._hooks("after_switch")

    def _hooks(self, name: str) -> str | None:
        hooks = self.job.section("hooks")
        commands = self.job.words(hooks.get(name))
        release = self.place.release(self.job.release)
        path = os.path.join(release, OWN, "environment/bin") + ":/usr/local/bin:/usr/bin:/bin"
        for command in commands:
            self.told.said(self.step, "$ " + command)
            status, lines = run_as(
                self.who,
                ["/bin/sh", "-c", command],
                release,
                on_line=lambda line: self.told.said(self.step, line),
                timeout_s=float(str(hooks.get("timeout_s") or 300)),
                check=self._check,
                variables={"PATH": path, "ELOQUENCE_RELEASE": self.job.release},
            )
            if status != 0:
                raise Failed("hook", command, status=status, lines=lines)
        return None if commands else SKIPPED

    def candidate(self) -> str | None:
        candidate.stop(self.place)
        candidate.install(self.place, self.job.texts("candidate"))
        start_s = float(str(self.job.section("checks").get("start_s") or _START_S))
        candidate.start(self.place, start_s, self._check)
        return None

    def candidate_checks(self) -> str | None:
        try:
            with_key = Service(self.place.candidate_address, self._key()).works()
        except Failed as failed:
            shown = systemd.show(self.place.candidate_unit)[self.place.candidate_unit]
            failed.lines = failed.lines or candidate.said(self.place.candidate_unit, shown)[-20:]
            raise
        if not with_key:
            self.told.note("no-api-key")
        return None

    def watch(self) -> str | None:
        watch_s = self.job.section("checks").get("watch_s")
        seconds = float(str(_WATCH_S if watch_s is None else watch_s))
        candidate.watch(self.place, self.place.candidate_unit, seconds, True, self._check)
        return None

    def take_over(self) -> str | None:
        if not self._without_gap():
            return SKIPPED
        candidate.go_public(self.place)
        return None

    def _without_gap(self) -> bool:
        return switching.is_without_gap(self.place, self.job, self.before)

    def switch(self) -> str | None:
        if switching.returns_to_own_unit(self.place, self.job):
            candidate.stop(self.place)
            adoption.put_back(self.place, self.who, self.ledger, self.job.release)
        self.ledger.will_replace(self.place.current)
        with acting_as(self.who):
            link(self.place.current, "releases/" + self.job.release)
        return None

    def units(self) -> str | None:
        switching.install_units(self.place, self.job, self.ledger)
        texts = switching.unit_texts(self.place, self.job)
        compare(self.place, texts)
        return None

    def restart(self) -> str | None:
        self.ledger.set(restarted=True)
        self.pid = switching.restart(self.place, self.job, self.before)
        return None

    def checks(self) -> str | None:
        # Only then is it sure who answers.
        candidate.stop(self.place)
        with_key = Service(self.place.address, self._key())
        try:
            with_key.works()
        except Failed as failed:
            shown = systemd.show(self.place.api_unit)[self.place.api_unit]
            failed.lines = failed.lines or candidate.said(self.place.api_unit, shown)[-20:]
            raise
        candidate.watch(self.place, self.place.api_unit, _SETTLING_S, False, self._check)
        return None

    def livekit(self) -> str | None:
        keys = self.secrets.get("livekit_keys")
        changed = livekit.install(self.place, self.job, keys, self.ledger, self._check)
        return None if changed else SKIPPED

    def open_port(self) -> str | None:
        if not self.job.flag("open_port"):
            return SKIPPED
        opened = ports.let_through(
            self.place.port, self.ledger, lambda line: self.told.said("open-port", line)
        )
        return None if opened else SKIPPED

    def confirm(self) -> str | None:
        within = self.job.request.get("confirm_within_s")
        if not isinstance(within, (int, float)):
            return SKIPPED
        until = time.time() + float(within)
        self.told.event("awaiting-confirmation", until=round(until, 3))
        while True:
            self._check()
            verdict = read_json(os.path.join(self.job.folder, VERDICT))
            if verdict is not None and verdict.get("verdict") == "confirm":
                return None
            if time.time() > until:
                raise Failed("unconfirmed", "{:g} s".format(float(within)))
            time.sleep(0.05)

    def good(self) -> str | None:
        shown = systemd.show(self.place.api_unit)[self.place.api_unit]
        if not systemd.is_active(shown) or systemd.main_pid(shown) != self.pid:
            raise candidate.ended(self.place.api_unit, "crashed")
        assembling.mark_good(self.place, self.who, self.job.release)
        self.ledger.set(committed=True)
        return None

    def tidy(self) -> str | None:
        tidying.tidy(self.place, self.who, self.job, self.ledger, self.told)
        recovery.finish(self.place, self.ledger)
        remove_staging(self.place, self.job)
        return None


STEPS: list[Step] = [
    ("lock", Apply.lock),
    ("recover", Apply.recover),
    ("base", Apply.base),
    ("adopt", Apply.adopt),
    ("assemble", Apply.assemble),
    ("packages", Apply.packages),
    ("units-verify", Apply.units_verify),
    ("before-switch", Apply.before_switch),
    ("candidate", Apply.candidate),
    ("candidate-checks", Apply.candidate_checks),
    ("watch", Apply.watch),
    ("take-over", Apply.take_over),
    ("switch", Apply.switch),
    ("units", Apply.units),
    ("restart", Apply.restart),
    ("checks", Apply.checks),
    ("livekit", Apply.livekit),
    ("open-port", Apply.open_port),
    ("after-switch", Apply.after_switch),
    ("confirm", Apply.confirm),
    ("good", Apply.good),
    ("tidy", Apply.tidy),
]


def _secrets(folder: str) -> dict[str, object]:
    """Read once: then the file is gone."""
    path = os.path.join(folder, "secrets")
    found = read_json(path) or {}
    remove(path)
    return found


def clear_staging(place: Place, job: Job) -> None:
    """What doors left that were killed while they received."""
    try:
        names = os.listdir(place.releases)
    except OSError:
        return
    for name in names:
        path = os.path.join(place.releases, name)
        pid = name.rpartition("-")[2]
        alive = pid.isdigit() and os.path.exists("/proc/" + pid)
        if name.startswith(".incoming-") and path != job.staging and not alive:
            with acting_as(identity(job.user, job.group)):
                shutil.rmtree(path, ignore_errors=True)


def remove_staging(place: Place, job: Job) -> None:
    if job.staging.startswith(place.releases + "/.incoming-"):
        with acting_as(identity(job.user, job.group)):
            shutil.rmtree(job.staging, ignore_errors=True)
    # The door made these for it; where nothing came of it they are empty.
    for path in reversed(job.words(job.request.get("made"))):
        with contextlib.suppress(OSError):
            os.rmdir(path)


def end(place: Place, job: Job, told: Told, outcome: str, why: dict[str, object] | None) -> None:
    """The last event, also for those who ask later."""
    what: dict[str, object] = {
        "outcome": outcome,
        "release": job.release,
        "kind": job.kind,
        "current": place.current_release(),
        "serves": before.serves(before.as_it_is(place), 5.0),
        "why": why,
    }
    if outcome != "refused":
        last = dict(what, at=round(time.time(), 3), who=job.who, job=job.folder)
        os.makedirs(place.state, mode=0o700, exist_ok=True)
        try:
            write_json(os.path.join(place.state, locking.LAST), last)
        except OSError as error:
            told.note("not-kept", detail=json.dumps(str(error)))
    locking.let_go(place)
    told.event("ended", **what)


def main(folder: str) -> None:
    from eloquence_ops.deploy.remote.job import load

    Apply(load(folder)).run()
