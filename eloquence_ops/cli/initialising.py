"""`eloquence init`: an eloquence.toml, by asking."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Final

import typer

from eloquence_ops import datafiles
from eloquence_ops.cli import speaking
from eloquence_ops.endpoints import Endpoint
from eloquence_ops.errors import UsageError
from eloquence_ops.language import Language
from eloquence_ops.phrases import phrase
from eloquence_ops.run.recording import write_whole
from eloquence_ops.settings import KEYS
from eloquence_ops.settings_files import FILE_NAME

# The development values of the migration guide. For production nothing is offered: the guide's
# api.eloquence.com is another domain than éloquence.com.
_DEVELOPMENT: Final = {"api": "http://localhost:8083", "livekit": "ws://localhost:7880"}
_ASKED: Final = ("api", "livekit", "server")
_NEEDED: Final = frozenset({"api"})


def initialise(
    name: str | None, given: Mapping[str, str | None], force: bool, lang: str | None
) -> int:
    """Writes the file or nothing. Raises `UsageError`."""
    language = speaking.language(lang)
    path = speaking.here() / FILE_NAME
    if path.exists() and not force:
        raise UsageError("init.exists", file=path)
    values = {key: _read(key, value) for key, value in given.items() if value}
    if sys.stdin.isatty():
        name = name or _ask_name(language)
        values = _ask(name, values, language)
    elif not values:
        raise UsageError("init.no-terminal")
    name = name or "production"
    if not name.isprintable() or not name.strip():
        raise UsageError("init.name", name=name)
    write_whole(path, _document(name, values, language))
    typer.echo(phrase("init.written", language, file=path))
    return 0


def _ask_name(language: Language) -> str:
    answer: str = typer.prompt(phrase("init.ask-name", language), default="development")
    return answer.strip()


def _ask(name: str, values: dict[str, str], language: Language) -> dict[str, str]:
    offered = _DEVELOPMENT if name == "development" else {}
    for key in _ASKED:
        while key not in values:
            question = f"{key} ({phrase(KEYS[key].allowed, language)})"
            default = offered.get(key, None if key in _NEEDED else "")
            answer = typer.prompt(question, default=default, show_default=bool(default)).strip()
            if not answer and key not in _NEEDED:
                break
            try:
                values[key] = _read(key, answer)
            except UsageError as problem:
                typer.echo(problem.sentence(language), err=True)
    return values


def _read(key: str, value: str) -> str:
    """The value as it will stand in the file; of an address only what it leads to, since what was
    pasted may end in a token. Raises `UsageError`."""
    parsed = KEYS[key].parse(value)
    return str(parsed) if isinstance(parsed, Endpoint) else value


def _document(name: str, values: Mapping[str, str], language: Language) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(datafiles.folder("templates")),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # TOML, and every value is quoted below
    )
    return environment.get_template("eloquence.toml.j2").render(
        name=_toml_string(name),
        values=[(key, _toml_string(values[key])) for key in _ASKED if key in values],
        comment=phrase("init.comment", language).splitlines(),
    )


def _toml_string(text: str) -> str:
    """A JSON string is a TOML basic string."""
    return json.dumps(text, ensure_ascii=False)
