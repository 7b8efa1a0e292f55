"""`eloquence --help` beside the smallest program that Typer can make."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.timing import run, show, side_by_side

_BARE = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    '''Greet somebody.'''
    print(name)


@app.command()
def goodbye(name: str) -> None:
    '''Say goodbye.'''
    print(name)


app()
"""


def main() -> None:
    """Goal: at most 1.5 times the peer."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(_BARE, encoding="utf-8")
        figures = side_by_side(
            {
                "eloquence --help": lambda: run([sys.executable, "-m", "eloquence_ops", "--help"]),
                "a bare Typer program --help": lambda: run([sys.executable, str(bare), "--help"]),
            },
            rounds=15,
        )
    show(
        "--help (whole process; goal: ratio at most 1.5)",
        figures,
        "eloquence --help",
        "a bare Typer program --help",
    )
