"""The LiveKit key pair of the settings is compared with what signs tokens; no token is shown."""

from __future__ import annotations

import json
from pathlib import Path

from eloquence_ops.lab.services.api import LAB_LIVEKIT_KEY, ApiBehaviour, build_api
from tests.cli.command import run
from tests.cli.labs import served


def test_a_session_signed_with_another_key_than_the_settings_is_told(tmp_path: Path) -> None:
    with served(build_api(ApiBehaviour(livekit_url="ws://127.0.0.1:9"))) as (port,):
        ended = run(
            *("check-api", "--api", f"http://127.0.0.1:{port}", "--output", "json"),
            cwd=tmp_path,
            environ={
                "ELOQUENCE_API_KEY": ApiBehaviour().api_key,
                "ELOQUENCE_LIVEKIT_API_KEY": "key-of-the-settings",
                "ELOQUENCE_LIVEKIT_API_SECRET": "a-secret-that-nobody-has-to-see",
            },
        )
    told = json.loads(ended.out)
    (finding,) = (entry for entry in told["findings"] if entry["check"] == "api.token")
    assert finding["id"] == "api.token.other-issuer"
    assert finding["evidence"] == {"issuer": LAB_LIVEKIT_KEY, "known": "key-of-the-settings"}
    assert [cause["id"] for cause in told["causes"]] == ["token-unknown-livekit-key"]
    assert "eyJ" not in ended.text + ended.complaint
    assert "nobody-has-to-see" not in ended.text + ended.complaint
