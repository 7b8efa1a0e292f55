"""Every sentence is there in both languages, is used, and gets what it is filled with."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import eloquence_ops
from eloquence_ops.language import Language
from eloquence_ops.phrases import all_phrases, phrase

PHRASES = all_phrases()
SECTIONS = {phrase_id.partition(".")[0] for phrase_id in PHRASES}
SOURCES = sorted(Path(eloquence_ops.__file__).parent.rglob("*.py"))
ID = re.compile(rf"({'|'.join(SECTIONS)})\.[a-z][a-z0-9_-]*")
# What takes the id of a phrase first and what to fill it with by name.
TAKERS = {
    *("phrase", "say", "_say", "UsageError", "SettingsError", "RecordingError", "WriteError"),
    "EloquenceError",
    *("LinkError", "HostKeyRefused", "LoginRefused", "LinkLost", "CommandTooSlow"),
    *("ForwardingRefused", "SudoRefused", "SshConfigError"),
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("phrase_id", PHRASES)
def test_a_phrase_has_both_languages_with_the_same_placeholders(phrase_id: str) -> None:
    texts = PHRASES[phrase_id]
    assert set(texts) == set(get_args(Language))
    assert all(text.strip() for text in texts.values())
    assert placeholders(texts["en"]) == placeholders(texts["fr"])
    assert all(name.isidentifier() for name in placeholders(texts["en"]))


@pytest.mark.parametrize("language", get_args(Language))
def test_a_phrase_is_a_plain_sentence(language: Language) -> None:
    for texts in PHRASES.values():
        assert "!" not in texts[language]
        assert "  " not in texts[language]


def trees() -> Iterator[ast.AST]:
    for path in SOURCES:
        yield ast.parse(path.read_text(encoding="utf-8"), str(path))


def used() -> tuple[set[str], set[str]]:
    """Ids written out, and the beginnings of those that are put together (`f"demo.{how}"`)."""
    whole: set[str] = set()
    begun: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begun.add(str(node.values[0].value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole |= {node.value} if ID.fullmatch(node.value) else set()
    begun = {start for start in begun if start.partition(".")[0] in SECTIONS and "." in start}
    return whole - begun, begun


def test_every_phrase_that_the_code_names_exists() -> None:
    whole, _ = used()
    assert whole - set(PHRASES) == set()


def test_no_phrase_is_unused() -> None:
    whole, begun = used()
    unused = set(PHRASES) - whole
    assert {entry for entry in unused if not entry.startswith(tuple(begun))} == set()


def calls() -> Iterator[tuple[str, set[str]]]:
    """Each phrase that is said directly, with the names it is filled with there."""
    for tree in trees():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            given = {keyword.arg for keyword in node.keywords}
            if name not in TAKERS or None in given:
                continue
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and part.value in PHRASES:
                    yield str(part.value), {arg for arg in given if arg}


def test_every_phrase_gets_all_that_it_is_filled_with() -> None:
    found = list(calls())
    assert len(found) > 100
    missing = {
        phrase_id: placeholders(PHRASES[phrase_id]["en"]) - given
        for phrase_id, given in found
        if placeholders(PHRASES[phrase_id]["en"]) - given
    }
    assert missing == {}


def test_a_value_with_braces_is_filled_in_as_it_is() -> None:
    text = phrase("explain.nothing", "en", text="{0} {secret}")
    assert "“{0} {secret}”" in text
