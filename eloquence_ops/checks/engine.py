"""Runs every judgement in order, and says of what could not be judged why.

A check whose prerequisite did not pass is `masked`, by the root of the masking first. A
prerequisite that was skipped makes it `skipped`. A judgement that raises is an `error`, a defect
of ours, and never hides the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from eloquence_ops.catalogue.model import Catalogue, Check
from eloquence_ops.checks.judgements import judgement_of
from eloquence_ops.checks.registry import Verdict
from eloquence_ops.checks.seen import Seen, address_role, has_zone
from eloquence_ops.endpoints import Endpoint, u_label
from eloquence_ops.findings import Evidence, Finding, Status, Subject
from eloquence_ops.observations import AppSource, IceTrial, NameShown
from eloquence_ops.observations.probe_ends import ProbeEnd
from eloquence_ops.untrusted import one_line

THIS_MACHINE = Subject("this machine")
THE_APP = Subject("the app")
_ON_DISK = "server.certificate"
_BESIDE_PORTS = frozenset({"server.reached", "server.firewall", "server.media-firewall"})


@dataclass(frozen=True)
class About:
    """One thing a check is to judge. `thing` is None where its address is not known."""

    subject: Subject
    thing: Endpoint | NameShown | str | None
    names: frozenset[str]
    role: str


def judge_all(seen: Seen, catalogue: Catalogue) -> tuple[Finding, ...]:
    """Every finding of a run, in the order of the catalogue's requirements."""
    wanted = catalogue.checks_of(seen.asked.areas | {"machine"})
    if seen.was_inside and "tls" in seen.asked.areas:
        # Certificates have two vantages: what is served, and what the server has on its disk.
        wanted |= {_ON_DISK}
    if seen.asked.proves_ports(seen.target) and seen.ports_were_tried:
        # What its own rules say of the ports that were tried from here.
        wanted |= _BESIDE_PORTS
    run = _Run(seen, catalogue)
    for check_id in catalogue.with_requirements(wanted):
        run.judge(catalogue.checks[check_id])
    return tuple(run.findings)


@dataclass
class _Run:
    seen: Seen
    catalogue: Catalogue
    findings: list[Finding] = field(default_factory=list)

    def judge(self, check: Check) -> None:
        for about in subjects(check, self.seen):
            self.findings.extend(self._judge_one(check, about))

    def _judge_one(self, check: Check, about: About) -> list[Finding]:
        blocked = self._blocked(check, about)
        if blocked is not None:
            return [blocked]
        if about.thing is None:
            reason = "no-server" if about.role == "server" else "not-configured"
            return [self._builtin(check, about, "skipped", {"reason": reason})]
        registered = judgement_of(check.id)
        try:
            verdicts = list(registered.judge(about.thing, self.seen))
        except Exception as defect:  # ours; it becomes a finding, not a crash
            detail = one_line(f"{type(defect).__name__}: {defect}", limit=200)
            return [self._builtin(check, about, "error", {"detail": detail})]
        if not verdicts:
            return [self._not_judged(check, about, registered.feeds)]
        return [self._finding(check, about, verdict) for verdict in verdicts]

    def _finding(self, check: Check, about: About, verdict: Verdict) -> Finding:
        finding_id = f"{check.id}.{verdict.outcome}"
        return Finding(
            id=finding_id,
            status=self.catalogue.status(finding_id),
            vantage=check.vantages[0],
            subject=Subject(about.subject.name, verdict.family),
            evidence=verdict.evidence,
            duration_s=round(verdict.duration_s, 6),
        )

    def _builtin(
        self,
        check: Check,
        about: About,
        outcome: str,
        evidence: Evidence,
        masked_by: tuple[str, ...] = (),
    ) -> Finding:
        return Finding(
            id=f"{check.id}.{outcome}",
            status=self.catalogue.status(f"{check.id}.{outcome}"),
            vantage=check.vantages[0],
            subject=about.subject,
            evidence=evidence,
            masked_by=masked_by,
        )

    def _blocked(self, check: Check, about: About) -> Finding | None:
        """Masked or skipped by a prerequisite; None when all of them let it through."""
        skipped: Finding | None = None
        for required in check.prerequisites:
            related = [
                finding
                for finding in self.findings
                if finding.check == required.check
                and (required.on_any or finding.subject.name in about.names)
            ]
            if not related or any(finding.status.lets_through for finding in related):
                continue
            statuses = {finding.status for finding in related}
            if not required.hard and not statuses - {Status.UNKNOWN}:
                continue
            if statuses == {Status.SKIPPED}:
                skipped = skipped or related[0]
                continue
            return self._builtin(check, about, "masked", {}, _masking(related))
        if skipped is not None:
            reason = skipped.evidence.get("reason", skipped.outcome)
            return self._builtin(check, about, "skipped", {"reason": reason})
        return None

    def _not_judged(self, check: Check, about: About, feeds: tuple[str, ...]) -> Finding:
        ends = self.seen.end_of(*(f"{about.role}.{feed}" for feed in feeds))
        for end in ends:
            if end.state == "crashed":
                return self._builtin(check, about, "error", {"detail": f"{end.id}: {end.detail}"})
        return self._builtin(check, about, "unknown", _why_unknown(ends))


