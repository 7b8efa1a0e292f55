"""One deploy or rollback from beginning to end: look, plan, apply, check from outside.

The rim: it joins what is pure with the server, the source and the public name.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import posixpath
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from eloquence_ops.deploy import (
    ending,
    job,
    plan,
    port,
    public,
    source,
    survey,
    units,
    wheels,
    wire,
)
from eloquence_ops.deploy.choices import Choices, api_port
from eloquence_ops.deploy.conversation import Apply, Server, Watcher, not_root
from eloquence_ops.deploy.ending import Ending
from eloquence_ops.deploy.failures import DeployRefused, Locked
from eloquence_ops.deploy.job import Origin, Wheel
from eloquence_ops.deploy.planning.shapes import LiveKitFiles, Plan
from eloquence_ops.deploy.planning.switch import keeps_socket
from eloquence_ops.deploy.public import Compared, MakePlan
from eloquence_ops.deploy.requirements import Requirements
from eloquence_ops.deploy.requirements import of_source as requirements_of
from eloquence_ops.deploy.source import Entry, Source
from eloquence_ops.deploy.survey import Record, Survey
from eloquence_ops.deploy.wire import Member
from eloquence_ops.endpoints import scope_of
from eloquence_ops.findings import Finding
from eloquence_ops.run.carry_out import stop_signals
from eloquence_ops.run.examine import Result
from eloquence_ops.secrets import Secret
from eloquence_ops.server.errors import LinkError
from eloquence_ops.server.threads import in_thread
from eloquence_ops.settings import Target

SURVEY_S: Final = 60.0
_LOOK_AGAIN_S: Final = 2.0
_LIVEKIT_YAML: Final = "/etc/livekit.yaml"
_LIVEKIT_KEYS: Final = "livekit-keys.yaml"
_OURS: Final = "# Installed by `eloquence deploy"


@dataclass(frozen=True)
class Held:
    """Secrets, each only where it is known."""

    api_key: Secret | None = None
    env_local: Secret | None = None
    livekit_keys: Secret | None = None

    def values(self) -> Mapping[str, Secret | None]:
        return {
            "api_key": self.api_key,
            "env_local": self.env_local,
            "livekit_keys": self.livekit_keys,
        }


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made from."""

    plan: Plan
    source: Source
    rendered: units.Rendered
    requirements: Requirements | None
    origin: Origin


@dataclass(frozen=True)
class Finished:
    """How it ended. `before` is what was current; `compared` is None where nobody looked through
    the public name; `adopted`: what was there had been made by hand."""

    ending: Ending
    before: str | None
    compared: Compared | None = None
    interrupted: bool = False
    adopted: bool = False
    rolled_back: bool = False

    @property
    def exit_code(self) -> int:
        """That a person is needed is more than that one has interrupted it."""
        code = self.ending.exit_code
        return 130 if self.interrupted and code != 4 else code


