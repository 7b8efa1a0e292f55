"""The commands. Each says what it does in its first line; the work is done elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from eloquence_ops import __version__
from eloquence_ops.cli import deploy_options
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
    """Deploy a realtime voice backend, and diagnose it: what is wrong, whose it is, what to do."""


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

    def run(given: o.Given) -> int:
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
                exhaustive=given.get("exhaustive", False),
            )
        )

    target = o.Shared("target", o.TargetName)
    options = (start, target, *o.SETTINGS, *o.REPORTING, *o.RUNNING, *choosing)
    o.command_of(app, command, summary, run, *options)


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
    "LiveKit: is it there, does it take tokens, where do its media go, do its relays work?",
    only=("livekit",),
)
_examining(
    "check-ports",
    "Ports: which let packets in, and who drops the others. With --server UDP is proven, too.",
    o.Shared("exhaustive", o.Exhaustive, default=False),
    only=("ports",),
)
_examining(
    "check-media",
    "Sound: is it heard, by which way, at what cost, and does the coach answer? Ten seconds.",
    only=("media",),
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

deploy_options.register_all(app)


@app.command("tail-logs")
def tail_logs(
    target: o.TargetName = None,
    server: Annotated[
        list[str] | None,
        typer.Option("--server", metavar="USER@HOST", help="A server. Repeatable."),
    ] = None,
    server_key: Annotated[
        list[str] | None,
        typer.Option("--server-key", metavar="SHA256:…", help="A key's fingerprint. Repeatable."),
    ] = None,
    on_server: o.OnServer = False,
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", metavar="UNIT", help="This unit's journal instead. Repeatable."),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="PATH", help="This file of the server. Repeatable."),
    ] = None,
    app_log: Annotated[
        str | None,
        typer.Option("--app-log", metavar="FILE|-", help="The app's log, or standard input."),
    ] = None,
    app_command: Annotated[
        str | None,
        typer.Option("--app-command", metavar="COMMAND", help="What prints the app's log."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="10m, 2h, 19:30, a date.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="The end.")] = None,
    lines: Annotated[
        str | None,
        typer.Option("-n", "--lines", metavar="N|all", help="Of each log, to begin with. [10]"),
    ] = None,
    follow: Annotated[
        bool | None,
        typer.Option("--follow/--no-follow", "-f", help="Go on with what comes. [with no --until]"),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option("--level", metavar="LEVEL", help="This and worse: debug, info, warning, …"),
    ] = None,
    grep: Annotated[
        list[str] | None,
        typer.Option("--grep", metavar="REGEX", help="Only what matches. Repeatable: any."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="REGEX", help="Not what matches. Repeatable."),
    ] = None,
    highlight: Annotated[
        list[str] | None,
        typer.Option("--highlight", metavar="REGEX", help="Mark what matches. Repeatable."),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="One session: its id, room or participant."),
    ] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Name the causes that known errors point to.")
    ] = False,
    output: Annotated[
        str, typer.Option("--output", metavar="FORMAT", help="console, json, raw or template.")
    ] = "console",
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="TEXT", help="E.g. '{time} {source} {text}'."),
    ] = None,
    utc: Annotated[bool, typer.Option("--utc", help="Times in UTC.")] = False,
    raw_text: Annotated[
        bool, typer.Option("--raw-text", help="Leave control characters as they are.")
    ] = False,
    lang: o.Lang = None,
) -> int:
    """API, LiveKit, proxy and app in one stream, in the order in which things happened."""
    from eloquence_ops.cli.tailing import Request, tail

    return tail(
        Request(
            target=target,
            servers=tuple(dict.fromkeys(server or ())),
            flags={"server_key": tuple(server_key or ())},
            on_server=on_server,
            units=tuple(dict.fromkeys(unit or ())),
            files=tuple(dict.fromkeys(file or ())),
            app_log=app_log,
            app_command=app_command,
            since=since,
            until=until,
            lines=lines,
            follow=follow,
            level=level,
            grep=tuple(grep or ()),
            exclude=tuple(exclude or ()),
            highlight=tuple(highlight or ()),
            session=session,
            output=output,
            template=template,
            utc=utc,
            raw_text=raw_text,
            diagnose=diagnose,
            lang=lang,
        )
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
