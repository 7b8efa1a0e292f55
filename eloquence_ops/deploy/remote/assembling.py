"""A release out of what was sent and what was there: whole and verified before it has its name."""

from __future__ import annotations

import os
import shutil
import time

from eloquence_ops.deploy.remote import installed
from eloquence_ops.deploy.remote.identity import Identity, acting_as
from eloquence_ops.deploy.remote.job import Job
from eloquence_ops.deploy.remote.ledger import Ledger
from eloquence_ops.deploy.remote.place import Place
from eloquence_ops.deploy.remote.receiving import verified
from eloquence_ops.deploy.remote.tree import OWN, listing
from eloquence_ops.deploy.remote.why import Failed
from eloquence_ops.deploy.remote.writing import remove, sync_all_of, sync_folder, write, write_json


def assemble(place: Place, who: Identity, job: Job, adopted: str) -> None:
    """Raises `Failed` and `OSError`."""
    manifest, sent = job.manifest(), job.sent()
    current = place.current_release() or adopted
    source = place.release(current) if current else None
    draft = os.path.join(job.staging, "files")
    with acting_as(who):
        os.makedirs(draft, 0o755, exist_ok=True)
        there = _by_content(source) if len(sent) < len(manifest) else {}
        there.update((entry.sha256, os.path.join(draft, path)) for path, entry in sent.items())
        for path, entry in manifest.items():
            if path in sent:
                continue
            where = os.path.join(draft, path)
            os.makedirs(os.path.dirname(where), 0o755, exist_ok=True)
            if entry.target is not None:
                os.symlink(entry.target, where)
                continue
            if entry.sha256 not in there:
                raise Failed("changed", "not sent, and not there", path=path)
            shutil.copyfile(there[entry.sha256], where, follow_symlinks=False)
            os.chmod(where, entry.mode)
        for entry in manifest.values():
            verified(draft, entry)
        _add_own(job, draft)
        sync_all_of(draft)
        os.rename(draft, place.release(job.release))
        sync_folder(place.releases)


def _by_content(source: str | None) -> dict[str, str]:
    """The files of the current release by what is in them: a renamed one is not sent again."""
    entries = listing(source) if source else []
    return {
        entry.sha256: os.path.join(source or "", entry.path)
        for entry in entries
        if entry.target is None and entry.sha256
    }


def _add_own(job: Job, draft: str) -> None:
    own = os.path.join(draft, OWN)
    os.makedirs(os.path.join(own, "units"), 0o755)
    write(os.path.join(own, "serve.py"), job.text("serve").encode("utf-8"))
    for name, text in job.texts("units").items():
        write(os.path.join(own, "units", os.path.basename(name)), text.encode("utf-8"))
    os.symlink("../../shared/.env.local", os.path.join(draft, ".env.local"))
    for path in job.shared_paths:
        _share(draft, path)


def share(place: Place, who: Identity, job: Job, ledger: Ledger, adopted: str) -> None:
    """Folders that the application writes in outlive its releases: the first time with what it has
    written in the release that serves."""
    current = place.current_release() or adopted
    for path in job.shared_paths:
        kept = os.path.join(place.shared, path)
        if os.path.lexists(kept):
            continue
        ledger.will_make(_first_missing(kept))
        before = os.path.join(place.release(current), path) if current else ""
        with acting_as(who):
            os.makedirs(os.path.dirname(kept), 0o755, exist_ok=True)
            if before and os.path.isdir(before) and not os.path.islink(before):
                shutil.copytree(before, kept, symlinks=True)
            else:
                os.mkdir(kept, 0o755)


def _first_missing(path: str) -> str:
    while not os.path.lexists(os.path.dirname(path)):
        path = os.path.dirname(path)
    return path


def _share(draft: str, path: str) -> None:
    where = os.path.join(draft, path)
    if os.path.lexists(where):
        raise Failed("files", "a shared path that the source has too", path=path)
    os.makedirs(os.path.dirname(where), 0o755, exist_ok=True)
    up = "../" * (2 + path.count("/"))
    os.symlink(up + "shared/" + path, where)


def record(place: Place, who: Identity, job: Job, environment: str, ledger: Ledger) -> None:
    found: dict[str, object] = {
        "id": job.release,
        "made_at": round(time.time(), 3),
        "by": job.who,
        "commit": job.request.get("commit"),
        "tool": job.request.get("tool"),
        "source_digest": job.request.get("source_digest"),
        "requirements_digest": job.section("requirements").get("sha256"),
        "environment": environment,
        "adopted": False,
        "activation": job.activation,
        "good_at": None,
        "wheels": [wheel.sha256 for wheel in job.wheels().values()],
        "units": job.texts("units"),
        "drop_ins": {},
    }
    ledger.will_make(installed.record_path(place, job.release))
    _keep(place, who, job.release, found)


def mark_good(place: Place, who: Identity, release: str) -> None:
    """From now on it is one that can be gone back to."""
    found = installed.record(place, release) or {"id": release}
    _keep(place, who, release, dict(found, good_at=round(time.time(), 3)))


def _keep(place: Place, who: Identity, release: str, found: dict[str, object]) -> None:
    installed.write_record(place, release, found)
    shown = {name: value for name, value in found.items() if name not in ("units", "drop_ins")}
    with acting_as(who):
        write_json(os.path.join(place.release(release), OWN, "record.json"), shown, 0o644)


def gather_wheels(place: Place, who: Identity, job: Job, ledger: Ledger, folder: str) -> None:
    """Everything that was resolved in one folder, under its own name; it is kept by its hash."""
    if not os.path.isdir(place.wheels):
        ledger.will_make(place.wheels)
    sent = os.path.join(job.staging, "wheels")
    with acting_as(who):
        os.makedirs(place.wheels, 0o755, exist_ok=True)
        remove(folder)
        os.mkdir(folder, 0o755)
        for name, wheel in job.wheels().items():
            kept = os.path.join(place.wheels, wheel.sha256)
            came = os.path.join(sent, name)
            if not os.path.exists(kept):
                if not os.path.exists(came):
                    raise Failed("packages", "a wheel that was not sent", path=name)
                os.rename(came, kept)
            os.symlink(kept, os.path.join(folder, name))
