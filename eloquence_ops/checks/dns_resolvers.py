"""The resolvers themselves: do they answer, and is this machine told what they say?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eloquence_ops.checks.dns_dnssec import refusing_resolver
from eloquence_ops.checks.dns_told import KNOWS, resolvers, texts
from eloquence_ops.checks.registry import Judgement, Verdict, check
from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.findings import Family
from eloquence_ops.observations import AddressLookup
from eloquence_ops.observations.names import NameSurvey, ServerAnswer

_MANY: Final = 16


@check(
    "dns.resolver",
    feeds=("survey",),
    outcomes={
        "ok": "resolvers",
        "silent": "resolver other",
        "refuses": "resolver rcode other",
        "cut": "resolver other",
        "nobody": "resolvers",
    },
)
def resolver(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether each resolver answers, where another server shows that there is an answer."""
    survey = seen.survey(endpoint.host)
    asked = [a for a in (survey.answers if survey else ()) if not a.authoritative]
    if survey is None or not asked:
        return
    names = tuple(answer.server for answer in asked)
    if other := next((a for a in survey.answers if a.outcome in KNOWS), None):
        yield next(_at_fault(asked, survey, other), Verdict("ok", {"resolvers": names}))
    elif any(answer.rcode for answer in asked) or resolvers(survey):
        yield Verdict("ok", {"resolvers": names})  # what they say of the name is judged elsewhere
    else:
        yield Verdict("nobody", {"resolvers": names})


def _at_fault(
    asked: list[ServerAnswer], survey: NameSurvey, other: ServerAnswer
) -> Iterator[Verdict]:
    who = {"other": other.server}
    for answer in asked:
        place = who | {"resolver": answer.server}
        if answer.outcome == "cut":
            yield Verdict("cut", place)
        elif answer.outcome == "failed" and answer.rcode:
            # One that refuses signatures does what it should.
            if answer.unchecked not in KNOWS and answer is not refusing_resolver(survey):
                yield Verdict("refuses", place | {"rcode": answer.rcode})
        elif answer.outcome in ("failed", "silent"):
            yield Verdict("silent", place)


@check(
    "dns.system",
    feeds=("names", "system"),
    outcomes={
        "ok": "",
        "not-told": "",
        "not-known": "resolver",
        "missing": "resolver addresses",
        "differs": "told resolver addresses",
        "only-here": "told resolver",
    },
)
def system(endpoint: Endpoint, seen: Seen) -> Judgement:
    """Whether applications on this machine are led where the resolvers say.

    They ask the system, which looks into its hosts file first and into other sources besides.
    """
    told, survey = seen.system_lookup(endpoint.host), seen.survey(endpoint.host)
    known = [answer for answer in resolvers(survey) if answer.outcome in KNOWS]
    if told is None or told.outcome == "no-answer" or not known:
        yield Verdict("not-told")
        return
    leading = [answer for answer in known if answer.outcome == "found"]
    if not told.addresses:
        yield _without(leading, seen)
    elif not leading:
        addresses = tuple(entry.address for entry in told.addresses)
        yield Verdict("only-here", {"told": addresses, "resolver": known[0].server})
    elif not any(_agree(told, answer) for answer in leading):
        addresses = tuple(entry.address for entry in told.addresses)
        who, theirs = leading[0].server, texts(leading[0])
        yield Verdict("differs", {"told": addresses, "resolver": who, "addresses": theirs})
    else:
        yield Verdict("ok")


def _without(leading: list[ServerAnswer], seen: Seen) -> Verdict:
    """The system knows of no address."""
    if not leading:
        return Verdict("ok")
    if seen.target.resolver:
        # Who names a resolver mostly does so because this machine's own does not know the name.
        return Verdict("not-known", {"resolver": leading[0].server})
    return Verdict("missing", {"resolver": leading[0].server, "addresses": texts(leading[0])})


def _agree(told: AddressLookup, answer: ServerAnswer) -> bool:
    """Whether they share an address of each family that both give; not every system asks for
    both. Of very many addresses each keeps a part only, so that nothing can be told."""
    if len(told.addresses) >= _MANY:
        return True
    for family in Family:
        mine = {entry.address for entry in told.addresses if entry.family is family}
        theirs = set(texts(answer, family))
        if mine and theirs and not mine & theirs:
            return False
    return bool({e.address for e in told.addresses} & set(texts(answer)))
