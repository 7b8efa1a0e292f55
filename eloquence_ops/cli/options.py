"""The options that commands share. Their names and meanings are a contract, like the JSON."""

from __future__ import annotations

from typing import Annotated

import typer

_TARGET = "The target, instead of or over what eloquence.toml says"
_OUTPUT = "What comes out"
_RUN = "How the run goes"

Url = Annotated[
    str | None,
    typer.Argument(metavar="[URL]", help="An address to start from, of the API or of LiveKit."),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="NAME", help="A target of eloquence.toml.", rich_help_panel=_TARGET
    ),
]
Api = Annotated[
    str | None,
    typer.Option(
        "--api", metavar="URL", help="The API's address. ELOQUENCE_API", rich_help_panel=_TARGET
    ),
]
LiveKit = Annotated[
    str | None,
    typer.Option(
        "--livekit",
        metavar="URL",
        help="LiveKit's address. ELOQUENCE_LIVEKIT",
        rich_help_panel=_TARGET,
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="USER@HOST",
        help="The server. ELOQUENCE_SERVER",
        rich_help_panel=_TARGET,
    ),
]
ServerKey = Annotated[
    str | None,
    typer.Option(
        "--server-key",
        metavar="SHA256:…",
        help="The server's host key fingerprint.",
        rich_help_panel=_TARGET,
    ),
]
App = Annotated[
    str | None,
    typer.Option(
        "--app", metavar="DIR", help="The app's source. ELOQUENCE_APP", rich_help_panel=_TARGET
    ),
]
MediaPorts = Annotated[
    str | None,
    typer.Option(
        "--media-ports", metavar="FIRST-LAST", help="LiveKit's UDP range.", rich_help_panel=_TARGET
    ),
]
Ca = Annotated[
    str | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="A private root certificate to trust as well.",
        rich_help_panel=_TARGET,
    ),
]
Resolver = Annotated[
    str | None,
    typer.Option(
        "--resolver",
        metavar="ADDRESS[:PORT]",
        help="A name server to ask.",
        rich_help_panel=_TARGET,
    ),
]
ConnectTo = Annotated[
    list[str] | None,
    typer.Option(
        "--connect-to",
        metavar="HOST:PORT=ADDRESS:PORT",
        help="Connect elsewhere, as curl's --connect-to. Repeatable.",
        rich_help_panel=_TARGET,
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="FORMAT[=FILE]",
        help="console, json or short. Repeatable.",
        rich_help_panel=_OUTPUT,
    ),
]
Lang = Annotated[
    str | None,
    typer.Option(
        "--lang",
        metavar="en|fr",
        help="The language. Default: the environment's.",
        rich_help_panel=_OUTPUT,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("-v", "--verbose", help="Show what passed, too.", rich_help_panel=_OUTPUT),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit 1 on warnings, too.", rich_help_panel=_OUTPUT),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="The longest wait for one answer.",
        min=0.1,
        max=600,
        rich_help_panel=_RUN,
    ),
]
ReadOnly = Annotated[
    bool,
    typer.Option("--read-only", help="Open no session, send no key.", rich_help_panel=_RUN),
]
Record = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Keep every observation, to replay it.",
        rich_help_panel=_RUN,
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="Say what changed since this recording.",
        rich_help_panel=_RUN,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="AREA", help="Only this area. Repeatable.", rich_help_panel=_RUN
    ),
]
Skip = Annotated[
    list[str] | None,
    typer.Option("--skip", metavar="AREA", help="Not this area. Repeatable.", rich_help_panel=_RUN),
]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        max=86400,
        help="Try again until healthy; opens no session meanwhile.",
        rich_help_panel=_RUN,
    ),
]
