"""The part of YAML that configuration files are written in; a server need not have PyYAML.

Block mappings and lists, plain and quoted scalars, flow lists and mappings on one line, comments.
A line that is none of these (anchors, tags, block scalars, tabs as indentation) is counted as not
understood, and what hangs on it is left out: nothing is guessed.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Union

Value = Union[None, bool, int, float, str, List["Value"], Dict[str, "Value"]]

_KEY = re.compile(
    r"""^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#'"\[\]{},&*!|>%@`-][^#]*?|-[^\s#:]+)\s*:(?:\s+(.*))?$"""
)
_INTEGER = re.compile(r"^[-+]?(?:0|[1-9]\d*)$")
_FLOAT = re.compile(r"^[-+]?(?:\d+\.\d*|\.\d+)$")
_WORDS: dict[str, bool | None] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
_TAB = re.compile(r" *\t")
_TAB_BEFORE_CONTENT = re.compile(r" *\t\s*[^\s#]")
_DEEPEST = 20
_LONGEST_LINE = 4096


class Line(NamedTuple):
    number: int
    indent: int
    text: str


class Document(NamedTuple):
    """`not_understood` are line numbers, from 1. `lines` says where each top-level key stands.
    `refused` are lines that keep every reader of YAML from the whole."""

    value: dict[str, Value]
    not_understood: list[int]
    lines: dict[str, int]
    refused: list[int]


class _NotUnderstood(Exception):
    pass


def parse(text: str) -> Document:
    reader = _Reader(_lines(text))
    value = reader.block(0, 0)
    # Some readers refuse a tab before a comment or on an empty line too, depending on where.
    odd = {*reader.odd, *_matching(_TAB, text)}
    tabs = _matching(_TAB_BEFORE_CONTENT, text)
    return Document(
        value if isinstance(value, dict) else {},
        sorted(odd),
        reader.top_level,
        # Within brackets, quotes or a block of text a tab may stand: none of these is left out.
        tabs if odd <= set(tabs) else [],
    )


def _matching(pattern: re.Pattern[str], text: str) -> list[int]:
    return [number for number, line in enumerate(text.split("\n"), start=1) if pattern.match(line)]


def _lines(text: str) -> list[Line]:
    found = []
    for number, raw in enumerate(text.split("\n"), start=1):
        content = _without_comment(raw.rstrip("\r")).rstrip()
        stripped = content.lstrip(" ")
        if len(raw) > _LONGEST_LINE:
            stripped = "|"  # of no kind that is understood
        if stripped and not (content.startswith("---") or content == "..."):
            found.append(Line(number, len(content) - len(stripped), stripped))
    return found


def _without_comment(line: str) -> str:
    """`#` begins a comment at the start or behind white space, outside of quotes."""
    quote = ""
    for at, character in enumerate(line):
        if quote:
            if character == quote and not (quote == '"' and line[at - 1] == "\\"):
                quote = ""
        elif character in "\"'" and (at == 0 or line[at - 1] in " \t[{,:'"):  # '' is a quote
            quote = character
        elif character == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


class _Reader:
    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.at = 0
        self.odd: list[int] = []
        self.top_level: dict[str, int] = {}

    def block(self, indent: int, depth: int) -> Value:
        """Everything from here on that stands at `indent` or deeper."""
        if self.at >= len(self.lines) or depth > _DEEPEST:
            return None
        indent = max(indent, self.lines[self.at].indent)
        if self.lines[self.at].text.startswith(("- ", "-\t")) or self.lines[self.at].text == "-":
            return self._list(indent, depth)
        return self._mapping(indent, depth)

    def _mapping(self, indent: int, depth: int) -> Value:
        found: dict[str, Value] = {}
        while self.at < len(self.lines) and self.lines[self.at].indent >= indent:
            line = self.lines[self.at]
            self.at += 1
            match = _KEY.match(line.text) if line.indent == indent else None
            if match is None:
                self._skip(line)
                continue
            name = str(_scalar(match.group(1)))
            if depth == 0:
                self.top_level.setdefault(name, line.number)
            found[name] = self._value_behind(line, match.group(2) or "", depth)
        return found

    def _value_behind(self, line: Line, rest: str, depth: int) -> Value:
        if rest.strip():
            return self._inline(line, rest.strip())
        following = self.lines[self.at] if self.at < len(self.lines) else None
        if following is None:
            return None
        # A list may stand at the indentation of its key.
        is_list = following.text.startswith("- ") and following.indent == line.indent
        if following.indent > line.indent or is_list:
            return self.block(following.indent, depth + 1)
        return None

    def _list(self, indent: int, depth: int) -> Value:
        found: list[Value] = []
        while self.at < len(self.lines) and self.lines[self.at].indent == indent:
            line = self.lines[self.at]
            if not (line.text.startswith("- ") or line.text == "-"):
                break
            rest = line.text[1:].lstrip()
            if _KEY.match(rest) and not rest.startswith(("'", '"')):
                # The item is a mapping whose first key stands behind the dash.
                deeper = indent + len(line.text) - len(rest)
                self.lines[self.at] = Line(line.number, deeper, rest)
                found.append(self._mapping(deeper, depth + 1))
            else:
                self.at += 1
                found.append(self._value_behind(line, rest, depth))
        return found

    def _inline(self, line: Line, rest: str) -> Value:
        try:
            return _flow(rest)
        except _NotUnderstood:
            self._skip(line)
            return None

    def _skip(self, line: Line) -> None:
        """Leaves out this line and what is indented under it."""
        self.odd.append(line.number)
        while self.at < len(self.lines) and self.lines[self.at].indent > line.indent:
            self.at += 1


def _flow(text: str) -> Value:
    if text[0] in "&*!|>%@`":
        raise _NotUnderstood
    if text[0] == "[" and text[-1] == "]":
        return [_flow(part) for part in _parts(text[1:-1])]
    if text[0] == "{" and text[-1] == "}":
        pairs: dict[str, Value] = {}
        for part in _parts(text[1:-1]):
            name, colon, value = part.partition(":")
            if not colon:
                raise _NotUnderstood
            pairs[str(_scalar(name.strip()))] = _flow(value.strip()) if value.strip() else None
        return pairs
    if text[0] in "[{":
        raise _NotUnderstood
    return _scalar(text)


def _parts(text: str) -> list[str]:
    """What stands between the commas of one level."""
    found, depth, quote, start = [], 0, "", 0
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
        if depth < 0 or depth > _DEEPEST:
            raise _NotUnderstood
    if quote or depth:
        raise _NotUnderstood
    found.append(text[start:].strip())
    return [part for part in found if part]


def _scalar(text: str) -> Value:
    if text[:1] in ("'", '"'):
        if len(text) < 2 or text[-1] != text[0]:
            raise _NotUnderstood
        inner = text[1:-1]
        if text[0] == "'":
            return inner.replace("''", "'")
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found.group(1), found.group(1)), inner)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text) and len(text) < 19:
        return int(text)
    return float(text) if _FLOAT.match(text) else text


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
