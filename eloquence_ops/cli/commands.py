"""The commands. Each says what it does in its first line; the work is done elsewhere."""

from __future__ import annotations

from inspect import Signature
from typing import Annotated, Any

import typer

from eloquence_ops import __version__
from eloquence_ops.cli import options as o

app = typer.Typer(
    name="eloquence",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
lab_app = typer.Typer(no_args_is_help=True, help="Reproduce faults on this machine.")
app.add_typer(lab_app, name="lab")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"eloquence {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Diagnose a realtime voice backend: what is wrong, whose it is to mend, and what to do."""


_URL = o.Shared("url", o.Url)


def _examining(
    command: str,
    summary: str,
    *choosing: o.Shared,
    only: tuple[str, ...] = (),
    start: o.Shared = _URL,
) -> None:
    """Registers a command that examines: all of them take the same options.

    `start` is the argument: one address to start from, or several to look at.
    """

    def run(**given: Any) -> int:
        from eloquence_ops.cli.examination import Request, examine_and_report

        return examine_and_report(
            Request(
                command=command,
                url=given.get("url"),
                names=tuple(dict.fromkeys(given.get("names") or ())),
                hosts=given.get("hosts"),
                target=given["target"],
                flags={setting.name: given[setting.name] for setting in o.SETTINGS},
                output=given["output"],
                lang=given["lang"],
                verbose=given["verbose"],
                strict=given["strict"],
                timeout_s=given["timeout"],
                read_only=given["read_only"],
                on_server=given["on_server"],
                record=given["record"],
                baseline=given["baseline"],
                only=list(only) or given.get("only"),
                skip=given.get("skip"),
                wait_s=given.get("wait"),
            )
        )

    shared = (
        start,
        o.Shared("target", o.TargetName),
        *o.SETTINGS,
        *o.REPORTING,
        *o.RUNNING,
        *choosing,
    )
    parameters = [option.parameter() for option in shared]
    # Typer reads the options off the signature.
    run.__signature__ = Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    app.command(command, help=summary)(run)


_examining(
    "doctor", "Examine everything that applies to the target, and name the cause.", *o.CHOOSING
)
_examining(
    "check-api",
    "The API: does it answer, is it the right one, does it open a session?",
    only=("api",),
)
_examining(
    "check-livekit",
    "LiveKit's signalling: is it there, is it ready, does it take the session's token?",
    only=("livekit",),
)
_examining(
    "check-ssl",
    "Certificates: is the chain whole, the name right, the renewal alive? --ca for a private root.",
    only=("tls",),
    start=o.Shared("hosts", o.Hosts),
)
_examining(
    "check-server",
    "The server from inside, over SSH or with --on-server: units, ports, files, logs.",
    only=("server",),
)
_examining(
    "check-punycode-dns",
    "Names: each form of each label, and what the DNS says of them. The labels need no network.",
    only=("dns",),
    start=o.Shared("names", o.Names),
)


@app.command()
def replay(
    file: Annotated[str, typer.Argument(help="A file that --record wrote.")],
    output: o.Output = None,
    lang: o.Lang = None,
    verbose: o.Verbose = False,
    strict: o.Strict = False,
    baseline: o.Baseline = None,
) -> int:
    """Diagnose a recording again, in either language."""
    from eloquence_ops.cli.examination import Request, replay_and_report

    request = Request(
        command="replay",
        output=output,
        lang=lang,
        verbose=verbose,
        strict=strict,
        baseline=baseline,
    )
    return replay_and_report(file, request)


@app.command()
def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WHAT]",
            help="A cause, a check, a finding, or anything that was pasted: 502, an exception.",
        ),
    ] = None,
    lang: o.Lang = None,
) -> int:
    """The runbook: what a check verifies, what a cause is, what a symptom says."""
    from eloquence_ops.cli.explaining import explain as print_explanation

    return print_explanation(" ".join(words or []), lang)


@app.command()
def init(
    name: Annotated[
        str | None, typer.Option("--name", help="The target's name, e.g. production.")
    ] = None,
    api: o.Api = None,
    livekit: o.LiveKit = None,
    server: o.Server = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    lang: o.Lang = None,
) -> int:
    """Write an eloquence.toml here, by asking."""
    from eloquence_ops.cli.initialising import initialise

    return initialise(name, {"api": api, "livekit": livekit, "server": server}, force, lang)


@app.command()
def demo(
    faults: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FAULT]…", help="Faults of the lab; see “eloquence lab list”."),
    ] = None,
    output: o.Output = None,
    lang: o.Lang = None,
    verbose: o.Verbose = False,
    record: o.Record = None,
    timeout: o.Timeout = 5.0,
) -> int:
    """Break a small backend on this machine, and diagnose it."""
    from eloquence_ops.cli.laboratory import Request, show_demo

    return show_demo(
        faults,
        Request(
            command="doctor",
            output=output,
            lang=lang,
            verbose=verbose,
            record=record,
            timeout_s=timeout,
        ),
    )


@lab_app.command("list")
def lab_list(lang: o.Lang = None) -> int:
    """The faults that the lab can make."""
    from eloquence_ops.cli.laboratory import list_faults

    return list_faults(lang)


@lab_app.command("up")
def lab_up(
    faults: Annotated[
        list[str] | None, typer.Argument(metavar="[FAULT]…", help="Faults; none is healthy.")
    ] = None,
    place: o.Place = None,
    lang: o.Lang = None,
) -> int:
    """Leave a system with these faults running, to be reproduced by hand or in the app."""
    from eloquence_ops.cli.laboratory import keep_up

    return keep_up(faults, place, lang)
