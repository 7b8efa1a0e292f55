"""What an iptables rule does with a packet: `-j` and `-g` (iptables-extensions(8), TARGET)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final, Literal

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.iptables_words import NotModelled, Words, number
from eloquence_ops.checks.firewall.model import (
    Accept,
    Change,
    Drop,
    Ending,
    Field,
    Jump,
    Reject,
    Return,
    Step,
    Translate,
    Untrack,
)

_VERDICTS: Final[dict[str, Ending]] = {
    "ACCEPT": Accept(),
    "DROP": Drop(),
    "REJECT": Reject(),
    "RETURN": Return(),
}
# They write, count or change what no rule here asks for, and go on with the next rule.
_WITHOUT_EFFECT: Final = {
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "DSCP",
    "ECN",
    "HL",
    "IDLETIMER",
    "LED",
    "LOG",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
}
_HANDED_OVER: Final = {"NFQUEUE", "QUEUE", "SYNPROXY", "TPROXY", "TARPIT"}


def endings(words: Words, chains: set[str]) -> Iterator[Step]:
    """The target and its options; nothing for a rule that only counts. Raises `NotModelled`."""
    if words.peek() is None:
        return
    back = words.take() == "-j"
    target = words.take()
    if target in chains:
        yield Jump(target, back)
    elif target in _VERDICTS:
        yield _VERDICTS[target]
    elif target in _HANDED_OVER:
        raise NotModelled(Feature.HANDED_OVER, target)
    elif target not in _WITHOUT_EFFECT:
        yield from _effect(target, words)


def _effect(target: str, words: Words) -> Iterator[Step]:
    match target:
        case "NOTRACK":
            yield Untrack()
        case "CT":
            if "--notrack" in words.until():
                yield Untrack()
        case "MARK":
            yield _mark(words)
        case "CONNMARK":
            # It may also copy one mark to the other.
            yield Change(Field.CONNECTION_MARK, None)
            yield Change(Field.MARK, None)
        case "DNAT":
            yield _destination(_value(words, "--to-destination") or "")
        case "REDIRECT":
            yield Translate("own", _port(_value(words, "--to-ports") or ""))
        case "SNAT" | "MASQUERADE":
            yield Change(Field.SOURCE, None)
            yield Accept()
        case _:
            raise NotModelled(Feature.EXTENSION, target)


def _value(words: Words, option: str) -> str | None:
    while words.peek() is not None:
        if words.take() == option:
            return words.take()
    return None


def _mark(words: Words) -> Change:
    """`--set-xmark VALUE/MASK`; with a mask that leaves bits as they are, the result is open."""
    value, _, mask = (_value(words, "--set-xmark") or "").partition("/")
    whole = bool(value) and (not mask or number(mask) == 0xFFFFFFFF)
    return Change(Field.MARK, number(value) if whole else None)


def _destination(text: str) -> Translate:
    """`10.0.0.1:80`, `:80`, `[2001:db8::1]:80`, `10.0.0.1-10.0.0.9`. Raises `ValueError`."""
    port = ""
    if text.startswith("["):
        text, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
    if not text:
        return Translate("kept", _port(port))
    return Translate("any" if "-" in text else ip_address(text), _port(port))


def _port(text: str) -> int | Literal["kept", "any"]:
    if not text:
        return "kept"
    return "any" if "-" in text else int(text)
