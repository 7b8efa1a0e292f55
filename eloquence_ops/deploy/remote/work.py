"""What every step of an apply has in hand."""

from __future__ import annotations

import os

from eloquence_ops.deploy.remote import switching
from eloquence_ops.deploy.remote.identity import identity
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import Place, place_of
from eloquence_ops.deploy.remote.survey import masker_of
from eloquence_ops.deploy.remote.told import Told
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import read_json, remove
from eloquence_ops.server.remote import environment_file
from eloquence_ops.server.remote.masking import Masker

SKIPPED = "skipped"
"""What a step answers that had nothing to do."""
VERDICT = "verdict.json"


class Work:
    """One job while it is carried out; what one step finds out, the later ones read here."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.place: Place = switching.with_its_port(place_of(job.request), job)
        self.told = Told(os.path.join(job.folder, "events"))
        self.who = identity(job.user, job.group)
        self.secrets = _secrets(job.folder)
        self.ledger = Ledger(self.place, {})
        self.before: dict[str, object] = {}
        self.environment = ""
        self.step = ""
        self.pid = 0
        self._masker: Masker | None = None

    def check(self) -> None:
        """Raises `Failed` where the client has taken it back."""
        verdict = read_json(os.path.join(self.job.folder, VERDICT))
        undo = verdict is not None and verdict.get("verdict") == "undo"
        if verdict is not None and undo and not self.ledger.data.get("committed"):
            raise Failed("asked", str(verdict.get("reason") or ""))

    def key(self) -> str:
        """The API's key: of its own settings, else what the client has."""
        try:
            with open(self.place.env_local, encoding="utf-8") as file:
                for entry in reversed(environment_file.parse(file.read())):
                    if entry.name == "API_KEY" and entry.value:
                        return entry.value
        except (OSError, ValueError):
            pass
        return str(self.secrets.get("api_key") or "")

    def seconds(self, name: str, otherwise: float) -> float:
        """One of the times that the request gives for the checks."""
        given = self.job.section("checks").get(name)
        return otherwise if given is None else float(str(given))

    def said(self, line: str) -> None:
        """What a command of this step says, without the values of the API's own settings."""
        if self._masker is None:
            self._masker = masker_of(self.place, [str(self.secrets.get("api_key") or "")])
        self.told.said(self.step, self._masker.text(line))

    def masked(self, failed: Failed) -> Failed:
        """What services and installers said may hold a secret."""
        masker = masker_of(self.place, [str(self.secrets.get("api_key") or "")])
        failed.lines = [masker.text(line) for line in failed.lines]
        failed.body = masker.text(failed.body)
        failed.detail = masker.text(failed.detail)
        return failed


def _secrets(folder: str) -> dict[str, object]:
    """Read once: then the file is gone."""
    path = os.path.join(folder, "secrets")
    found = read_json(path) or {}
    remove(path)
    return found
