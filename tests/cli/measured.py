"""The real command, and then the most memory that it ever held.

`python -m tests.cli.measured FILE WORDS…` runs `eloquence WORDS…` and writes bytes to FILE.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from eloquence_ops.cli import main


def peak_bytes() -> int:
    """Of this program alone.

    The usual `ru_maxrss` also counts whoever started it: Linux keeps it across exec, and there the
    process still was a copy of pytest.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts in bytes


if __name__ == "__main__":
    file = Path(sys.argv.pop(1))
    try:
        main()
    finally:
        file.write_text(str(peak_bytes()))
