"""For all tests: the environment of whoever runs them leads none of them elsewhere."""

from __future__ import annotations

import os

import hypothesis

# How long an example takes says something of the machine that is busy, and nothing of the code.
hypothesis.settings.register_profile("eloquence", deadline=None)
hypothesis.settings.load_profile("eloquence")

_LEADING_ELSEWHERE = ("ELOQUENCE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "LC_")

for _name in tuple(os.environ):
    if _name.upper().startswith(_LEADING_ELSEWHERE) and _name != "ELOQUENCE_REQUIRE_REAL":
        del os.environ[_name]
os.environ["LANG"] = "C.UTF-8"
