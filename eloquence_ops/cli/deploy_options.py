"""The options of deploy, rollback, releases and env, and the commands that take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from eloquence_ops.cli import options as o
from eloquence_ops.cli.options import Given, Shared

_WHAT: Final = "What is deployed"
_HOW: Final = "How it goes"


def _flag(name: str, text: str, panel: str = _HOW) -> Shared:
    option = typer.Option(f"--{name.replace('_', '-')}", help=text, rich_help_panel=panel)
    return Shared(name, Annotated[bool, option], default=False)


def _text(name: str, metavar: str, text: str, panel: str = _HOW) -> Shared:
    option = typer.Option(
        f"--{name.replace('_', '-')}", metavar=metavar, help=text, rich_help_panel=panel
    )
    return Shared(name, Annotated[str | None, option])


def _seconds(name: str, text: str, least: float, most: float) -> Shared:
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        metavar="SECONDS",
        help=text,
        min=least,
        max=most,
        rich_help_panel=_HOW,
    )
    return Shared(name, Annotated[float | None, option])


SOURCE: Final = Shared(
    "source",
    Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="The folder that holds the API.")
    ],
)
RELEASE: Final = Shared(
    "release",
    Annotated[
        str | None,
        typer.Argument(metavar="[RELEASE]", help="Default: the good one before the current."),
    ],
)
FILE: Final = Shared(
    "file", Annotated[str, typer.Argument(metavar="FILE", help="What becomes .env.local.")], ...
)
_KEEP: Final = Shared(
    "keep",
    Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="N",
            min=1,
            max=100,
            help="How many releases stay. [5]",
            rich_help_panel=_HOW,
        ),
    ],
)
DEPLOYING: Final = (
    _flag("dry_run", "Say what would change, and change nothing."),
    _flag("status", "What is under way, and how the last one ended."),
    _text("env_file", "FILE", "What becomes .env.local on the server.", _WHAT),
    _flag("with_livekit", "LiveKit's unit and configuration as well.", _WHAT),
    _flag("unit_from_source", "The source's own unit instead of ours.", _WHAT),
    _text("templates", "DIR", "Templates of your own for the units.", _WHAT),
    _text("bind", "HOST:PORT", "Listen there without a socket unit: a gap at each deploy.", _WHAT),
    _flag("wheelhouse", "Gather the packages here: the server has no index.", _WHAT),
    _flag("refresh_packages", "Resolve the packages anew, even if nothing asks for it.", _WHAT),
    _flag("take_over", "Stop a process that holds the port and is not ours."),
    _flag("open_port", "Let the API's port through the server's firewall."),
    _flag("force", "Restart LiveKit although rooms are live."),
)
PROVING: Final = (
    _flag("no_public_check", "Do not look through the public name before and after."),
    _seconds("confirm_within", "Go back unless confirmed from here by then. [120]", 5, 3600),
    _seconds("watch", "How long the new release is watched before the switch. [6]", 0, 600),
    _KEEP,
)
ASKING: Final = (
    Shared("target", o.TargetName),
    *o.SETTINGS,
    Shared("output", o.Output),
    Shared("lang", o.Lang),
    Shared("verbose", o.Verbose, default=False),
    Shared("timeout", o.Timeout, default=5.0),
    Shared("on_server", o.OnServer, default=False),
)


def register(
    app: typer.Typer, name: str, summary: str, run: Callable[[Given], int], *shared: Shared
) -> None:
    """`run` receives every option by its name."""
    o.command_of(app, name, summary, run, *shared, *ASKING)


def _request(name: str, given: Given) -> Any:
    from eloquence_ops.cli.deploy_command import Request, choices

    return Request(
        command=name,
        target=given["target"],
        flags={setting.name: given[setting.name] for setting in o.SETTINGS},
        output=given["output"],
        lang=given["lang"],
        verbose=given["verbose"],
        timeout_s=given["timeout"],
        on_server=given["on_server"],
        choices=choices(given),
        env_file=given.get("env_file"),
    )


def deploy(given: Given) -> int:
    from eloquence_ops.cli import deploying

    request = _request("deploy", given)
    return deploying.deploy(
        given["source"], request, dry_run=given["dry_run"], status=given["status"]
    )


def rollback(given: Given) -> int:
    from eloquence_ops.cli import deploying

    return deploying.rollback(given["release"], _request("rollback", given))


def releases(given: Given) -> int:
    from eloquence_ops.cli import deployed

    return deployed.releases(_request("releases", given))


def env_push(given: Given) -> int:
    from eloquence_ops.cli import deployed

    return deployed.env_push(given["file"], _request("env push", given))


def env_diff(given: Given) -> int:
    from eloquence_ops.cli import deployed

    return deployed.env_diff(_request("env diff", given))


def register_all(app: typer.Typer) -> None:
    register(
        app,
        "deploy",
        "Put a folder on the server as a new release, which proves itself or is taken back.",
        deploy,
        SOURCE,
        *DEPLOYING,
        *PROVING,
    )
    register(app, "rollback", "Go back to a good release.", rollback, RELEASE, *PROVING)
    register(app, "releases", "The releases on the server, and which is current.", releases)
    env = typer.Typer(no_args_is_help=True, help="The server's .env.local.")
    app.add_typer(env, name="env")
    register(env, "push", "Put a file on the server as .env.local.", env_push, FILE)
    register(env, "diff", "Names of .env.example beside those of .env.local.", env_diff)
