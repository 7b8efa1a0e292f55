"""What systemd makes of units: before they are installed, and once they are loaded."""

from __future__ import annotations

import os
import shlex

from eloquence_ops.deploy.remote import systemd
from eloquence_ops.deploy.remote.place import UNITS, Place
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import remove


def verify(folder: str, texts: dict[str, str], replacing: tuple[str, str]) -> None:
    """`systemd-analyze verify`: any line about ours fails, since a typo is a warning to it.

    `replacing`: `current` does not lead to the new release yet. Raises `Failed`.
    """
    remove(folder)
    os.makedirs(folder, 0o700)
    try:
        for name, text in texts.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text.replace(*replacing))
        paths = [os.path.join(folder, name) for name in texts]
        done = systemd.run(["systemd-analyze", "--man=no", "verify", *paths], 60.0)
    finally:
        remove(folder)
    said = [line.replace(folder + "/", "") for line in done.stderr.split("\n") if line.strip()]
    ours = [line for line in said if any(name in line for name in texts)]
    if ours or done.status != 0:
        raise Failed("unit", "systemd-analyze verify", lines=ours or said)


def compare(place: Place, texts: dict[str, str]) -> None:
    """What systemd has loaded is what was meant. Raises `Failed` with the difference."""
    shown = systemd.show(*texts)
    for name, text in texts.items():
        loaded = shown[name]
        path = os.path.join(UNITS, name)
        if loaded.get("NeedDaemonReload") == "yes":
            raise Failed("unit", "{}: systemd has not loaded what lies there".format(name))
        if loaded.get("FragmentPath") != path:
            raise Failed(
                "unit", "{}: loaded from {}".format(name, loaded.get("FragmentPath") or "nowhere")
            )
        if name == place.api_unit:
            _compare_command(name, text, loaded)
            _compare_folder(name, text, loaded)


def _compare_command(name: str, text: str, loaded: dict[str, str]) -> None:
    meant = _value(text, "ExecStart").lstrip("-@:+!")
    found = loaded.get("ExecStart", "").partition("argv[]=")[2].partition(" ; ")[0]
    expected = as_shown(meant)
    if expected is not None and found.split() != expected.split():
        drop_ins = ", ".join(systemd.drop_ins(loaded))
        raise Failed("unit", "{}: ExecStart is {} ({})".format(name, found, drop_ins or "loaded"))


def _compare_folder(name: str, text: str, loaded: dict[str, str]) -> None:
    """In another folder it would be another release."""
    expected = as_shown(_value(text, "WorkingDirectory"))
    found = loaded.get("WorkingDirectory", "")
    if expected and found.lstrip("!-") != expected.lstrip("-"):
        drop_ins = ", ".join(systemd.drop_ins(loaded))
        what = "{}: WorkingDirectory is {} ({})"
        raise Failed("unit", what.format(name, found or "/", drop_ins or "loaded"))


def _value(text: str, name: str) -> str:
    """The last one that is given, in one line."""
    lines = text.replace("\\\n", " ").split("\n")
    found = [line.partition("=")[2].strip() for line in lines if line.startswith(name + "=")]
    return ([value for value in found if value] or [""])[-1]


def as_shown(words: str) -> str | None:
    """Words of a unit as `systemctl show` has them: without quotes. None where a specifier stands
    for something that only systemd knows."""
    if "%" in words.replace("%%", ""):
        return None
    try:
        return " ".join(shlex.split(words)).replace("%%", "%")
    except ValueError:
        return None
