"""The work that an apply is given, as it came from the client."""

from __future__ import annotations

import os
from typing import cast

from eloquence_ops.deploy.remote.receiving import Announced, announced
from eloquence_ops.deploy.remote.writing import read_json


class Job:
    """One request of the verb `apply`; `folder` is where it lies on this server."""

    def __init__(self, request: dict[str, object], folder: str) -> None:
        self.request, self.folder = request, folder
        self.kind = self.text("kind") or "deploy"
        self.release = self.text("release")
        self.who = self.text("who")
        self.activation = self.text("activation") or "socket"
        self.keep = max(1, int(self.number("keep", 5)))
        self.user = self.text("user")
        self.group = self.text("group")

    def text(self, name: str) -> str:
        value = self.request.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str, otherwise: float) -> float:
        value = self.request.get(name)
        return float(value) if isinstance(value, (int, float)) else otherwise

    def flag(self, name: str) -> bool:
        return self.request.get(name) is True

    def section(self, name: str) -> dict[str, object]:
        value = self.request.get(name)
        return cast("dict[str, object]", value) if isinstance(value, dict) else {}

    def texts(self, name: str) -> dict[str, str]:
        return {str(key): str(value) for key, value in self.section(name).items()}

    def words(self, value: object) -> list[str]:
        return [str(each) for each in value] if isinstance(value, list) else []

    @property
    def is_rollback(self) -> bool:
        return self.kind == "rollback"

    def manifest(self) -> dict[str, Announced]:
        return announced(cast("list[object]", self.request.get("manifest") or []))

    def sent(self) -> dict[str, Announced]:
        """What of the manifest comes over the wire."""
        every = self.manifest()
        return {path: every[path] for path in self.words(self.request.get("sent")) if path in every}

    def wheels(self) -> dict[str, Announced]:
        return announced(
            [*row[:3], 0o644, None]
            for row in cast("list[list[object]]", self.request.get("wheels") or [])
        )

    @property
    def staging(self) -> str:
        return self.text("staging")

    @property
    def shared_paths(self) -> list[str]:
        return self.words(self.request.get("shared_paths"))


def load(folder: str) -> Job:
    """Raises `KeyError` where there is none."""
    request = read_json(os.path.join(folder, "job.json"))
    if request is None:
        raise KeyError(folder)
    return Job(request, folder)