def _why_unknown(ends: list[ProbeEnd]) -> Evidence:
    for end in ends:
        if end.state != "done":
            return {"probe": end.id, "reason": end.state, "seconds": round(end.duration_s, 1)}
    return {"probe": ends[0].id if ends else "?", "reason": "nothing-seen", "seconds": 0.0}


def _masking(related: list[Finding]) -> tuple[str, ...]:
    """Ids of what masks, root causes first, then what they masked on the way."""
    roots: dict[str, None] = {}
    between: dict[str, None] = {}
    for finding in related:
        if finding.status is Status.MASKED:
            between[finding.check] = None
            for step in finding.masked_by:
                (roots if step.count(".") == 2 else between)[step] = None
        elif not finding.status.lets_through and finding.status is not Status.SKIPPED:
            roots[finding.id] = None
    return (*roots, *between)


def subjects(check: Check, seen: Seen) -> Iterator[About]:
    """What `check` is to judge in this run."""
    services = seen.asked.services(seen.target)
    match check.about:
        case "machine":
            yield About(THIS_MACHINE, "here", frozenset({THIS_MACHINE.name}), "machine")
        case "hosts" | "zones":
            every = check.about == "hosts"
            yield from (host for host in _hosts(seen) if every or _is_surveyed(seen, host))
        case "names":
            yield from map(_about_name, seen.names_in_use)
        case "app" | "app-names":
            yield from _of_app(check, seen)
        case "endpoints":
            for endpoint in seen.endpoints:
                yield _about(endpoint, seen)
        case "port-hosts" | "port-endpoints" | "media" if seen.ports_were_tried:
            yield from _ports(check, seen)
        case "server" | "server-api" | "server-livekit" | "server-media" | "server-services":
            yield from _inside(check, seen)
        case "api" if "api" in services:
            if seen.target.api is None:
                yield About(Subject("api"), None, frozenset({"api"}), "api")
            else:
                yield _about(seen.target.api, seen)
        case "livekit" | "sound" | "ice-servers" if "livekit" in services:
            yield from (
                _ice_servers(seen) if check.about == "ice-servers" else _livekits(check, seen)
            )


def _livekits(check: Check, seen: Seen) -> Iterator[About]:
    for endpoint in seen.livekits:
        about = _about(endpoint, seen)
        if check.about == "livekit" or _was_to_be_heard(seen, about):
            yield about
    if check.about == "sound":
        return
    if not seen.livekits:
        # Its address may be known only to an API that could not be asked.
        names = {"livekit", *([str(seen.target.api)] if seen.target.api else [])}
        yield About(Subject("livekit"), None, frozenset(names), "livekit")


def _ice_servers(seen: Seen) -> Iterator[About]:
    """Each once, with the LiveKit that hands it out among its names; none where none was asked."""
    from eloquence_ops.checks import ice_servers

    for url in dict.fromkeys(trial.url for trial in seen.every(IceTrial)):
        trials = ice_servers.trials_of(url, seen)
        names = frozenset({url, THIS_MACHINE.name, *(trial.endpoint for trial in trials)})
        yield About(Subject(url), url, names, "turn")


