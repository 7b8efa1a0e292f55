"""What ends a deploy before the server was changed, or leaves it open.

EloquenceError            (exit 3)
├── DeployRefused         (exit 3)  something on the server is in the way; nothing was changed
├── Locked                (exit 3)  another deploy is under way
└── WentOn                (exit 3)  the link is gone; the server finishes by itself
UsageError                (exit 2)
├── SourceRefused         (exit 2)  something in the source (`source.py`)
└── SourceChanged         (exit 1)  it changed while it was read
"""

from __future__ import annotations

from eloquence_ops.errors import EloquenceError


class DeployRefused(EloquenceError):
    """Nothing was changed."""


class Locked(DeployRefused):
    """By whom, since when, and in which step is in the sentence."""


class WentOn(EloquenceError):
    """How it ended is not known here."""
