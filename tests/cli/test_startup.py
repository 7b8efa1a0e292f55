"""What a command does not import: it would be waited for by everybody."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HELP = (
    "import sys, runpy; sys.argv = ['eloquence', '--help']\n"
    "try: runpy.run_module('eloquence_ops', run_name='__main__')\n"
    "except SystemExit: pass\n"
)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (_HELP, ("pydantic", "paramiko", "cryptography", "websockets")),
        # doctor, without a server to log in to
        ("import eloquence_ops.cli.examination", ("paramiko", "livekit", "fastapi")),
    ],
    ids=["help", "doctor"],
)
def test_what_is_not_needed_is_not_imported(code: str, heavy: tuple[str, ...]) -> None:
    ask = (
        f"{code}\nimport sys; print(*sorted({{*{heavy!r}}} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.split() == []