def _was_to_be_heard(seen: Seen, about: About) -> bool:
    """Recordings from before sound was examined name its area all the same."""
    return bool(seen.end_of(f"{about.role}.media", f"{about.role}.call"))


def _hosts(seen: Seen) -> Iterator[About]:
    for endpoint in {end.host: end for end in seen.endpoints}.values():
        yield _about(endpoint, seen, Subject(endpoint.display_host))
    for role, endpoint in seen.asked_hosts.items():
        name = endpoint.display_host
        yield About(Subject(name), endpoint, frozenset({name, THIS_MACHINE.name}), role)


def _ports(check: Check, seen: Seen) -> Iterator[About]:
    """The hosts whose ports were tried, their endpoints, or the ports of LiveKit's media."""
    if check.about == "media":
        from eloquence_ops.checks.server_media import media_name

        livekit = next(iter(seen.livekits), None)
        name = media_name(seen)
        around = (str(livekit), livekit.display_host) if livekit else ()
        yield About(Subject(name), livekit, frozenset({name, THIS_MACHINE.name, *around}), "ports")
        return
    for endpoint in seen.endpoints:
        about = _about(endpoint, seen)
        if check.about == "port-endpoints":
            # `reach` is its own probe, the others are the ports'.
            yield about if check.id == "ports.service" else replace(about, role="ports")
    if check.about == "port-hosts":
        for host in dict.fromkeys(end.display_host for end in seen.endpoints):
            yield About(Subject(host), host, frozenset({host, THIS_MACHINE.name}), "ports")


def _is_surveyed(seen: Seen, about: About) -> bool:
    """Recordings from before surveys were made have none."""
    if not isinstance(about.thing, Endpoint) or not has_zone(about.thing.host):
        return False
    made = seen.survey(about.thing.host) or seen.end_of(f"{about.role}.survey")
    return bool(made)


def _about_name(shown: NameShown) -> About:
    name = u_label(shown.host) if shown.host else shown.typed
    return About(Subject(name), shown, frozenset({name, THIS_MACHINE.name}), shown.origin)


def _of_app(check: Check, seen: Seen) -> Iterator[About]:
    """Nothing where no folder was named: only a run that was to read one says what came of it."""
    if check.about == "app-names":
        yield from map(_about_name, seen.app_names)
    elif seen.one(AppSource) or seen.end_of("app.names"):
        yield About(THE_APP, "code", frozenset({THE_APP.name, THIS_MACHINE.name}), "app")


def _inside(check: Check, seen: Seen) -> Iterator[About]:
    if check.about != "server-services":
        yield _about_server(check.about, seen)
        return
    for role in ("api", "livekit"):
        about = _about_server(f"server-{role}", seen)
        yield replace(about, thing=about.thing and role)


def _about_server(which: str, seen: Seen) -> About:
    """A service keeps the subject of its address, so that both vantages speak of one thing."""
    from eloquence_ops.checks.server_media import media_name

    target, machine_name = seen.target, seen.target.server or "server"
    name = {
        "server": machine_name,
        "server-api": str(target.api or target.api_unit),
        "server-livekit": str(target.livekit or seen.handed_out or target.livekit_unit),
        "server-media": media_name(seen),
    }[which]
    thing = name if seen.was_inside else None
    return About(Subject(name), thing, frozenset({name, machine_name, THIS_MACHINE.name}), "server")


def _about(endpoint: Endpoint, seen: Seen, subject: Subject | None = None) -> About:
    names = {str(endpoint), endpoint.display_host, THIS_MACHINE.name}
    if endpoint in seen.asked.addresses:
        role = address_role(seen.asked.addresses.index(endpoint))
    elif endpoint == seen.target.api:
        role = "api"
    else:
        role = "livekit" if endpoint == seen.target.livekit else "handed-out"
    return About(subject or Subject(str(endpoint)), endpoint, frozenset(names), role)
