"""releases, env, and `deploy --status`: what is on the server, and its settings."""

from __future__ import annotations

from eloquence_ops.cli.deploy_command import Command, Request, read_env, run
from eloquence_ops.deploy import env_file, job, record
from eloquence_ops.deploy.failures import DeployRefused
from eloquence_ops.deploy.story import Row
from eloquence_ops.secrets import Secret


def releases(request: Request) -> int:
    command = Command(request)
    return run(command, _releases(command))


async def _releases(command: Command) -> int:
    teller, seen = command.teller, await command.survey()
    command.account.more = {"releases": record.releases(seen)}
    if not seen.releases:
        which = "deploy.flat" if seen.layout == "flat" else "deploy.no-releases"
        told = teller.say(which, server=teller.server, folder=command.target.remote_dir)
        return command.report([Row("", told)], 0)
    return command.report([], 0, teller.releases(seen))


async def state_of(command: Command) -> int:
    """What is under way, and how the last one ended."""
    teller, seen = command.teller, await command.survey()
    command.account.more = record.status(seen)
    return command.report(list(teller.status(seen)), 0)


def env_push(file: str, request: Request) -> int:
    command = Command(request)
    return run(command, _env_push(file, command))


async def _env_push(file: str, command: Command) -> int:
    teller, text = command.teller, read_env(file)
    async with command.at_work("deploy.looking-only") as work:
        request = job.asking("push-env", command.target, command.request.choices)
        answer = await work.deployment.server.ask(request, {"env_local": Secret(text)})
    if answer["event"] != "pushed":
        why = answer.get("why") or {}
        said = str(why.get("detail") or why.get("kind") or "–")
        raise DeployRefused("deploy.not-begun", host=teller.server, said=said)
    names = env_file.names(text)
    command.account.more = {"changed": bool(answer.get("changed")), "names": list(names)}
    which = "deploy.env-pushed" if answer.get("changed") else "deploy.env-same"
    told = teller.say(which, server=teller.server, count=len(names), unit=command.target.api_unit)
    return command.report([Row("", told)], 0)


def env_diff(request: Request) -> int:
    command = Command(request)
    return run(command, _env_diff(command))


async def _env_diff(command: Command) -> int:
    """1 where a name is missing: a CI job may ask before it deploys."""
    teller, seen = command.teller, await command.survey()
    difference = None
    if seen.env_local and seen.env_example is not None:
        difference = env_file.compare(seen.env_example, seen.env_local.keys)
    command.account.more = dict(record.env(difference))
    if seen.env_local is None:
        told = teller.say("deploy.env-no-local", server=teller.server)
        return command.report([Row("", told, "note")], 1)
    if difference is None:
        return command.report([Row("", teller.say("deploy.env-no-example"), "note")], 0)
    rows = list(teller.env(difference))
    if not difference.missing:
        rows.append(Row("", teller.say("deploy.env-good")))
    return command.report(rows, 1 if difference.missing else 0)
