"""LiveKit deployed beside the API, with the real server on a real host."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.doors import Source, deployed, shown, survey
from tests.host.deploying import QUICK, document, eloquence
from tests.host.hosts import BootHost
from tests.host.layout import LIVEKIT_UNIT, PAYLOAD
from tests.host.machine import Done, Host

pytestmark = pytest.mark.real
_UNIT = f"/etc/systemd/system/{LIVEKIT_UNIT}"
_YAML, _KEYS = "/etc/livekit.yaml", "/etc/livekit-keys.yaml"


@pytest.fixture(scope="module")
def host(boot_host: BootHost) -> Iterator[Host]:
    with boot_host() as booted:
        yield booted


def _pid(host: Host) -> str:
    return host.shows(LIVEKIT_UNIT, "MainPID")["MainPID"]


def _ok(host: Host) -> None:
    host.wait_until("test $(curl --silent --max-time 2 http://127.0.0.1:7880/) = OK")


def _makes_room(host: Host) -> None:
    claims = {
        "iss": host.keys.livekit_key,
        "exp": int(time.time()) + 60,
        "video": {"roomCreate": True},
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    digest = hmac.new(host.keys.livekit_secret.encode(), text, hashlib.sha256).digest()
    token = (text + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()
    host.shell(
        "curl --silent --fail --header 'Content-Type: application/json' "
        f"--header 'Authorization: Bearer {token}' --data '{{\"name\": \"live\"}}' "
        "http://127.0.0.1:7880/twirp/livekit.RoomService/CreateRoom"
    )


def _deploy(host: Host, source: Path, *more: str, secret: str = "") -> Done:
    return eloquence(
        host,
        *("deploy", str(source), *QUICK, "--with-livekit", "--output", "json", *more),
        ELOQUENCE_LIVEKIT_API_KEY=host.keys.livekit_key,
        ELOQUENCE_LIVEKIT_API_SECRET=secret or host.keys.livekit_secret,
    )


def test_livekit_is_restarted_for_a_change_and_not_while_there_are_rooms(
    host: Host, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(PAYLOAD, source)
    _ok(host)
    unit, yaml, pid = host.read(_UNIT), host.read(_YAML), _pid(host)
    _makes_room(host)
    assert survey(host)["livekit"]["rooms"] == 1

    refused = _deploy(host, source)
    assert refused.returncode != 0
    assert "1" in refused.stdout + refused.stderr
    assert (host.read(_UNIT), _pid(host)) == (unit, pid)

    # The server counts for itself, and the way back puts what was there to work again.
    files = Source.of_payload()
    work = {"unit": unit + "# another\n", "yaml": None, "yaml_path": _YAML}
    ended, said = deployed(host, files, "rooms", livekit=work)
    assert (ended["outcome"], ended["why"]["kind"], ended["why"]["detail"]) == (
        *("undone", "rooms"),
        "1",
    ), shown(said)
    assert (host.read(_UNIT), _pid(host)) == (unit, pid)
    wrong = unit.replace("--config", "--no-such-option --config").replace("Restart=always\n", "")
    ended, said = deployed(host, files, "wrong", livekit={**work, "unit": wrong}, force=True)
    assert (ended["outcome"], ended["why"]["step"]) == ("undone", "livekit"), shown(said)
    assert (host.read(_UNIT), host.read(_YAML)) == (unit, yaml)
    _ok(host)

    done = _deploy(host, source, "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    _ok(host)
    assert "NoNewPrivileges=true" in host.read(_UNIT)
    assert host.read(_YAML) == yaml  # somebody wrote it by hand
    pid = _pid(host)
    assert document(_deploy(host, source))["plan"]["nothing"] is True
    assert _pid(host) == pid


def test_a_server_without_its_configuration_gets_one_with_its_keys_apart(
    host: Host, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(PAYLOAD, source)
    host.shell(f"systemctl disable --now {LIVEKIT_UNIT}; rm {_YAML} {_UNIT}")
    host.shell("systemctl daemon-reload")
    done = _deploy(host, source)
    assert done.returncode == 0, done.stdout + done.stderr
    _ok(host)
    assert host.keys.livekit_secret not in host.read(_YAML) + done.stdout + done.stderr
    assert host.shell(f"stat -c '%a %U' {_KEYS}").stdout == "600 ubuntu\n"
    assert survey(host)["livekit"]["rooms"] == 0
    assert document(_deploy(host, source))["plan"]["nothing"] is True

    # Another key pair alone: planned, never under live rooms unasked, and its values never told.
    secret, pid = "another-" + host.keys.livekit_secret, _pid(host)
    _makes_room(host)
    refused = _deploy(host, source, secret=secret)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    planned = document(refused)["plan"]
    assert planned["livekit_restarts"] is True
    assert [note["id"] for note in planned["refusals"]] == ["rooms"]
    assert {"name": _KEYS, "kind": "changed", "diff": []} in planned["texts"]
    assert _pid(host) == pid
    done = _deploy(host, source, "--force", secret=secret)
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.read(_KEYS) == f"{host.keys.livekit_key}: {secret}\n"
    assert secret not in done.stdout + done.stderr + refused.stdout + refused.stderr
    assert _pid(host) != pid
    assert document(_deploy(host, source, secret=secret))["plan"]["nothing"] is True
