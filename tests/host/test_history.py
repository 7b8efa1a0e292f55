"""What users of a real host got, as doctor's screen tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.examining import doctor
from tests.host.faults import FAULTS
from tests.host.layout import API_UNIT, REMOTE_DIR
from tests.host.machine import Host

pytestmark = pytest.mark.real


def test_the_failures_in_nginxs_log_and_what_changed_before_them(
    host: Host, tmp_path: Path
) -> None:
    FAULTS["nginx-wrong-upstream"](host)
    for _ in range(3):
        host.curl("--request", "POST", "https://api.éloquence.test/api/sessions")
    screen = tmp_path / "screen"
    doctor(host, "--output", f"console={screen}")
    lines = [line.strip() for line in screen.read_text().splitlines()]
    (since,) = (line for line in lines if line.startswith("since "))
    # Ours are not among them, though they got 502 too.
    assert "3 real failures in nginx's log (POST /api/sessions 502)" in " ".join(
        lines[lines.index(since) : lines.index(since) + 2]
    )
    (first,) = (line for line in lines if line.startswith("just before: "))
    before = " ".join(lines[lines.index(first) : lines.index(first) + 2])
    assert "eloquence changed" in before
    assert "nginx.service started" in before


def _lines(host: Host, tmp_path: Path) -> str:
    """Doctor's screen as one line: what is long is broken there."""
    screen = tmp_path / "screen"
    doctor(host, "--output", f"console={screen}")
    return " ".join(screen.read_text().split())


def test_a_stopped_livekit_that_nobody_asked_for_since(host: Host, tmp_path: Path) -> None:
    host.shell("touch /etc/livekit.yaml")
    FAULTS["livekit-stopped"](host)
    said = _lines(host, tmp_path)
    assert "UTC: livekit.service is not running" in said, said[:1500]
    assert "livekit.yaml changed" in said


@pytest.mark.parametrize(
    ("fault", "name"), [("api-env-missing", ".env.local"), ("api-adapters-missing", "adapters")]
)
def test_what_was_deleted_just_before(host: Host, tmp_path: Path, fault: str, name: str) -> None:
    FAULTS[fault](host)
    host.curl("--request", "POST", "https://api.éloquence.test/api/sessions")
    said = _lines(host, tmp_path)
    assert f"{name} deleted" in said, said[:1500]


def test_an_api_that_fails_behind_no_proxy(host: Host, tmp_path: Path) -> None:
    path = f"{REMOTE_DIR}/adapters/livekit.py"
    host.write(path, "raise RuntimeError('an update went wrong')\n")
    host.shell(f"systemctl stop nginx; systemctl restart {API_UNIT}", check=False)
    said = _lines(host, tmp_path)
    assert f"in {API_UNIT}'s journal (Traceback)" in said
    assert "livekit.py changed" in said
