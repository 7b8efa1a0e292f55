"""When memory is searched for garbage: not in a short run, which ends before that pays.

Loading makes some hundred thousand objects that all stay. Looking through them again and again
takes a fifth of a short run.
"""

from __future__ import annotations

import gc


def collect_from_now_on() -> None:
    """For what may run for hours: of what is made from here on. What was loaded is left aside."""
    gc.freeze()
    gc.enable()