@dataclass
class Deployment:
    """`make_plan` plans a look through the public name; None where nobody is to look."""

    target: Target
    choices: Choices
    server: Server
    watcher: Watcher
    held: Held = field(default_factory=Held)
    environ: Mapping[str, str] = field(default_factory=dict)
    make_plan: MakePlan | None = None
    _nonce: str = ""

    async def survey(self, *, needs_root: bool = True) -> Survey:
        """Raises `LinkError`."""
        request = job.asking("survey", self.target, self.choices)
        dialogue = await self.server.begin(request)
        self._nonce = dialogue.nonce
        kept = False
        try:
            async with asyncio.timeout(SURVEY_S):
                async for event in dialogue.events():
                    found = self._surveyed(event)
                    if found is None:
                        continue
                    if needs_root and not found.is_root:
                        refused = not_root(dialogue.privilege, self.server.host)
                        raise refused or LinkError("deploy.no-root", host=self.server.host)
                    kept = True
                    self.server.keep(dialogue)
                    return found
        except TimeoutError:
            raise LinkError("deploy.mute", host=self.server.host, seconds=f"{SURVEY_S:g}") from None
        finally:
            if not kept:
                await dialogue.close()
        raise dialogue.not_begun()

    def _surveyed(self, event: wire.Event) -> Survey | None:
        if event["event"] == "survey":
            facts = event.get("facts")
            seen = survey.parse(facts, self.server.host)
            rules = facts.get("firewall") if isinstance(facts, dict) else None
            open_now = port.judged(rules, api_port(self.target, self.choices))
            return seen.model_copy(update={"port_open": open_now})
        if event["event"] in ("refused", "ended"):
            why = ending.Why.model_validate(event.get("why") or {})
            if why.kind == "python":
                raise LinkError("deploy.old-python", host=self.server.host, found=why.detail or "–")
            said = why.detail or why.kind or "–"
            raise LinkError("deploy.not-begun", host=self.server.host, said=said)
        return None

    async def plan(self, folder: Path, origin: Origin) -> Planned:
        """Survey and source are read at the same time. Raises `LinkError`, `SourceRefused`."""
        reading = asyncio.ensure_future(in_thread(lambda: source.read(folder)))
        looking = asyncio.ensure_future(self.survey())
        try:
            # What is wrong with the source is said first, and at once.
            await asyncio.wait({reading, looking}, return_when=asyncio.FIRST_EXCEPTION)
            read = await reading
            seen = await looking
        finally:
            for task in (reading, looking):
                task.cancel()
            await asyncio.wait({reading, looking}, timeout=1.0)
        return self._planned(read, seen, origin)

    def _planned(self, read: Source, seen: Survey, origin: Origin) -> Planned:
        commit = origin.commit
        release = plan.release_id(seen.now, read.digest, commit)
        own = read.text(self.target.api_unit) if self.choices.unit_from_source else None
        own = units.in_release(own, self.target.remote_dir) if own else None
        rendered = self.render(seen, release, own)
        requirements = requirements_of(read.text)
        livekit = self._livekit(seen) if self.choices.with_livekit else None
        made = plan.make(
            self.target, self.choices, read, seen, rendered, requirements, release, livekit
        )
        if made.nothing and self._env_differs(seen):
            made = replace(made, nothing=False)
        return Planned(made, read, rendered, requirements, origin)

    def _env_differs(self, seen: Survey) -> bool:
        """Whether the settings that are to go along are others than those that are there."""
        if self.held.env_local is None:
            return False
        there = seen.env_local.digest if seen.env_local else None
        return there != self._digest(self.held.env_local.reveal())

    def _digest(self, text: str) -> str:
        """As the server tells it of a file that may not be told."""
        return hmac.new(self._nonce.encode(), text.encode(), "sha256").hexdigest()

    def render(self, seen: Survey, release: str, own_unit: str | None = None) -> units.Rendered:
        wanted = units.Wanted(
            api_unit=self.target.api_unit,
            remote_dir=self.target.remote_dir,
            release=release,
            user=seen.user.name,
            group=seen.user.group or seen.user.name,
            asgi_app=self.target.asgi_app,
            port=api_port(self.target, self.choices),
            activation=self.choices.activation,
            shared_paths=self.target.shared_paths,
            shares_socket=True,
            service_text=own_unit,
            listen=self.choices.listen,
        )
        rendered = units.render(wanted, self.choices.templates)
        if keeps_socket(self.target, seen, rendered.units):
            return rendered
        # The one that is there makes way: a candidate that held it too would keep it in place.
        return units.render(replace(wanted, shares_socket=False), self.choices.templates)

    def _livekit(self, seen: Survey) -> LiveKitFiles | None:
        """A configuration that somebody else wrote is left as it is, and so is any without a key
        pair: it may hold the only copy."""
        there = seen.livekit
        if there.binary is None:
            return None
        yaml_path = there.yaml_path or _LIVEKIT_YAML
        user = there.user or seen.user.name
        key_file = posixpath.join(posixpath.dirname(yaml_path), _LIVEKIT_KEYS)
        rendered = units.render_livekit(
            binary=there.binary,
            user=user,
            yaml_path=yaml_path,
            key_file=key_file,
            media_ports=self.target.media_ports,
            is_behind_nat=scope_of(there.address or "") == "private",
            templates=self.choices.templates,
        )
        ours = there.yaml is None or there.yaml.startswith(_OURS)
        keys = self.held.livekit_keys if ours else None
        if keys is None:
            return LiveKitFiles(rendered.unit, None, yaml_path, key_file, user)
        differ = there.keys_digest != self._digest(keys.reveal() + "\n")
        return LiveKitFiles(rendered.unit, rendered.yaml, yaml_path, key_file, user, differ)

    async def apply(self, planned: Planned) -> Finished:
        """Raises what stands in its way before anything was changed."""
        made = planned.plan
        refuse_locked(made.survey)
        with tempfile.TemporaryDirectory(prefix="eloquence-wheels-") as folder:
            gathered = await self._wheels(planned, Path(folder))
            there = set(made.survey.wheels)
            lacking = [wheel for wheel in gathered if wheel.sha256 not in there]
            root = planned.source.root
            members = [
                *(Member(f"files/{entry.path}", entry, root) for entry in made.send),
                *(Member(f"wheels/{wheel.name}", _entry(wheel), Path(folder)) for wheel in lacking),
            ]
            request = job.deploying(
                self.target,
                self.choices,
                made,
                planned.source,
                planned.rendered,
                planned.requirements,
                planned.origin,
                gathered,
                job.from_environment(),
            )
            return await self._run(
                request, made.survey, lambda: wire.tar_frames(members, source.chunks)
            )

    async def roll_back(self, seen: Survey, release: str, origin: Origin) -> Finished:
        refuse_locked(seen)
        request = job.rolling_back(
            self.target,
            self.choices,
            seen,
            release,
            self.render(seen, release),
            origin,
            job.from_environment(),
        )
        return await self._run(request, seen, None)

    async def _wheels(self, planned: Planned, folder: Path) -> tuple[Wheel, ...]:
        requirements = planned.requirements
        if not self.choices.wheelhouse or requirements is None or planned.plan.packages.reuse:
            return ()
        self.watcher.note("deploy.gathering")
        return await in_thread(
            lambda: wheels.gather(
                planned.source.root,
                requirements,
                planned.plan.survey,
                folder,
                self.environ,
                lambda line: self.watcher.event({"event": "said", "line": line}),
            )
        )

    async def _run(
        self,
        request: job.Request,
        seen: Survey,
        frames: Callable[[], Iterator[bytes]] | None,
    ) -> Finished:
        looking = _Looking(self.make_plan, self._areas())
        if looking.make_plan is None:
            request["confirm_within_s"] = None
        apply = Apply(
            self.server,
            request,
            self.watcher,
            secrets=self.held.values(),
            frames=frames,
            ready=looking.looked,
            confirm=looking.confirm,
        )
        looking.start()
        try:
            with stop_signals(apply.interrupt):
                ended = ending.read(await apply.run())
        finally:
            await looking.stop()
        return Finished(
            ended,
            seen.current,
            looking.compared,
            interrupted=apply.interrupted,
            adopted=seen.layout == "flat",
            rolled_back=request["kind"] == "rollback",
        )

    def _areas(self) -> frozenset[str]:
        return frozenset({"api", "livekit"} if self.choices.with_livekit else {"api"})


