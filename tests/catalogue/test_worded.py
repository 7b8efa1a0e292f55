"""What our own code words in evidence is told in both languages; others' words stay theirs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from eloquence_ops import probes
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.catalogue.template import fill, outline
from eloquence_ops.catalogue.worded import worded

RUNBOOK = catalogue()
PROBES = Path(next(iter(probes.__path__)))
# Where a text becomes evidence: what is called, and which of its arguments it is.
TAKEN = {
    "Ended": 0,
    "NotWebsocket": 0,
    "NotSignalling": 0,
    "SelfConnected": 0,
    "CutShort": 0,
    "Failure": 1,
    "_Tried": 1,
}


@pytest.mark.parametrize(
    ("text", "french"),
    [
        ("the server closed the connection", "le serveur a fermé la connexion"),
        (
            "ECONNRESET: Connection reset by peer; 12 bytes of an unfinished answer had come",
            "ECONNRESET: Connection reset by peer\u202f; "
            "12 octets d'une réponse inachevée étaient venus",
        ),
        (
            "A: nothing within 2.5 s; AAAA: SERVFAIL",
            "A\u00a0: aucune réponse en 2.5 s\u202f; AAAA: SERVFAIL",
        ),
        (
            "what came breaks the websocket protocol: invalid opcode",
            "ce qui est venu enfreint le protocole WebSocket\u00a0: invalid opcode",
        ),
        ("more than 9 bytes or 3 frames came", "il est venu plus de 9 octets ou de 3 trames"),
        ("HTTP 200, 17 bytes", "HTTP 200, 17 octets"),
        ("token: missing", "token\u00a0: absent"),
    ],
)
def test_our_own_words_are_told_in_french(text: str, french: str) -> None:
    assert worded(text, RUNBOOK, "fr") == french
    assert worded(text, RUNBOOK, "en") == text


@pytest.mark.parametrize(
    "text",
    [
        "ECONNREFUSED: Connection refused",
        "certificate has expired",
        "failed: our disk; sorry: full",
        "",
        "404",
        "#: #; #",
    ],
)
def test_the_words_of_others_stay_as_they_are(text: str) -> None:
    assert worded(text, RUNBOOK, "fr") == text


def shapes() -> Iterator[str]:
    """Every text that a probe words itself, numbers as `#`; one that ends in the words of others
    up to its colon."""
    for path in PROBES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Unknown")):
                    continue  # why a fact is missing, which no summary shows
                case ast.Call(func=ast.Name(id=name), args=arguments, keywords=named):
                    texts = arguments[TAKEN[name] :][:1] if name in TAKEN else []
                    texts += [entry.value for entry in named if entry.arg == "detail"]
                case ast.Assign(targets=[ast.Name(id="detail")], value=value):
                    texts = [value]
                case ast.Assign(targets=[ast.Tuple(elts=[_, ast.Name(id="detail")])], value=value):
                    texts = value.elts[1:] if isinstance(value, ast.Tuple) else []
                case _:
                    continue
            yield from filter(None, map(shape, texts))


def shape(text: ast.expr) -> str:
    match text:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr(values=parts):
            written = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "#" for part in parts
            )
            return re.sub(r": #$", "", written)
    return ""


def test_every_text_that_a_probe_words_is_in_the_dictionary() -> None:
    found = {text.replace("#", "7") for text in shapes() if text != "#"}
    assert len(found) > 12
    assert {text for text in found if worded(text, RUNBOOK, "fr") == text} == set()


def test_a_word_with_numbers_has_as_many_in_both_languages() -> None:
    for name, text in RUNBOOK.words.items():
        assert text.en.count("#") == text.fr.count("#") == name.count("#")


@pytest.mark.parametrize(
    ("template", "values", "told"),
    [
        ("refused with {status}{excerpt:tail}", {"status": 302, "excerpt": ""}, "refused with 302"),
        (
            "refused with {status}{excerpt:tail}",
            {"status": 400, "excerpt": "no such scenario"},
            "refused with 400: no such scenario",
        ),
        ("open{session_id:tail}", {"session_id": None}, "open"),
        ("refused{problems:tail}", {"problems": ("a", "b")}, "refused: a, b"),
        ("refused{problems:tail}", {"problems": ()}, "refused"),
        # An excerpt is the peer's, whatever it says.
        ("answer{excerpt:tail}", {"excerpt": "silent"}, "answer: silent"),
        ("ended{detail:word-tail}", {"detail": "silent"}, "ended: no answer"),
        ("ended{detail:word-tail}", {"detail": ""}, "ended"),
        ("lacks {problems:words}", {"problems": ("url: missing",)}, "lacks url: missing"),
    ],
)
def test_a_sentence_ends_well_with_and_without_more_to_say(
    template: str, values: dict[str, object], told: str
) -> None:
    assert fill(template, values, RUNBOOK, "en") == told


def test_a_tail_in_french_has_its_space() -> None:
    assert fill("fin{said:tail}", {"said": "a : b"}, RUNBOOK, "fr") == "fin\u00a0: a : b"
    assert outline("fin{said:tail}, {{x}} {n:g}", "fr") == "fin\u00a0: <said>, {x} <n>"


def test_no_summary_can_end_in_nothing() -> None:
    """What another end has said may be nothing at all."""
    for check in RUNBOOK.checks.values():
        for outcome in check.outcomes.values():
            for text in (outcome.summary.en, outcome.summary.fr):
                assert not re.search(r"[: ]\s*\{(excerpt|session_id)(:word)?\}$", text)


def test_two_addresses_are_compared_in_one_form() -> None:
    values: dict[str, object] = {
        "url": "wss://rtc.xn--loquence-90a.com",
        "configured": "wss://livekit.éloquence.com",
        "odd": "rtc:é",
    }
    told = fill("{url:wire} {configured:wire} {odd:wire}", values, RUNBOOK, "fr")
    assert told == "wss://rtc.xn--loquence-90a.com wss://livekit.xn--loquence-90a.com rtc:é"
