"""What happens to what serves."""

from __future__ import annotations

from collections.abc import Mapping

from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.planning.shapes import Gap
from eloquence_ops.deploy.remote.unit_text import meaning
from eloquence_ops.deploy.survey import Listener, Survey
from eloquence_ops.settings import Target


def socket_of(api_unit: str) -> str:
    return api_unit.removesuffix(".service") + ".socket"


def serves(target: Target, survey: Survey, choices: Choices) -> bool:
    """Whether the current release is good, and systemd has and runs what it should."""
    record = survey.record
    if record is None or record.good_at is None:
        return False
    names = [target.api_unit]
    if choices.activation == "socket":
        names.insert(0, socket_of(target.api_unit))
    for name in names:
        unit = survey.units.get(name)
        if unit is None or not unit.active or unit.need_reload:
            return False
    return bool(survey.units[names[0]].enabled)


def gap_of(target: Target, choices: Choices, survey: Survey, texts: Mapping[str, str]) -> Gap:
    socket, service = map(survey.units.get, (socket_of(target.api_unit), target.api_unit))
    listens = socket is not None and bool(socket.active)
    if not (listens or survey.listener or (service and service.active)):
        return "none"
    if choices.activation == "bind":
        return "restart"
    if not listens:
        return "first-move"
    return "none" if keeps_socket(target, survey, texts) else "other-socket"


def keeps_socket(target: Target, survey: Survey, texts: Mapping[str, str]) -> bool:
    """Whether systemd holds the very socket that is wanted: then it goes on holding it. What is
    another one, if only in an option, is made anew; comments are no matter."""
    name = socket_of(target.api_unit)
    socket = survey.units.get(name)
    if socket is None or not socket.active or name not in texts:
        return False
    return meaning(socket.text or "") == meaning(texts[name])


def held_by_stranger(target: Target, survey: Survey) -> Listener | None:
    """Who has the API's port without being the API's unit."""
    held = survey.listener
    if held is None:
        return None
    stem = target.api_unit.removesuffix(".service")
    # A candidate is what a deploy left behind that died with nobody to put it in order.
    own = {target.api_unit, socket_of(target.api_unit), f"{stem}-candidate.service"}
    if held.unit in own:
        return None
    unit = survey.units.get(target.api_unit)
    if unit and unit.main_pid and unit.main_pid == held.pid:
        return None
    return held
