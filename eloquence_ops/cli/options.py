"""The options that commands share. Their names and meanings are a contract, like the JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

import typer

Given = dict[str, Any]
"""What was given for each option of a command, by its parameter's name."""

_TARGET: Final = "The target, instead of or over what eloquence.toml says"
_OUTPUT: Final = "What comes out"
_RUN: Final = "How the run goes"


@dataclass(frozen=True)
class Shared:
    """One option of several commands; `name` is the parameter that receives it."""

    name: str
    annotation: Any
    default: object = None

    def parameter(self) -> Parameter:
        return Parameter(
            self.name,
            Parameter.KEYWORD_ONLY,
            default=self.default,
            annotation=self.annotation,
        )


def command_of(
    app: typer.Typer, name: str, summary: str, run: Callable[[Given], int], *shared: Shared
) -> None:
    """A command that takes these options, and hands them on by name."""

    def command(**given: Any) -> int:
        return run(given)

    parameters = [option.parameter() for option in shared]
    # Typer reads the options off the signature.
    command.__signature__ = Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    app.command(name, help=summary)(command)


def _setting(name: str, metavar: str, help_text: str, *, hidden: bool = False) -> Shared:
    """A setting of eloquence.toml as a flag."""
    flag = f"--{name.replace('_', '-')}"
    option = typer.Option(
        flag, metavar=metavar, help=help_text, hidden=hidden, rich_help_panel=_TARGET
    )
    return Shared(name, Annotated[str | None, option])


Url = Annotated[
    str | None,
    typer.Argument(metavar="[URL]", help="An address to start from, of the API or of LiveKit."),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]…", help="Names to examine. Default: those of the target."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[HOST[:PORT]]…", help="What to look at; by default every address of the target."
    ),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="NAME", help="A target of eloquence.toml.", rich_help_panel=_TARGET
    ),
]
_CONNECT_TO = Annotated[
    list[str] | None,
    typer.Option(
        "--connect-to",
        metavar="HOST:PORT=ADDRESS:PORT",
        help="Connect elsewhere, as curl's --connect-to. Repeatable.",
        rich_help_panel=_TARGET,
    ),
]

_RESOLVER = Annotated[
    list[str] | None,
    typer.Option(
        "--resolver",
        metavar="ADDRESS[:PORT]",
        help="A name server to ask instead of the system's. Repeatable: they are compared.",
        rich_help_panel=_TARGET,
    ),
]
_TURN = Annotated[
    list[str] | None,
    typer.Option(
        "--turn",
        metavar="turn:HOST[:PORT][?transport=…]",
        help="A TURN server to examine. ELOQUENCE_TURN_USERNAME, …_PASSWORD. Repeatable.",
        rich_help_panel=_TARGET,
    ),
]
_SERVER_KEY = Annotated[
    list[str] | None,
    typer.Option(
        "--server-key",
        metavar="SHA256:…",
        help="The server's host key fingerprint. Repeatable: of a host on the way to it.",
        rich_help_panel=_TARGET,
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
SETTINGS: Final = (
    Shared("api", Api),
    Shared("livekit", LiveKit),
    Shared("server", Server),
    Shared("server_key", _SERVER_KEY),
    _setting("app", "DIR", "The app's source. ELOQUENCE_APP"),
    _setting("media_ports", "FIRST-LAST", "LiveKit's UDP range."),
    _setting("ca", "FILE", "A private root certificate to trust as well."),
    Shared("resolver", _RESOLVER),
    Shared("connect_to", _CONNECT_TO),
    Shared("turn", _TURN),
    # Seldom given as flags; in the file they are as good as any other.
    _setting("remote_dir", "DIR", "The API's folder on the server.", hidden=True),
    _setting("asgi_app", "MODULE:NAME", "The ASGI application.", hidden=True),
    _setting("api_unit", "UNIT", "The API's systemd unit.", hidden=True),
    _setting("livekit_unit", "UNIT", "LiveKit's systemd unit.", hidden=True),
    _setting("api_key_file", "FILE", "A file with the API key.", hidden=True),
    _setting("livekit_keys_file", "FILE", "A file with LiveKit's key pair.", hidden=True),
    _setting("turn_login_file", "FILE", "A file with TURN's name: password.", hidden=True),
)
"""Every setting, as a flag of every command that examines: a line that is printed to be pasted
works whichever of them it names."""

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
    typer.Option("--read-only", help="Open no session and guess at no key.", rich_help_panel=_RUN),
]
OnServer = Annotated[
    bool,
    typer.Option(
        "--on-server",
        help="This machine is the server: look inside without SSH.",
        rich_help_panel=_RUN,
    ),
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

Exhaustive = Annotated[
    bool,
    typer.Option(
        "--exhaustive",
        help="Try every port of the range over TCP, not about 200 of them.",
        rich_help_panel=_RUN,
    ),
]

Place = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="desktop|emulator|phone",
        help="Where the app runs: addresses that it can use, in plain HTTP.",
    ),
]

REPORTING: Final = (
    Shared("output", Output),
    Shared("lang", Lang),
    Shared("verbose", Verbose, default=False),
    Shared("strict", Strict, default=False),
)
RUNNING: Final = (
    Shared("timeout", Timeout, default=5.0),
    Shared("read_only", ReadOnly, default=False),
    Shared("on_server", OnServer, default=False),
    Shared("record", Record),
    Shared("baseline", Baseline),
)
CHOOSING: Final = (Shared("only", Only), Shared("skip", Skip), Shared("wait", Wait))
