"""Makes docs/demo.svg: what `eloquence demo` prints, from a real run. `make screenshot`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from rich.console import Console

from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.findings import AREAS
from eloquence_ops.lab.faults import combined, named
from eloquence_ops.lab.system import running
from eloquence_ops.report.account import Storyteller
from eloquence_ops.report.console import Screen
from eloquence_ops.run.carry_out import Execution
from eloquence_ops.run.examine import examine
from eloquence_ops.run.plan import Plan
from eloquence_ops.secrets import Redactor

FAULT = "livekit-not-running"


def main() -> None:
    console = Console(record=True, width=80, markup=False, highlight=False, emoji=False)
    with running(combined(named([FAULT]))) as system:
        plan = Plan(
            target=system.target,
            areas=frozenset(AREAS),
            environ={},
            redactor=Redactor(*system.credentials.secrets()),
            api_key=system.credentials.api_key,
        )
        recording = asyncio.run(Execution(plan, "doctor").carry_out())
    story = Storyteller(examine(recording, catalogue()), catalogue(), "en")
    Screen(console, story).show()
    path = Path(__file__).with_name("demo.svg")
    svg = console.export_svg(title=f"eloquence demo {FAULT}")
    # A picture in a repository fetches nothing: the reader's own monospace font serves.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    path.write_text(svg.replace("Fira Code", "monospace"), encoding="utf-8")


if __name__ == "__main__":
    main()
