"""What a server told of itself before anything was changed. Untrusted: checked where it enters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from eloquence_ops.server.errors import LinkError
from eloquence_ops.untrusted import visible

PROTOCOL = 1


def _shown(value: Any) -> Any:
    """Names and words that are shown; paths stay as they are, and are made visible when shown."""
    return visible(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_shown)]
Flag = Annotated[bool | None, BeforeValidator(lambda value: None if value == "" else value)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class User(_Told):
    """Whose the service is."""

    name: Text
    group: Text = ""


class Record(_Told):
    """One release, as its own `record.json` tells it. `good_at`: when it proved to serve."""

    id: Text
    made_at: float | None = None
    by: Text | None = None
    commit: Text | None = None
    tool: Text | None = None
    source_digest: Text | None = None
    requirements_digest: Text | None = None
    """The digest of `requirements.Requirements`, as the client gave it."""
    environment: Text | None = None
    adopted: bool = False
    activation: Text | None = None
    good_at: float | None = None


class Unit(_Told):
    """A unit as it lies there and as systemd has it; its text masked on the server."""

    text: str | None = None
    sha256: Text | None = None
    drop_ins: tuple[tuple[str, str], ...] = ()
    enabled: Flag = None
    active: Flag = None
    sub: Text | None = None
    result: Text | None = None
    main_pid: int | None = None
    n_restarts: int | None = None
    need_reload: bool | None = None
    exec_start: Text | None = None


class LiveKit(_Told):
    """`rooms` is None where it could not be asked. `address`: the server's own. `keys_digest`: as
    `EnvLocal.digest`, of the file of keys."""

    binary: Text | None = None
    version: Text | None = None
    yaml: str | None = None
    yaml_sha256: Text | None = None
    yaml_path: Text | None = None
    keys_digest: Text | None = None
    user: Text | None = None
    rooms: int | None = None
    address: Text | None = None


class Listener(_Told):
    """Who holds the API's port."""

    pid: int | None = None
    command: Text | None = None
    unit: Text | None = None
    user: Text | None = None


class Environment(_Told):
    """An environment that is there, with what is installed in it."""

    id: Text
    key: Text | None = None
    python: Text | None = None
    packages: tuple[tuple[Text, Text], ...] = ()


class EnvLocal(_Told):
    """The names in `.env.local`, never their values. `digest` is of this question alone: keyed with
    its nonce, so that it tells nothing but whether a file is the same."""

    keys: tuple[Text, ...] = ()
    mode: Text | int | None = None
    owner: Text | None = None
    digest: Text | None = None


class Lock(_Told):
    """An apply that is under way."""

    who: Text | None = None
    since: float | None = None
    release: Text | None = None
    step: Text | None = None


class PortOpen(_Told):
    """Whether the server's own firewall lets the API's port through, and which one says so."""

    state: Literal["open", "closed", "unknown"] = "unknown"
    by: Text | None = None


class Survey(_Told):
    """One round trip's worth of facts."""

    protocol: int
    python: Text | None = None
    implementation: Text = "cp"
    machine: Text | None = None
    glibc: Text | None = None
    systemd: int | None = None
    uv: Text | None = None
    venv: bool = True
    now: float
    is_root: bool = True
    user: User
    layout: Literal["none", "flat", "releases"] = "none"
    current: Text | None = None
    releases: tuple[Record, ...] = ()
    files: tuple[tuple[str, str, int, int, str | None], ...] = ()
    units: dict[Text, Unit] = Field(default_factory=dict)
    livekit: LiveKit = LiveKit()
    listener: Listener | None = None
    environments: tuple[Environment, ...] = ()
    wheels: tuple[Text, ...] = ()
    env_local: EnvLocal | None = None
    env_example: tuple[Text, ...] | None = None
    launcher: Text | None = None
    free_bytes: int | None = None
    writable: bool = True
    port_open: PortOpen = PortOpen()
    lock: Lock | None = None
    unfinished: dict[str, Any] | None = None
    last: dict[str, Any] | None = None

    @property
    def record(self) -> Record | None:
        """Of the release that is current."""
        return next((entry for entry in self.releases if entry.id == self.current), None)

    def environment(self, id_: str | None) -> Environment | None:
        return next((entry for entry in self.environments if entry.id == id_), None)


def parse(facts: object, host: str) -> Survey:
    """Raises `LinkError` for what is no survey of ours."""
    try:
        survey = Survey.model_validate(facts)
    except (ValidationError, RecursionError) as problem:
        where = problem.errors()[0]["loc"] if isinstance(problem, ValidationError) else "—"
        raise LinkError("deploy.garbled", host=host, what=where) from None
    if survey.protocol != PROTOCOL:
        raise LinkError("deploy.garbled", host=host, what=f"protocol {survey.protocol}")
    return survey
