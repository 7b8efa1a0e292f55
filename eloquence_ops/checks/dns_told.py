"""What name servers told of a host, as those who judge it ask for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from eloquence_ops.checks.seen import Seen
from eloquence_ops.endpoints import ip_address, scope_of
from eloquence_ops.findings import Family
from eloquence_ops.observations.names import NameSurvey, ServerAnswer

KNOWS: Final = frozenset({"found", "no-name", "no-address"})
"""What a server says that has an answer, if only that there is none."""


def texts(answer: ServerAnswer, family: Family | None = None) -> tuple[str, ...]:
    return tuple(e.address for e in answer.addresses if family in (None, e.family))


def resolvers(survey: NameSurvey | None) -> list[ServerAnswer]:
    """Those that came to an end with the name."""
    told = survey.answers if survey else ()
    return [a for a in told if not a.authoritative and a.outcome in KNOWS | {"loop"}]


def leading(survey: NameSurvey | None) -> list[ServerAnswer]:
    """The answers that lead somewhere: the authorities' own, or where none has one, those of the
    resolvers. They are not put together: no client is told what several servers say."""
    told = [a for a in (survey.answers if survey else ()) if a.outcome == "found"]
    return [a for a in told if a.authoritative] or told


def published(survey: NameSurvey | None) -> tuple[str, ...]:
    """Every address that the zone gives."""
    return tuple(dict.fromkeys(text for answer in leading(survey) for text in texts(answer)))


def differ(one: ServerAnswer, other: ServerAnswer) -> bool:
    """Whether somebody is led elsewhere by the one than by the other, in either family.

    Servers that share an address agree: some hand out another part of them each time.
    """
    if not one.outcome == "found" == other.outcome:
        return (one.outcome == "found") != (other.outcome == "found")
    return any(_differ_in(family, one, other) for family in Family)


def _differ_in(family: Family, one: ServerAnswer, other: ServerAnswer) -> bool:
    mine, theirs = set(texts(one, family)), set(texts(other, family))
    if mine and theirs:
        return not mine & theirs
    with_some, without = (one, other) if mine else (other, one)
    # Only who was asked for this family, and answered, says that there is none.
    return bool(mine | theirs) and family in without.told and not _made_up(with_some, without)


def _made_up(answer: ServerAnswer, known: ServerAnswer) -> bool:
    """Whether a resolver made its IPv6 addresses of IPv4 ones, for a network that has no other way
    to them (DNS64, RFC 6147): those end in the same 32 bits."""
    ends = {int(found) for text in texts(known, Family.IPV4) if (found := ip_address(text))}
    made = [int(found) & 0xFFFFFFFF for t in texts(answer, Family.IPV6) if (found := ip_address(t))]
    return bool(made) and set(made) <= ends


def is_inner(answer: ServerAnswer) -> bool:
    """Whether all that it gives can be used from inside a network only."""
    return bool(answer.addresses) and all(scope_of(t) != "public" for t in texts(answer))


def until(seconds: int | None, survey: NameSurvey, seen: Seen) -> str:
    """The moment at which what was told `seconds` before its end is forgotten."""
    if seconds is None:
        return "unknown-time"
    end = seen.now + timedelta(seconds=survey.at_s + seconds)
    return f"{end:%Y-%m-%d %H:%M:%S} UTC"
