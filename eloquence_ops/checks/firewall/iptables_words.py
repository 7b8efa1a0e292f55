"""The words of one iptables rule, taken one after the other, and the values they stand for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from eloquence_ops.checks.firewall.answer import Feature
from eloquence_ops.checks.firewall.atoms import Atom, Bits, Named, Span
from eloquence_ops.untrusted import one_line


class NotModelled(Exception):
    """A word whose meaning is not known here."""

    def __init__(self, feature: Feature, detail: str) -> None:
        super().__init__(detail)
        self.feature = feature
        self.detail = one_line(detail, limit=60)


class Words:
    """A cursor. Raises `ValueError` when a word is missing."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0

    def peek(self) -> str | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def take(self) -> str:
        word = self.peek()
        if word is None:
            raise ValueError("the rule ends too early")
        self._at += 1
        return word

    def take_if(self, word: str) -> bool:
        if self.peek() != word:
            return False
        self._at += 1
        return True

    def option(self) -> tuple[bool, str]:
        """The next option, and whether a `!` stands before it."""
        negated = self.take_if("!")
        return negated, self.take()

    def until(self, *ends: str) -> list[str]:
        """All words before one of `ends`."""
        start = self._at
        while self.peek() is not None and self.peek() not in ends:
            self._at += 1
        if self.peek() is not None and self._at > start and self._words[self._at - 1] == "!":
            self._at -= 1
        return self._words[start : self._at]


def number(text: str) -> int:
    """Decimal or, with 0x, hexadecimal. Raises `ValueError`."""
    return int(text, 0)


def ports(text: str) -> Span:
    """`22`, `50000:60000`, `:1023`, `1024:`. Raises `ValueError`."""
    low, colon, high = text.partition(":")
    if not colon:
        return Span(int(low), int(low))
    return Span(int(low or 0), int(high or 65535))


def port_list(text: str) -> tuple[tuple[Atom, ...], ...]:
    """Multiport's: `22,80,50000:60000`."""
    return tuple((ports(part),) for part in text.split(","))


def names(text: str, known: dict[str, int]) -> list[int]:
    """`NEW,RELATED` in numbers. Raises `ValueError` for a name that is not known."""
    unknown = [name for name in text.lower().split(",") if name not in known]
    if unknown:
        raise ValueError(unknown[0])
    return [known[name] for name in text.lower().split(",")]


def marked(text: str) -> Bits:
    """`0x1/0xff`, `5`."""
    value, _, mask = text.partition("/")
    return Bits(number(mask) if mask else 0xFFFFFFFF, number(value))


def network(text: str) -> Atom:
    """An address, with a prefix or any mask. Raises `ValueError`."""
    address, _, mask = text.partition("/")
    if mask and not mask.isdigit():
        # A mask with holes. (`ipaddress` would take 0.0.0.1 for the mask of a host.)
        bits = int(ip_address(mask))
        return Bits(bits, int(ip_address(address)) & bits)
    block = ip_network(text, strict=False)
    return Span(int(block.network_address), int(block.broadcast_address))


def address_range(text: str) -> Span:
    """`10.0.0.1-10.0.0.9`, or one address."""
    low, _, high = text.partition("-")
    return Span(int(ip_address(low)), int(ip_address(high or low)))


def interface(text: str) -> Named:
    """`eth0`, or `eth+` for all that begin so."""
    return Named(text[:-1], prefix=True) if text.endswith("+") else Named(text)
