"""What the server is asked to do, as the JSON that it reads. Pure: built from a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eloquence_ops import __version__
from eloquence_ops.deploy.choices import Choices, api_port
from eloquence_ops.deploy.planning.remarks import opens_port
from eloquence_ops.deploy.planning.shapes import LiveKitFiles, Plan, Rendered
from eloquence_ops.deploy.requirements import Requirements
from eloquence_ops.deploy.source import Source
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.settings import Target

HOLD_VARIABLE: Final = "ELOQUENCE_DEPLOY_HOLD"
"""`step:seconds`: the apply waits there. For tests that end it in each step."""

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose it is, and from which commit."""

    who: str
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel for the server's interpreter, gathered here."""

    name: str
    sha256: str
    size: int
    path: str


def asking(verb: str, target: Target, choices: Choices, **more: object) -> Request:
    """What every request says of the system."""
    return {
        "verb": verb,
        "api_unit": target.api_unit,
        "livekit_unit": target.livekit_unit,
        "remote_dir": target.remote_dir,
        "asgi_app": target.asgi_app,
        "port": api_port(target, choices),
        "host": choices.listen[0],
        **more,
    }


def deploying(
    target: Target,
    choices: Choices,
    plan: Plan,
    source: Source,
    rendered: Rendered,
    requirements: Requirements | None,
    origin: Origin,
    wheels: tuple[Wheel, ...] = (),
    hold: Mapping[str, object] | None = None,
) -> Request:
    survey = plan.survey
    reuse = plan.packages.reuse
    return asking(
        "apply",
        target,
        choices,
        kind="deploy",
        release=plan.release,
        base=base_of(survey),
        **_whose(origin),
        source_digest=source.digest,
        manifest=[
            [entry.path, entry.sha256, entry.size, entry.mode, entry.link]
            for entry in source.entries
        ],
        sent=[entry.path for entry in plan.send],
        requirements=(
            {"path": requirements.path, "sha256": requirements.digest} if requirements else None
        ),
        environment={"reuse": reuse} if reuse else {"build": {"wheelhouse": choices.wheelhouse}},
        wheels=[[wheel.name, wheel.sha256, wheel.size] for wheel in wheels],
        units=dict(plan.texts),
        candidate=dict(rendered.candidate),
        serve=rendered.serve,
        livekit=_livekit(plan.livekit, restart=plan.livekit_restarts),
        **_how(target, choices, survey, hold),
        take_over=choices.take_over,
        adopt=plan.adopts,
        open_port=opens_port(choices, survey),
        force=choices.force,
    )


def rolling_back(
    target: Target,
    choices: Choices,
    survey: Survey,
    release: str,
    rendered: Rendered,
    origin: Origin,
    hold: Mapping[str, object] | None = None,
) -> Request:
    """Back to a release that is there: nothing is sent, everything else is the same."""
    return asking(
        "apply",
        target,
        choices,
        kind="rollback",
        release=release,
        base=base_of(survey),
        **_whose(origin),
        source_digest=None,
        manifest=[],
        sent=[],
        requirements=None,
        environment=None,
        wheels=[],
        units=dict(rendered.units),
        candidate=dict(rendered.candidate),
        serve=rendered.serve,
        livekit=None,
        **_how(target, choices, survey, hold),
        take_over=choices.take_over,
        adopt=False,
        open_port=False,
    )


def base_of(survey: Survey) -> Request:
    """What the plan was made against: the server refuses where it is something else by then."""
    units = {name: unit.sha256 for name, unit in survey.units.items()}
    return {"layout": survey.layout, "current": survey.current, "units": units}


def hold_of(text: str | None) -> Request | None:
    step, _, seconds = (text or "").partition(":")
    return {"step": step, "seconds": float(seconds or 60)} if step else None


def _whose(origin: Origin) -> Request:
    return {"who": origin.who, "commit": origin.commit, "tool": f"eloquence {__version__}"}


def _how(
    target: Target, choices: Choices, survey: Survey, hold: Mapping[str, object] | None
) -> Request:
    return {
        "activation": choices.activation,
        "user": survey.user.name,
        "group": survey.user.group,
        "shared_paths": list(target.shared_paths),
        "hooks": {
            "before_switch": list(target.before_switch),
            "after_switch": list(target.after_switch),
            "timeout_s": choices.hook_s,
        },
        "checks": {"watch_s": choices.watch_s, "start_s": choices.start_s},
        "confirm_within_s": choices.confirm_within_s if choices.public_check else None,
        "keep": choices.keep,
        "hold": dict(hold) if hold else None,
    }


def _livekit(files: LiveKitFiles | None, *, restart: bool) -> Request | None:
    if files is None:
        return None
    return {
        "unit": files.unit,
        "yaml": files.yaml,
        "yaml_path": files.yaml_path,
        "key_file": files.key_file,
        "user": files.user,
        "restart": restart,
    }


def from_environment() -> Request | None:
    return hold_of(os.environ.get(HOLD_VARIABLE))
