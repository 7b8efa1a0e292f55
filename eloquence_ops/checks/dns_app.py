"""The names that the app's source holds: can Dart look them up, and are they those that are meant?

Seen from the source (vantage `code`); what the app really does with an address is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import u_label
from eloquence_ops.idn.siblings import labels_that_differ, slip_at
from eloquence_ops.observations import AppSource, NameShown


@check(
    "dns.app",
    feeds=("names",),
    outcomes={
        "ok": "names files",
        "elsewhere": "hosts meant",
        "nothing": "files",
        "partly": "names files closed",
        "not-found": "",
        "no-folder": "",
        "unreadable": "",
    },
)
def app(_: str, seen: Seen) -> Judgement:
    """Whether the source could be read, and whether it has any of the names that are meant."""
    source = seen.one(AppSource)
    if source is None:
        return
    if source.outcome != "read":
        yield Verdict(source.outcome)
    elif source.cut or source.closed:
        counted = {"names": source.names, "files": source.files, "closed": source.closed}
        yield Verdict("partly", counted)
    elif not seen.app_names:
        yield Verdict("nothing", {"files": source.files})
    else:
        hosts = {name.host: None for name in seen.app_names if name.host}
        if hosts and seen.meant_hosts and not hosts.keys() & set(seen.meant_hosts):
            yield Verdict("elsewhere", {"hosts": tuple(hosts), "meant": seen.meant_hosts})
        else:
            yield Verdict("ok", {"names": source.names, "files": source.files})


@check(
    "dns.app-name",
    feeds=("names",),
    outcomes={
        "ok": "typed host place",
        "unicode": "typed host place",
        "decomposed": "typed host place",
        "percent-encoded": "typed host place",
        "refused": "typed host place label refusal",
        "near": "typed host place readable other other_host",
        "look-alike": "typed host place other other_host",
    },
)
def app_name(name: NameShown, seen: Seen) -> Judgement:
    """How the name is written is one thing, which name it is another: each may be wrong."""
    written = {"typed": name.typed, "host": name.host, "place": name.place}
    wrong = [*_form(name, written), *_another(name, written, seen)]
    yield from wrong or [Verdict("ok", written)]


def _form(name: NameShown, written: dict[str, str]) -> Iterator[Verdict]:
    """Dart's Uri knows no IDNA: a letter beyond ASCII is percent-encoded, and looked up so."""
    refused = next((part for part in name.labels if part.refusal), None)
    if refused is not None or not name.host:
        label, why = (refused.typed, refused.refusal) if refused else (name.typed[:20], "too-long")
        yield Verdict("refused", written | {"label": label, "refusal": why})
        return
    remarks = {remark for part in name.labels for remark in part.remarks}
    if "percent-encoded" in remarks:
        yield Verdict("percent-encoded", written)
    elif "decomposed" in remarks:
        yield Verdict("decomposed", written)
    elif not name.typed.isascii():
        yield Verdict("unicode", written)


def _another(name: NameShown, written: dict[str, str], seen: Seen) -> Iterator[Verdict]:
    """Of two names that differ the app's is suspected: the settings say what is meant."""
    if not name.host or name.host in seen.meant_hosts:
        return
    first = name.host.partition(".")[0]
    # Of several that are meant, `livekit.eloquence.com` is held against LiveKit's.
    for host in sorted(seen.meant_hosts, key=lambda host: host.partition(".")[0] != first):
        other = {"other": u_label(host), "other_host": host}
        differing = labels_that_differ(name.host, host)
        if differing and not _is_within_zone(host, min(differing), seen):
            yield Verdict("look-alike", written | other)
            return
        place = slip_at(name.host, host)
        if place is not None and not _is_within_zone(host, place, seen):
            yield Verdict("near", written | other | {"readable": u_label(name.host)})
            return


def _is_within_zone(host: str, place: int, seen: Seen) -> bool:
    """Whether a name that differs from `host` first at `place`, counted from the top, is of the
    domain that `host` is in, by the zone that was found."""
    survey = seen.survey(host)
    return survey is not None and bool(survey.zone) and survey.zone.count(".") + 1 <= place