class _Looking:
    """The looks through the public name: one while files are sent, over before anything changes,
    and one before it is confirmed."""

    def __init__(self, make_plan: MakePlan | None, areas: frozenset[str]) -> None:
        self.make_plan, self._areas = make_plan, areas
        self.compared: Compared | None = None
        self._before: asyncio.Future[Result] | None = None

    def start(self) -> None:
        if self.make_plan is not None:
            self._before = asyncio.ensure_future(public.look(self.make_plan))

    async def looked(self) -> None:
        """The look before is over: what it saw is what was there."""
        if self._before is not None:
            await asyncio.wait({self._before})

    async def confirm(self) -> str | None:
        if self.make_plan is None or self._before is None:
            return None
        before = await self._before
        new: tuple[Finding, ...] = ()
        for last in (False, True):
            after = await public.look(self.make_plan)
            compared = self.compared = public.compare(before, after, self._areas)
            if not compared.new:
                return None
            new = compared.new
            if not last:
                # A proxy that was just refused takes a moment before it tries again.
                await asyncio.sleep(_LOOK_AGAIN_S)
        return "public: " + ", ".join(finding.id for finding in new)

    async def stop(self) -> None:
        if self._before is not None and not self._before.done():
            self._before.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._before


def _entry(wheel: Wheel) -> Entry:
    return Entry(wheel.name, wheel.sha256, wheel.size, 0o644)


def refuse_locked(seen: Survey) -> None:
    """Raises `Locked`: by whom, since when, which step."""
    lock = seen.lock
    if lock is None:
        return
    since = time.strftime("%H:%M:%S", time.gmtime(lock.since)) if lock.since else "–"
    ago = f"{max(0.0, seen.now - lock.since):.0f}" if lock.since else "–"
    raise Locked(
        "deploy.locked",
        who=lock.who or "–",
        release=lock.release or "–",
        since=since,
        ago=ago,
        step=lock.step or "–",
    )


def has_put_in_order(finished: Finished, seen: Survey) -> bool:
    """Whether it did no more than put back what a deploy before it had left: the plan was made for
    how the server was until then, and another one is to be made now."""
    why = finished.ending.why
    changed = why is not None and why.kind == "changed"
    return seen.unfinished is not None and finished.ending.outcome == "refused" and changed


def choose_release(seen: Survey, wanted: str | None) -> Record:
    """The one that was named, or the newest good one before the current. Raises `DeployRefused`.

    What counts is the mark of its checks: never the order of a listing.
    """
    if wanted is not None:
        found = [record for record in seen.releases if record.id.startswith(wanted)]
        exact = [record for record in found if record.id == wanted] or found
        if len(exact) != 1:
            known = ", ".join(record.id for record in seen.releases) or "–"
            raise DeployRefused("deploy.no-release", release=wanted, known=known)
        if exact[0].good_at is None:
            raise DeployRefused("deploy.not-good", release=exact[0].id)
        return exact[0]
    current = _order(seen.record) if seen.record else None
    before = [
        record
        for record in seen.releases
        if record.good_at is not None and (current is None or _order(record) < current)
    ]
    if not before:
        raise DeployRefused("deploy.nothing-before", current=seen.current or "–")
    return max(before, key=_order)


def _order(record: Record) -> tuple[bool, str]:
    """What was there before the first deploy is the oldest, whenever it was adopted."""
    return not record.adopted, record.id
