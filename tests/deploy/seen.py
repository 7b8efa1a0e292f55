"""Servers and sources made by hand, for the pure parts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from eloquence_ops.deploy import source, survey
from eloquence_ops.deploy.choices import Choices
from eloquence_ops.deploy.plan import make
from eloquence_ops.deploy.planning.shapes import LiveKitFiles, Plan
from eloquence_ops.deploy.requirements import of_source
from eloquence_ops.deploy.source import Source
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.deploy.units import Rendered
from eloquence_ops.settings import Target

NOW: Final = 1_796_000_000.0
UNITS: Final = {
    "eloquence-api.service": "[Service]\nUser=ubuntu\n",
    "eloquence-api.socket": "[S]\n",
}
RELEASE: Final = "20261130-013320-aaaaaaaa"
OLD: Final = "20261129-000000-bbbbbbbb"
REQUIREMENTS: Final = "fastapi==0.115.0\nuvicorn>=0.34  # the server\n"


def folder(path: Path, **texts: str) -> Source:
    """`api_py="…"` is `api.py`; requirements and an API are there unless told otherwise."""
    files = {"api_py": "app = None\n", "requirements_txt": REQUIREMENTS} | texts
    for name, text in files.items():
        file = path / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return source.read(path)


def facts(**more: Any) -> dict[str, Any]:
    """A bare server."""
    return {
        "protocol": 1,
        "is_root": True,
        "python": "3.11.2",
        "machine": "x86_64",
        "glibc": "2.36",
        "systemd": 252,
        "now": NOW,
        "user": {"name": "ubuntu", "group": "ubuntu"},
        "free_bytes": 10**10,
        "env_local": {"keys": ["API_KEY"], "mode": "0600", "owner": "ubuntu"},
        "port_open": {"state": "open", "by": "ufw"},
    } | more


def bare(**more: Any) -> Survey:
    return survey.parse(facts(**more), "server")


def serving(deployed: Source, **more: Any) -> Survey:
    """The server after `deployed` was deployed on it."""
    requirements = of_source(deployed.text)
    units = {
        name: {
            "text": text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "enabled": True,
            "active": True,
            "need_reload": False,
            "main_pid": 700,
        }
        for name, text in UNITS.items()
    }
    record = {
        "id": OLD,
        "made_at": NOW - 9000,
        "by": "marie@laptop",
        "requirements_digest": requirements.digest if requirements else None,
        "environment": "env-1",
        "good_at": NOW - 8990,
    }
    return bare(
        **{
            "layout": "releases",
            "current": OLD,
            "releases": [record],
            "files": [[e.path, e.sha256, e.size, e.mode, e.link] for e in deployed.entries],
            "units": units,
            "listener": {"pid": 700, "command": "python serve.py", "unit": "eloquence-api.service"},
            "environments": [
                {
                    "id": "env-1",
                    "python": "3.11.2",
                    "packages": [["fastapi", "0.115.0"], ["uvicorn", "0.34.0"]],
                }
            ],
        }
        | more
    )


def planned(
    wanted: Source,
    there: Survey,
    choices: Choices | None = None,
    livekit: LiveKitFiles | None = None,
    target: Target | None = None,
) -> Plan:
    rendered = Rendered(UNITS, {}, "# serve")
    requirements = of_source(wanted.text)
    settings = target or Target("production")
    return make(
        settings, choices or Choices(), wanted, there, rendered, requirements, RELEASE, livekit
    )
