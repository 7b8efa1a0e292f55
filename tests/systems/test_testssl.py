"""testssl.sh on the whole matrix: where it and check-ssl differ, docs/tls.md says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.systems.testssl import testssl as require_testssl
from tests.systems.testssl_table import compared, renewed, unexplained, unused


@pytest.mark.soak
@pytest.mark.real
def test_every_difference_has_its_reason(tmp_path: Path) -> None:
    require_testssl()
    found = compared(tmp_path, tmp_path / "said")
    assert {one.label for one in found} >= unexplained(found)
    assert unexplained(found) == set()
    assert unused(found) == set()


def test_the_section_takes_the_place_of_the_one_before() -> None:
    new = "## Beside testssl.sh\n\nnew\n"
    assert renewed("# TLS\n", new) == f"# TLS\n\n{new}"
    old = "# TLS\n\n## Beside testssl.sh\n\nold\n"
    assert renewed(old, new) == f"# TLS\n\n{new}"
    between = f"{old}\n## After\n\nkept\n"
    assert renewed(between, new) == f"# TLS\n\n{new}\n## After\n\nkept\n"
    assert renewed(renewed(between, new), new) == renewed(between, new)
