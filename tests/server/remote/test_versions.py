"""Requirements against versions, as pip reads them."""

from __future__ import annotations

import pytest

from eloquence_ops.server.remote import versions


@pytest.mark.parametrize(
    ("version", "wanted", "verdict"),
    [
        ("0.163.2", ">=0.100", True),
        ("0.54.0", "==0.20.0", False),
        ("1.0", "==1.0.0", True),
        ("1.4.5", "~=1.4", True),
        ("2.0", "~=1.4", False),
        ("1.4.5", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("1.4.5", "==1.4.*", True),
        ("1.5", "==1.4.*", False),
        ("1.5", "!=1.4.*", True),
        ("2.0rc1", "<2.0", True),
        ("2.0rc1", ">=2.0", False),
        ("2.0.dev1", "<2.0a1", True),
        ("2.0.post1", ">2.0", True),
        ("1.10", ">1.9", True),
        ("1.2.3+local", "==1.2.3", True),
        ("1.0", ">=1,<2", True),
        ("2.0", ">=1,<2", False),
        ("1.0", "===1.0", True),
        ("1.0", "", True),
        ("unknown", ">=1", None),
        ("1.0", ">=banana", None),
    ],
)
def test_whether_a_version_is_what_was_asked_for(
    version: str, wanted: str, verdict: bool | None
) -> None:
    requirement = versions.parse_requirement(f"x{wanted}")
    assert requirement is not None
    assert versions.satisfies(version, requirement.clauses) is verdict


REQUIREMENTS = """\
# of the API
fastapi>=0.100
uvicorn[standard]==0.20.0   # pinned
livekit-api
Python_DotEnv ~= 1.0
uvloop; sys_platform != "win32"
pinned==1.0 \\
    --hash=sha256:0123 \\
    --hash=sha256:4567
-r other.txt
--index-url https://user:password@example.com/simple
git+https://github.com/a/b.git
name @ https://example.com/x.whl
./local
"""


def test_a_requirements_file() -> None:
    found, other = versions.parse_requirements(REQUIREMENTS)
    assert [(entry.name, entry.wanted) for entry in found] == [
        ("fastapi", ">=0.100"),
        ("uvicorn", "==0.20.0"),
        ("livekit-api", ""),
        ("python-dotenv", "~=1.0"),
        ("uvloop", ""),
        ("pinned", "==1.0"),
    ]
    assert [entry.name for entry in found if entry.has_marker] == ["uvloop"]
    assert len(other) == 5
